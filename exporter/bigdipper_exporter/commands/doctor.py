"""Looks at every part of the exporter's world, and says per line: fine, or what is wrong and what to do."""

import errno
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from pathlib import Path
from urllib.parse import urlsplit

from bigdipper_exporter import calendar
from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.migrate import NEWEST, version_of
from bigdipper_exporter.archive.store import connect_readonly
from bigdipper_exporter.broker.client import Access, Client
from bigdipper_exporter.broker.rate_budget import Budget
from bigdipper_exporter.broker.results import Failure
from bigdipper_exporter.commands import alerting
from bigdipper_exporter.config.kinds import split_address
from bigdipper_exporter.config.patterns import slow
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.config.yamlfile import ConfigError
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.log.folder import GUESSED, UNREAD
from bigdipper_exporter.log.lines.cycles import Session
from bigdipper_exporter.log.parser import ParsedChunk, Reader
from bigdipper_exporter.log.segment import Source
from bigdipper_exporter.projection import Projection
from bigdipper_exporter.projection.state import BotState, DamagedLine, narrow
from bigdipper_exporter.sectors import read_sectors
from bigdipper_exporter.thresholds import DISK_FREE_BYTES
from bigdipper_exporter.web import config as web_config
from bigdipper_exporter.web.listen import ListenError, listen, port_holder

TAIL_BYTES = 256 * 1024
GROWING_SECONDS = 180.0
ZONE_TOLERANCE = 900.0
OLD_SECONDS = 26 * 3600.0  # no two time zones are further apart


@dataclass(frozen=True)
class Finding:
    """One part: whether it is fine, and a sentence, which says what to do when it is not."""

    fine: bool
    part: str
    sentence: str

    def __str__(self) -> str:
        return f"{'fine ' if self.fine else 'WRONG'}  {self.part:<10} {self.sentence}"


def examine(settings: Settings) -> Iterator[Finding]:
    """A finding for each part, in the order in which problems should be mended."""
    for look in (_config, _log, _archive, _disk, _port, _bot_config, _broker, _alerting):
        yield from look(settings)


def unusable(settings: Settings) -> list[str]:
    """What is wrong with the owner's files that the settings name, for which `run` would refuse to start."""
    problems: list[str] = []
    try:
        read_sectors(settings.sectors_file)
    except ConfigError as error:
        problems += error.problems
    try:
        if settings.web_config_file is not None:
            web_config.load(settings.web_config_file)
    except ConfigError as error:
        problems += error.problems
    return problems


def _config(settings: Settings) -> Iterator[Finding]:
    source = f"{settings.config_file}, " if settings.config_file else ""
    problems = unusable(settings)
    yield from (Finding(False, "config", problem) for problem in problems)
    yield from (Finding(False, "patterns", finding) for finding in slow(settings.patterns))
    if not problems:
        yield Finding(True, "config", f"{source}environment and flags are valid")


def _log(settings: Settings) -> Iterator[Finding]:
    path = settings.log_path
    if path is None and settings.alpaca_key:
        yield Finding(
            True, "log", "no log is named: the account is watched with its keys alone, and nothing is known of the bot"
        )
        return
    if path is None:
        yield Finding(False, "log", "no log is named: set --log.path (or LOG_PATH) to the bot's log file")
        return
    try:
        with closing(Source(path)) as file:
            size = file.size()
            data = file.read(max(0, size - TAIL_BYTES), TAIL_BYTES)
            if file.trouble:
                raise file.trouble
    except OSError as error:
        yield Finding(False, "log", f"{path} cannot be read: {_reason(path, error)}")
        return
    quiet = time.time() - path.stat().st_mtime
    if quiet > GROWING_SECONDS:
        yield Finding(
            False,
            "log",
            f"{path} is readable, but has not grown for {_span(quiet)}; a living bot writes every minute:"
            " is it running, and does its output go to this file? (after a rename it goes on writing to the old file)",
        )
    else:
        yield Finding(True, "log", f"{path} is readable and grew {_span(quiet)} ago")
    first = data.find(b"\n") + 1 if size > TAIL_BYTES else 0
    portion = ParsedChunk(path=str(path))
    Reader(settings.log_timezone).read(1, first, data[first : data.rfind(b"\n") + 1], portion)
    yield _form(portion)
    yield from _damaged(settings, portion)
    yield from _zone(settings, portion, quiet)
    yield from _packed(path)


def _packed(path: Path) -> Iterator[Finding]:
    try:
        beside = list(path.parent.iterdir())
    except OSError:
        yield Finding(True, "rotated", f"{path.parent} may not be listed: of rotated files only .1 to .{GUESSED} are found")
        return
    packed = sorted(file.name for file in beside if file.name.startswith(path.name) and file.suffix in UNREAD)
    if packed:
        yield Finding(
            False,
            "rotated",
            f"of the rotated files {len(packed)} cannot be read, such as {packed[-1]}: let logrotate pack"
            " with gzip (`compress` without `compresscmd`), or what is rotated while the exporter is off is lost to it",
        )


def _form(portion: ParsedChunk) -> Finding:
    forms = [record.forms for record in portion.records if record.forms]
    if not forms:
        return Finding(False, "form", f"none of the last {portion.lines} lines is Big Dipper's: is this the bot's log?")
    name = BotState(forms=reduce(narrow, forms)).form
    return Finding(True, "form", f"{len(forms)} lines of Big Dipper's in the last {portion.lines}, form {name}")


def _damaged(settings: Settings, portion: ParsedChunk) -> Iterator[Finding]:
    """The last lines that the exporter could not read, or where there is no archive yet, those at the end of the log."""
    found: list[DamagedLine] = []
    with suppress(ArchiveError, sqlite3.Error, ValueError), closing(connect_readonly(settings.archive_path)) as connection:
        found = BotState.from_json(saved.load(connection, saved.LOG) or "{}").damaged
    if not found:
        projection = Projection(BotState(), Counters())
        projection.apply(portion)
        found = projection.state.damaged
    for line in found:
        is_old = time.time() - line.ts > OLD_SECONDS
        yield Finding(is_old, "damaged", f"{line}{'' if is_old else '; it was not counted as an event'}")


def _zone(settings: Settings, portion: ParsedChunk, quiet: float) -> Iterator[Finding]:
    """The zone is judged twice: newest line against the file's mtime, and session lines against the NYSE's hours."""
    if portion.last_ts is None:
        return
    zone = settings.log_timezone
    skew = time.time() - quiet - portion.last_ts
    if abs(skew) > OLD_SECONDS:
        old = "an old or a copied log, which says nothing about the zone"
        yield Finding(True, "time zone", f"the newest line is {_span(abs(skew))} from the file's last change: {old}")
    elif abs(skew) > ZONE_TOLERANCE:
        hours = round(skew / 1800) / 2
        yield Finding(
            False,
            "time zone",
            f"with log.timezone {zone} the newest line is {_span(abs(skew))}"
            f" {'before' if skew > 0 else 'after'} the file's last change: set --log.timezone to the zone of the bot's machine"
            f" ({-hours:+g} h from {zone}); or the file was copied or has just been idle",
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
            f"with log.timezone {zone} the bot would have seen regular hours at {at:%H:%M} New York:"
            " set --log.timezone to the zone of the bot's machine",
        )
    elif abs(skew) <= ZONE_TOLERANCE:
        yield Finding(True, "time zone", f"{zone} fits: the newest line is {_span(abs(skew))} from the file's last change")


def _regular(ts: float) -> bool:
    local = datetime.fromtimestamp(ts, calendar.NEW_YORK)
    return (9, 29) <= (local.hour, local.minute) <= (16, 1)


def _archive(settings: Settings) -> Iterator[Finding]:
    path = settings.archive_path
    if not path.exists():
        writable = path.parent.is_dir() and os.access(path.parent, os.W_OK)
        why = f"{path.parent} is missing, or not writable for user id {os.geteuid()}"
        words = "will be made at the first start" if writable else f"cannot be made: {why}"
        yield Finding(writable, "archive", f"{path} {words}")
        return
    try:
        with closing(connect_readonly(path)) as connection:
            version = version_of(connection)
            check = " ".join(connection.execute("PRAGMA quick_check(1)").fetchone()[0].split())
            trades = connection.execute("SELECT count(*) FROM trades").fetchone()[0] if version else 0
    except ArchiveError as error:
        yield Finding(False, "archive", str(error))
        return
    except sqlite3.Error as error:
        yield Finding(False, "archive", f"{path}: {error}; restore a backup or name another --archive.path")
        return
    if check != "ok":
        yield Finding(False, "archive", f"{path} is damaged ({check}): stop the exporter and restore a backup")
    elif version > NEWEST:
        yield Finding(False, "archive", f"{path} was made by a newer exporter (schema {version}): install that one again")
    elif not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        yield Finding(False, "archive", f"{path} or its folder is not writable for user id {os.geteuid()}: chown it")
    elif not version:
        yield Finding(True, "archive", f"{path} is empty; the next start makes its tables")
    else:
        yield Finding(True, "archive", f"{path} is whole and writable, schema {version}, {trades} trades")


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.archive_path.absolute().parent
    if not folder.is_dir():
        return
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e9:,.1f} GB free for the archive"
    low = free < DISK_FREE_BYTES
    yield Finding(not low, "disk", f"only {words}: make room, or lower --archive.retention" if low else words)


def _port(settings: Settings) -> Iterator[Finding]:
    address = settings.web_listen_address
    try:
        listen(address).close()
    except ListenError as error:
        holder = port_holder(split_address(address)[1]) or ""
        ours = _writer(settings.archive_path)
        if ours and holder.startswith(f"process {ours} "):
            yield Finding(True, "port", f"{address} is served by the exporter of this archive, process {ours}")
        else:
            yield Finding(False, "port", f"{error}: name another --web.listen-address, or end that process")
    else:
        yield Finding(True, "port", f"{address} is free")


def _writer(archive: Path) -> str:
    """The id of the process that writes, or wrote last, to the archive; "" if none is known."""
    with suppress(OSError):
        match = re.match(r"process (\d+) ", archive.with_name(archive.name + ".lock").read_text(errors="replace"))
        return match[1] if match else ""
    return ""


def _bot_config(settings: Settings) -> Iterator[Finding]:
    if settings.bot_config is None:
        return
    readable = os.access(settings.bot_config, os.R_OK)
    words = "is readable" if readable else "cannot be read: name the bot's config.py with --bot.config"
    yield Finding(readable, "bot", f"{settings.bot_config} {words}")


def _broker(settings: Settings) -> Iterator[Finding]:
    if not settings.alpaca_key:
        yield Finding(True, "broker", "no credentials: figures come from the log alone (set ALPACA_KEY and ALPACA_SECRET)")
        return
    host = urlsplit(settings.alpaca_url or "").netloc or ("Alpaca's paper account" if settings.alpaca_paper else "Alpaca, live")
    try:
        _ask(settings)
    except Failure as failure:
        keys = "do key, secret and alpaca.paper belong to the same account?"
        advice = keys if failure.reason == "unauthorized" else "try again later"
        yield Finding(False, "broker", f"{host} did not answer as it should ({failure.reason}: {failure}): {advice}")
    else:
        yield Finding(True, "broker", f"{host} knows the keys and answers")


def _alerting(settings: Settings) -> Iterator[Finding]:
    if settings.alertmanager_url:
        fine, sentence = alerting.judged(settings.alertmanager_url)
        yield Finding(fine, "alerting", sentence)


def _ask(settings: Settings) -> None:
    """One GET of the account; Failure when it brings nothing."""
    keys = settings.alpaca_key or "", settings.alpaca_secret or ""
    access = Access(*keys, settings.alpaca_paper, settings.alpaca_url, settings.alpaca_timeout)
    client = Client(access, Budget(settings.alpaca_requests_per_minute, time.monotonic), time.sleep)
    try:
        client.get("/account")
    finally:
        client.close()


def _reason(path: Path, error: OSError) -> str:
    if error.errno == errno.EACCES:
        return f"permission denied for user id {os.geteuid()}: add it to the file's group, or chmod the file"
    if error.errno == errno.ENOENT:
        return "there is no such file: is the path right, and has the bot started?"
    return error.strerror or os.strerror(error.errno or 0)


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
