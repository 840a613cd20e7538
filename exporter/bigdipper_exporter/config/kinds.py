"""What a value may look like: one parser per kind, for YAML, environment and flags alike.

Every parser takes the text as the user wrote it and raises ValueError with a short reason; the caller adds key and
place.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import tzlocal

T = TypeVar("T")

SECOND, MINUTE, HOUR, DAY = 1, 60, 3600, 86400
_UNITS = {"ms": 0.001, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY, "y": 365 * DAY}
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d|w|y)")
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of value: how it is read, and the words that tell a user what is allowed."""

    parse: Callable[[str], T]
    allowed: str


def duration_seconds(text: str) -> float:
    """Seconds of `90s`, `5m`, `1h30m`, `30d`, `1y` (365 days); `0` is 0."""
    if text == "0":
        return 0.0
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError("needs a unit" if text.isdecimal() else "is not a duration")
    return float(sum(int(number) * _UNITS[unit] for number, unit in parts))


def duration(low: str, high: str, zero: str = "") -> Kind[float]:
    """Durations from `low` to `high`; `zero`, if given, says what `0` means."""

    def parse(text: str) -> float:
        seconds = duration_seconds(text)
        if not (seconds == 0 and zero) and not duration_seconds(low) <= seconds <= duration_seconds(high):
            raise ValueError("is out of range")
        return seconds

    return Kind(parse, f"{low} to {high}" + (f", or 0 = {zero}" if zero else ""))


def integer(low: int, high: int) -> Kind[int]:
    """Whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
            raise ValueError("is not a whole number")
        if not low <= int(text) <= high:
            raise ValueError("is out of range")
        return int(text)

    return Kind(parse, f"{low} to {high}")


def ratio(high: float) -> Kind[float]:
    """Ratios above 0 up to `high`."""

    def parse(text: str) -> float:
        if not re.fullmatch(r"[0-9]{0,9}\.?[0-9]{0,15}", text) or text in ("", "."):
            raise ValueError("is not a ratio")
        if not 0 < float(text) <= high:
            raise ValueError("is out of range")
        return float(text)

    return Kind(parse, f"a ratio above 0, at most {high:g} (15 % is 0.15)")


def choice(*values: str, also: Mapping[str, str] | None = None) -> Kind[str]:
    """One of `values`, in any case; `also` maps other spellings to them."""
    known = {value: value for value in values} | dict(also or {})

    def parse(text: str) -> str:
        if text.lower() not in known:
            raise ValueError("is unknown")
        return known[text.lower()]

    return Kind(parse, ", ".join(values))


def exactly(values: Collection[str]) -> Kind[str]:
    """One of `values`, letter by letter."""

    def parse(text: str) -> str:
        if text not in values:
            raise ValueError("is unknown")
        return text

    return Kind(parse, ", ".join(values))


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError("is neither true nor false")
    return _BOOLEANS[text.lower()]


def _path(text: str) -> Path:
    if "\0" in text:
        raise ValueError("contains a NUL byte")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError("names a home folder that does not exist") from None


def _time_zone(text: str) -> ZoneInfo:
    try:
        return tzlocal.get_localzone() if text == "local" else ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not a known time zone") from None


def split_address(text: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:10077`, `[::1]:10077` or `:10077` (host "" = every interface).

    Raises ValueError with the reason.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port):
        raise ValueError("has no port")
    if int(port) > 65535:
        raise ValueError("has a port above 65535")
    if host.startswith("[") and host.endswith("]") and re.fullmatch(r"[0-9A-Fa-f:.]+(%\w+)?", host[1:-1]):
        return host[1:-1], int(port)
    if ":" in host:
        raise ValueError("needs [ ] around an IPv6 address")
    if host and not _HOST_NAME.fullmatch(host):
        raise ValueError("has no valid host")
    return host, int(port)


def _address(text: str) -> str:
    split_address(text)
    return text


def _url_path(text: str) -> str:
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]+", text) or text.startswith(("/-/", "//")):
        raise ValueError("cannot be served")
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.isprintable() or " " in text:
        raise ValueError("is not an http or https address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("has more than scheme, host and path")
    _ = parts.port  # raises ValueError by itself if it is not a port
    return text.rstrip("/")


def _secret(text: str) -> str:
    if not re.fullmatch(r"[!-~]{1,512}", text):
        raise ValueError("contains a space, a line break or a character that cannot be part of it")
    return text


def _line(text: str) -> str:
    if not text.isprintable() or len(text) > 100:
        raise ValueError("is not one line of at most 100 characters")
    return text


def _origins(text: str) -> tuple[str, ...]:
    """Origins of web pages, as a browser sends them: scheme, host and port, nothing more."""
    origins = [name.strip().lower() for name in text.split(",") if name.strip()]
    for origin in origins:
        if not re.fullmatch(r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?", origin):
            raise ValueError(f"has {origin!r}, which is not an origin")
    return tuple(origins)


def _named_paths(text: str) -> Mapping[str, Path]:
    found: dict[str, Path] = {}
    for item in (part.strip() for part in text.split(",") if part.strip()):
        name, equals, path = item.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}", name) or not path:
            raise ValueError(f"has {item!r}, which is not NAME=PATH")
        if name in found:
            raise ValueError(f"has the name {name!r} twice")
        found[name] = _path(path)
    return found


def _hosts(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if not _HOST_NAME.fullmatch(name):
            raise ValueError(f"has {name!r}, which is not a host name")
    return tuple(names)


def _stock(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{1,5}(\.[A-Z]{1,2})?", text):
        raise ValueError("is not a stock's symbol in capitals")
    return text


BOOLEAN = Kind(_boolean, "true, false, yes, no, 1, 0")
PATH = Kind(_path, "a path")
TIME_ZONE = Kind(_time_zone, "an IANA name such as America/New_York, or local")
ADDRESS = Kind(_address, "host:port, [IPv6]:port or :port")
URL_PATH = Kind(_url_path, "a path such as /metrics, not / and not below /-/")
URL = Kind(_url, "http://host[:port] or https://host[:port]")
HOSTS = Kind(_hosts, "host names separated by commas, without ports")
ORIGINS = Kind(_origins, "origins such as https://home.example.org, separated by commas")
NAMED_PATHS = Kind(_named_paths, "NAME=PATH, separated by commas; names of letters, digits, dot, dash")
SECRET = Kind(_secret, "visible ASCII without spaces")
STOCK = Kind(_stock, "a symbol such as SPY or BRK.B")
LINE = Kind(_line, "one line of at most 100 characters")
