"""The bot's own config.py as a source: watched for changes, checked, its settings archived and shown. Never executed."""

import hashlib
import os
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bigdipper_exporter import logs
from bigdipper_exporter.archive import bot_settings
from bigdipper_exporter.archive.bot_tables import FindingRow
from bigdipper_exporter.archive.queries.settings import SettingChange, history
from bigdipper_exporter.botconfig import rules, source
from bigdipper_exporter.botconfig.copies import Copies
from bigdipper_exporter.botconfig.effect import not_in_effect
from bigdipper_exporter.botconfig.expressions import Value
from bigdipper_exporter.botconfig.rules import DEFAULT, RULES, SECRET_NAME, SEVERITIES, THRESHOLDS, Finding, fits
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.files import PatientCall, read_regular

LOOK_SECONDS = 1.0
HANGING_SECONDS = 10.0
MOST_NUMBERS = 100

log = logs.get("bot-config")


@dataclass(frozen=True, slots=True)
class BotConfigView:
    """The bot's settings as its file says. Ratios are ratios; `brake` and `hard` are debt over equity, None if not readable.

    up: the file could be read at the last look; otherwise the rest is what it said before. thresholds: the dip from which each
    watched symbol is bought. counts: findings by severity. changed: unix seconds of the last change of a setting.
    """

    up: bool = False
    hash: str | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    changed: float | None = None
    brake: float | None = None
    hard: float | None = None
    uses_margin: bool = True
    history: tuple[SettingChange, ...] = ()

    def pending(self, started: float | None) -> int | None:
        """How many settings the bot that `started` then (unix seconds) has not read; None when that is not known."""
        changed = self.changed_since(started)
        return None if changed is None else len(changed)

    def changed_since(self, started: float | None) -> tuple[str, ...] | None:
        """Return the settings that the bot that `started` then (unix seconds) has not read; None when that is not known."""
        return not_in_effect(self.history, started)


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of the file: its settings and findings, or just the finding that it cannot be read.

    written: when the file was written, in unix seconds.
    """

    findings: tuple[Finding, ...]
    settings: Mapping[str, Value] | None = None
    hash: str | None = None
    written: float | None = None


def read(path: Path) -> Reading:
    """Read and check the file. Whatever is in it or wrong with it becomes a finding; this never raises."""
    try:
        written = path.stat().st_mtime
        text = read_regular(path, source.MOST_BYTES)
        replaced = _replaced(path)
    except OSError as error:
        return Reading((Finding("error", "file", f"{path} cannot be read: {error.strerror or error}"),))
    reading = judge(text, str(path))
    if reading.settings is None:
        return reading
    return replace(reading, findings=(*replaced, *reading.findings), written=written)


def judge(text: bytes, name: str) -> Reading:
    """Check a config.py; `name` is what messages call it. This never raises."""
    try:
        settings = source.read(text)
        findings = rules.check(settings)
    except ValueError as error:
        return Reading((Finding("error", "file", f"{name}: {error}"),))
    except Exception as error:  # a file that the owner edits must not end the exporter
        return Reading((Finding("error", "file", f"{name} cannot be checked: {type(error).__name__}; please report this"),))
    return Reading(tuple(findings), settings, hashlib.sha256(text).hexdigest()[:12])


def _replaced(path: Path) -> list[Finding]:
    """A file that is mounted alone into a container stays the old one when the host replaces it: its link count becomes 0."""
    if os.stat(path).st_nlink:
        return []
    said = "the file was replaced on the host, and this container still sees the old one: mount its folder, or restart"
    return [Finding("warning", "file", f"{path}: {said}")]


def check(path: Path) -> list[Finding]:
    """Every setting of the bot's config.py, one line each, and what is unknown or contradicts."""
    return list(read(path).findings)


def flat(settings: Mapping[str, Value]) -> dict[str, str]:
    """The settings as rows of the table bot_config: text by name, thresholds one by one, without anything secret."""
    rows: dict[str, str] = {}
    for name, setting in settings.items():
        if SECRET_NAME.search(name):
            continue
        if setting.problem is not None:
            rows[name] = "not readable"
        elif isinstance(setting.value, dict):
            for key, value in setting.value.items():
                rows[rules.shown("", f"{name}.{key}"[:60])] = rules.shown(str(key), value)
        else:
            rows[name] = rules.shown(name, setting.value)
    return rows


def view(reading: Reading, changed: float | None) -> BotConfigView:
    """What a scrape shows of a reading."""
    counts: dict[str, int] = {severity: sum(f.severity == severity for f in reading.findings) for severity in SEVERITIES}
    settings = reading.settings or {}
    good = {n: v.value for n, v in settings.items() if n in RULES and v.problem is None and fits(RULES[n], v.value)}
    numbers = {
        name: float(setting.value)
        for name, setting in settings.items()
        if isinstance(setting.value, int | float) and abs(setting.value) < 1e15 and not SECRET_NAME.search(name)
    }
    return BotConfigView(
        up=reading.settings is not None,
        hash=reading.hash,
        numbers=dict(list(numbers.items())[:MOST_NUMBERS]),
        thresholds=_thresholds(good),
        counts=counts,
        changed=changed,
        brake=good.get("MARGIN_SAFETY_THRESHOLD"),
        hard=good.get("MAX_MARGIN_PCT"),
        uses_margin=good.get("USE_MARGIN", True),
    )


def _thresholds(good: Mapping[str, Any]) -> dict[str, float]:
    own = good.get(THRESHOLDS)
    if own is None:
        return {}
    floor = good.get("MIN_ABSOLUTE_DIP", 0.0)
    return {symbol: float(max(own.get(symbol, own[DEFAULT]), floor)) for symbol in good.get("SYMBOLS", own)}


class BotConfig:
    """A `pipeline.Source`: looks once a second whether the file is another one, and stages what it then says."""

    def __init__(self, path: Path, connection: sqlite3.Connection, copies: Path | None = None) -> None:
        """`copies`: where `bot-config` keeps its journal; beside the file without it."""
        self._path = path
        self._copies = Copies.of(path, copies)
        self._look_at = 0.0
        self._seen: object = None
        self._look = PatientCall(self._read_if_changed)
        self._staged: Reading | None = None
        self._next: BotConfigView | None = None
        self._view = BotConfigView(changed=bot_settings.last_change(connection), history=tuple(history(connection)))

    def pending(self) -> bool:
        """Return whether the file changed since it was last written to the archive."""
        now = time.monotonic()
        if self._staged is None and now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            look = self._look.result()
            if look is None and self._look.seconds > HANGING_SECONDS:
                said = f"{self._path} does not answer: is it on a network mount that is gone?"
                look = "hanging", Reading((Finding("error", "file", said),))
            if look is not None and look[0] != self._seen and look[1] is not None:
                self._seen, self._staged = look[0], look[1]
        return self._staged is not None

    def _read_if_changed(self) -> tuple[object, Reading | None]:
        identity = self._identity()
        return identity, None if identity == self._seen else read(self._path)

    def _identity(self) -> object:
        try:
            stat = os.stat(self._path)
        except OSError as error:
            return error.errno
        return stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_nlink

    def write(self, connection: sqlite3.Connection, counters: Counters) -> None:
        """Archive what is different from the newest rows; the findings are replaced."""
        reading, now = self._staged, time.time()
        if reading is None:
            return
        changed, known = self._view.changed, self._view.history
        if reading.settings is not None:
            at = _moment(reading.written, changed, now)
            author = self._copies.author(reading.hash or "")
            if bot_settings.record_changes(connection, flat(reading.settings), at, author):
                changed, known = at, tuple(history(connection))
        bot_settings.replace_findings(
            connection,
            (FindingRow(now, f.severity, f.setting, f.message) for f in reading.findings if f.severity in SEVERITIES),
        )
        new = replace(view(reading, changed), history=known)
        # A file that cannot be read just now (the owner is saving it) takes nothing away from what is known.
        self._next = new if new.up else replace(self._view, up=False, counts=new.counts)

    def commit(self) -> None:
        """Mark what the last `write()` wrote as committed."""
        # Also when it could not be stored: it is not tried again before the file changes.
        staged, self._staged = self._staged, None
        if self._next is None:
            return
        if staged is not None:
            counts = self._next.counts
            said = "read the bot's configuration" if self._next.up else "the bot's configuration cannot be read"
            tell = log.warning if counts.get("error") else log.info
            tell(said, path=self._path, errors=counts.get("error"), warnings=counts.get("warning"))
        self._view, self._next = self._next, None

    def order_logged(self) -> None:
        """An order says nothing about the configuration."""

    def close(self) -> None:
        """Nothing runs for it."""

    @property
    def view(self) -> BotConfigView:
        """What the snapshot shows of the configuration."""
        return self._view


def _moment(written: float | None, last: float | None, now: float) -> float:
    """When the file was written, where that lies between the last change and now; else now, when it was noticed."""
    return written if written is not None and (last or 0.0) < written <= now else now
