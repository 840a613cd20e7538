"""What `doctor` finds out about the log: whether it can be read, grows, is the bot's, and fits the time zone."""

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from pathlib import Path

from bigdipper_exporter import calendar
from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.store import connect_readonly
from bigdipper_exporter.commands.finding import Finding
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.log import forms
from bigdipper_exporter.log.chunks import lines_before
from bigdipper_exporter.log.encodings import plain
from bigdipper_exporter.log.examination import Examinations
from bigdipper_exporter.log.folder import GUESSED, unread
from bigdipper_exporter.log.lines.cycles import Session
from bigdipper_exporter.log.name import REPLACED, is_replaced
from bigdipper_exporter.log.packed import open_source
from bigdipper_exporter.log.parser import Reader
from bigdipper_exporter.log.portion import UNFINISHED_BYTES
from bigdipper_exporter.log.records import OFFSET_MASK, ParsedChunk
from bigdipper_exporter.log.segment import HEAD_BYTES, Source
from bigdipper_exporter.projection import Projection
from bigdipper_exporter.projection.state import TOO_SLOW, UNDECIDED, BotState, narrow, shown, where
from bigdipper_exporter.words import count, duration

TAIL_BYTES = 256 * 1024
SAMPLED = 100  # lines whose form is looked at where none is the bot's
GROWING_SECONDS = 180.0
ZONE_TOLERANCE = 900.0


def examine_log(settings: Settings) -> Iterator[Finding]:
    """Look at the end of the log, at the rotated files beside it, and at the time zone of its lines."""
    path = settings.log_path
    if path is None and settings.alpaca_key:
        yield Finding(
            True, "log", "no log is configured: the account is watched with its keys alone, and nothing is known about the bot"
        )
        return
    if path is None:
        yield Finding(False, "log", "no log is configured: set --log.path (or LOG_PATH) to the bot's log file")
        return
    try:
        end = _read_end(path)
    except OSError as error:
        yield Finding(False, "log", f"{path} cannot be read: {_reason(path, error)}")
        return
    if end.other_kind:
        yield Finding(False, "log", f"{path} is not read: it holds {end.other_kind}. {forms.ADVICE}")
        return
    stat = path.stat()
    quiet = time.time() - stat.st_mtime
    yield _growth(path, stat, quiet)
    portion = ParsedChunk(path=str(path), first=None if end.lines_before is None else end.lines_before + 1)
    lines = end.data[: end.data.rfind(b"\n") + 1]
    reader = Reader(settings.log_timezone)
    reader.read(1, end.offset, lines, portion)
    yield _form(portion, reader.cleaner.form)
    yield from _unfinished(portion, lines, end.data)
    yield from _odd(_state(settings, portion, reader))
    yield from _zone(settings, portion, quiet)
    yield from _packed(path)


@dataclass(frozen=True, slots=True)
class _End:
    """The last TAIL_BYTES of the log. offset: where its first whole line begins; data: all from there on.

    lines_before: lines before that, None where they are too many to count. other_kind: what the file holds, if it is no log.
    """

    offset: int
    data: bytes
    lines_before: int | None
    other_kind: str | None


def _read_end(path: Path) -> _End:
    """Read the end of the log. Raises OSError where it cannot be read, or is compressed and incomplete."""
    with closing(_open(path)) as file:
        # The bot may write on meanwhile: only what was there at first is looked at.
        size = file.size()
        start = max(0, size - TAIL_BYTES)
        data = file.read(start, size - start)
        first = start + (data.find(b"\n") + 1 if start else 0)
        before = lines_before(file, first)
        other_kind = None if file.gz else forms.unreadable_kind(file.read(0, HEAD_BYTES))
        if file.trouble:
            raise file.trouble
        if not file.whole():
            raise OSError(errno.EINVAL, file.flaw or "it holds no whole gzip data")
    return _End(first, data[first - start :], before, other_kind)


def _growth(path: Path, stat: os.stat_result, quiet: float) -> Finding:
    """Say whether the bot writes to the file. quiet: seconds since it did."""
    if is_replaced(stat):
        return Finding(False, "log", f"{path} {REPLACED}")
    if quiet > GROWING_SECONDS:
        return Finding(
            False,
            "log",
            f"{path} is readable, but has not grown for {duration(quiet)}; a running bot writes to it every minute. Check that"
            " the bot runs and logs to this file; if the file was renamed, the bot still writes to the renamed one",
        )
    return Finding(True, "log", f"{path} is readable and grew {duration(quiet)} ago")


def _open(path: Path) -> Source:
    """Open the log as the exporter does; one that is compressed is examined to its end. Raises OSError."""
    examinations = Examinations()
    file = open_source(path, examinations)
    while not file.whole() and file.is_waiting and not file.trouble:
        examinations.renew()
    return file


def _packed(path: Path) -> Iterator[Finding]:
    try:
        os.listdir(path.parent)
    except OSError:
        yield Finding(True, "rotated", f"{path.parent} cannot be listed: rotated files are only found as .1 to .{GUESSED}")
        return
    packed = [file.name for file in unread(path)]
    if packed:
        yield Finding(
            False,
            "rotated",
            f"{count(len(packed), 'rotated file')} such as {packed[-1]} cannot be read: let logrotate compress with gzip"
            " (`compress` without `compresscmd`); otherwise lines that are rotated while the exporter is stopped are lost",
        )


def _form(portion: ParsedChunk, other: str) -> Finding:
    """Say which version's lines these are. other: the form that they have, if not the bot's own."""
    fitting = [record.forms for record in portion.records if record.forms]
    if not fitting:
        why = forms.advice(shown(line) for line in portion.data.splitlines()[-SAMPLED:]) or "is this the bot's log?"
        return Finding(False, "form", f"none of the last {portion.lines} lines is Big Dipper's: {why}")
    name = BotState(forms=reduce(narrow, fitting)).form
    said = (
        f"a log of Big Dipper {name}: {len(fitting):,} of the last {portion.lines:,} lines say something that is counted; the"
        " others are headings and free text"
    )
    said += f"; they are read from {other}" if other else ""
    return Finding(True, "form", said)


def _unfinished(portion: ParsedChunk, lines: bytes, data: bytes) -> Iterator[Finding]:
    """Name the line at the end of the log that has no newline yet."""
    rest = data[len(lines) :].strip(b"\0")
    if rest.strip():
        number = None if portion.first is None else portion.first + lines.count(b"\n")
        said = (
            f"{where(portion.path, number, portion.base + len(lines) & OFFSET_MASK)}: {shown(plain(rest[:UNFINISHED_BYTES]))}"
        )
        yield Finding(True, "unfinished", f"{said}; the last line is read once it ends in a newline")


def _state(settings: Settings, portion: ParsedChunk, reader: Reader) -> BotState:
    """Return the archived state, or where there is none, or nothing odd in it, that of the end of the log."""
    unreadable = (ArchiveError, sqlite3.Error, ValueError, TypeError, AttributeError, KeyError)  # `doctor` names it elsewhere
    with suppress(*unreadable), closing(connect_readonly(settings.archive_path)) as connection:
        state = BotState.from_json(saved.load(connection, saved.LOG) or "{}")
        if state.damaged or state.held or state.slow_patterns:
            return state
    projection = Projection(BotState(), Counters())
    projection.apply(portion)
    projection.state.keep(reader)
    return projection.state


def _odd(state: BotState) -> Iterator[Finding]:
    """Name the last damaged lines, the undecided ones, and patterns that were given up."""
    recent = state.recently_damaged(time.time())
    for damaged in state.damaged:
        is_recent = damaged in recent
        yield Finding(not is_recent, "damaged", f"{damaged}{'; it was not counted as an event' if is_recent else ''}")
    for line in state.undecided():
        yield Finding(True, "undecided", f"{line}; it {UNDECIDED}")
    for name in state.slow_patterns:
        yield Finding(False, "patterns", f"{name} {TOO_SLOW}: simplify it")


def _zone(settings: Settings, portion: ParsedChunk, quiet: float) -> Iterator[Finding]:
    """The zone is judged twice: newest line against the file's mtime, and session lines against the NYSE's hours."""
    if portion.last_ts is None:
        return
    zone = settings.log_timezone
    skew = time.time() - quiet - portion.last_ts
    if abs(skew) > calendar.ZONE_SECONDS:
        old = f"an old or a copied log, so the time zone cannot be inferred from it; assuming {zone} (--log.timezone)"
        yield Finding(True, "time zone", f"the newest line is {duration(abs(skew))} from the file's last change: {old}")
    elif abs(skew) > ZONE_TOLERANCE:
        hours = round(skew / 1800) / 2
        yield Finding(
            False,
            "time zone",
            f"with log.timezone {zone} the newest line is {duration(abs(skew))}"
            f" {'before' if skew > 0 else 'after'} the file's last change: set --log.timezone to the zone of the bot's machine"
            f" ({-hours:+g} h from {zone}), unless the file was copied or the bot has just been idle",
        )
    wrong = [
        record
        for record in portion.records
        if isinstance(record.event, Session) and record.event.session == "regular" and not _regular(record.ts)
    ]
    if wrong:
        at = datetime.fromtimestamp(wrong[-1].ts, calendar.NEW_YORK)
        yield Finding(
            False,
            "time zone",
            f"with log.timezone {zone} a line of the regular session (09:30 to 16:00) would have been written at {at:%H:%M} in"
            " New York: set --log.timezone to the zone of the bot's machine",
        )
    elif abs(skew) <= ZONE_TOLERANCE:
        yield Finding(True, "time zone", f"{zone} fits: the newest line is {duration(abs(skew))} from the file's last change")


def _regular(ts: float) -> bool:
    local = datetime.fromtimestamp(ts, calendar.NEW_YORK)
    return (9, 29) <= (local.hour, local.minute) <= (16, 1)


def _reason(path: Path, error: OSError) -> str:
    if error.errno == errno.EACCES:
        return f"permission denied for user id {os.geteuid()}: add it to the file's group, or chmod the file"
    if error.errno == errno.ENOENT:
        return "there is no such file: is the path right, and has the bot started?"
    if error.errno == errno.EISDIR:
        return "it is a folder: name the log file in it"
    return error.strerror or os.strerror(error.errno or 0)
