"""The file of `--web.config.file`: TLS, headers, passwords and rate, in the format of Prometheus' exporter-toolkit."""

import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bigdipper_exporter.config.kinds import BOOLEAN, Kind, duration, exactly, integer
from bigdipper_exporter.config.yamlfile import ConfigError, Item, Section, read
from bigdipper_exporter.web.tls import Stamp, TlsSection, alternative_names, stamp

SECTIONS = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")

# Header and the values it may have; none listed = any single line.
_HEADERS: dict[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
_BCRYPT = re.compile(r"\$2[abxy]\$(0[4-9]|1[0-9]|2[0-9]|3[01])\$[./A-Za-z0-9]{53}")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `burst` requests at once, and one more every `interval` seconds."""

    interval: float
    burst: int


@dataclass(frozen=True, slots=True)
class WebConfig:
    """The file, checked and ready for use. `files` are all files it was made from, as they were when they were read."""

    tls: ssl.SSLContext | None = None
    allowed_sans: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    rate: RateLimit | None = None
    files: tuple[tuple[Path, Stamp], ...] = ()

    def client_allowed(self, certificate: Mapping[str, object] | None) -> bool:
        """Whether the client's verified certificate carries one of the allowed names, if any are listed."""
        return not self.allowed_sans or not self.allowed_sans.isdisjoint(alternative_names(certificate or {}))


def load(path: Path) -> WebConfig:
    """Read and check the file and all it names. Raises ConfigError with one line per problem."""
    problems: list[str] = []
    itself = (path, stamp(path))
    try:
        document = read(path, problems)
    except ConfigError as error:
        raise ConfigError([f"web.config.file: {line}" for line in error.problems]) from None
    root = Section(document, "", SECTIONS, problems)
    tls_item, http_item = root.get("tls_server_config"), root.get("http_server_config")
    tls = TlsSection(tls_item, path.parent, problems) if tls_item else None
    headers = _headers(http_item, problems) if http_item else {}
    config = WebConfig(
        tls=tls.context() if tls else None,
        allowed_sans=tls.allowed_sans if tls else frozenset(),
        headers=headers,
        users=_users(root, problems),
        rate=_rate(root.get("rate_limit"), problems),
        files=(itself, *(tls.files if tls else ())),
    )
    if problems:
        raise ConfigError([line if line.startswith(str(path)) else f"web.config.file: {line}" for line in problems])
    return config


def _headers(item: Item, problems: list[str]) -> dict[str, str]:
    http = Section(item, "http_server_config", ("http2", "headers"), problems)
    http.value("http2", BOOLEAN, True)  # accepted and without effect: this server speaks HTTP/1.1
    entry = http.get("headers")
    if entry is None:
        return {}
    section = Section(entry, "http_server_config.headers", _HEADERS, problems)
    line = Kind(_header_value, "one line of ASCII")
    found = {name: section.value(name, exactly(values) if values else line, "") for name, values in _HEADERS.items()}
    return {name: value for name, value in found.items() if value}


def _header_value(text: str) -> str:
    if not re.fullmatch(r"[ -~]{0,4096}", text):
        raise ValueError("is not a header value")
    return text


def _users(root: Section, problems: list[str]) -> dict[str, str]:
    users: dict[str, str] = {}
    for name, item in root.pairs("basic_auth_users").items():
        if not isinstance(item.value, str) or not _BCRYPT.fullmatch(item.value):
            problems.append(f"basic_auth_users.{name}: is not a bcrypt hash ({item.where}); allowed: $2y$10$...")
        else:
            users[name] = item.value
    return users


def _rate(item: Item | None, problems: list[str]) -> RateLimit | None:
    if item is None:
        return None
    section = Section(item, "rate_limit", ("interval", "burst"), problems)
    interval = section.value("interval", duration("1ms", "1d", zero="no limit"), 0.0)
    burst = section.value("burst", integer(0, 1_000_000), 0)
    if interval and not burst:
        section.wrong("burst", str(burst), "would refuse every request", "1 or more")
    return RateLimit(interval, burst) if interval else None


class ReloadingConfig:
    """The web config in force: follows the file and all that it names, keeps the last good one when they are bad."""

    # A file that changed a moment ago may be half written; it must not open the door for a moment.
    SETTLED_SECONDS = 0.5
    RETRY_SECONDS = 5.0

    def __init__(self, path: Path | None, say: Callable[[str], None]) -> None:
        """Load the file (None: no TLS, no passwords); `say` gets a line for each later change, good or bad.

        Raises ConfigError if the file cannot be used now.
        """
        self._path, self._say = path, say
        self._config = load(path) if path else WebConfig()
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._said = ""

    def current(self) -> WebConfig:
        """The newest good configuration; costs one stat per file. Never raises."""
        if self._path and self._lock.acquire(blocking=False):
            try:
                self._follow(self._path)
            finally:
                self._lock.release()
        return self._config

    def _follow(self, path: Path) -> None:
        now = [stamp(file) for file, _ in self._config.files]
        changed = now != [stamp for _, stamp in self._config.files]
        newest = max(stamp[0] for stamp in now) / 1e9
        if not changed or abs(time.time() - newest) < self.SETTLED_SECONDS or time.monotonic() < self._not_before:
            return
        try:
            if path.is_file() and path.stat().st_size == 0:
                raise ConfigError([f"{path}: is empty"])  # a full disk leaves such a file; it must not end TLS
            self._config = load(path)
            said = f"{path}: changed, in force now"
        except (ConfigError, OSError) as error:
            # Tried again even if nothing changes: what is missing may be a file that was not watched yet.
            self._not_before = time.monotonic() + self.RETRY_SECONDS
            said = f"{error}; keeping the last good one".replace("\n", "; ")
            if said == self._said:
                return
        self._said = said
        self._say(said)
