"""Checks everything that the exporter depends on; each line says that it is fine, or what is wrong and how to fix it."""

import math
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from bigdipper_exporter.archive.check import condition
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.migrate import NEWEST
from bigdipper_exporter.botconfig.reader import Reading, read, view
from bigdipper_exporter.broker.client import Access, Client
from bigdipper_exporter.broker.rate_budget import Budget
from bigdipper_exporter.broker.results import Failure, Reason
from bigdipper_exporter.commands import alerting
from bigdipper_exporter.commands.doctor_log import examine_log
from bigdipper_exporter.commands.finding import Finding
from bigdipper_exporter.config.kinds import split_address
from bigdipper_exporter.config.patterns import slow
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.config.yamlfile import ConfigError
from bigdipper_exporter.durations import DAY
from bigdipper_exporter.money.benchmark import DAYS_A_YEAR
from bigdipper_exporter.money.dips import usable_lookback
from bigdipper_exporter.sectors import read_sectors
from bigdipper_exporter.thresholds import DISK_FREE_BYTES
from bigdipper_exporter.web import config as web_config
from bigdipper_exporter.web.listen import ListenError, listen, port_holder
from bigdipper_exporter.words import count

# What to look at when the broker does not answer, by the reason.
ADVICE: dict[Reason, str] = {
    "unauthorized": "are key and secret the newest, and do they and alpaca.paper belong to the same account?",
    "connection": "is this machine online, and does it find that host (DNS, proxy, firewall)?",
}


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each part, in the order in which problems should be fixed."""
    for look in (_config, examine_log, _archive, _disk, _port, _bot_config, _broker, _alerting):
        yield from look(settings)


def unusable(settings: Settings) -> list[str]:
    """Return the problems in files named by the settings that would make `run` refuse to start."""
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


def _archive(settings: Settings) -> Iterator[Finding]:
    path = settings.archive_path
    if not path.exists():
        writable = path.parent.is_dir() and os.access(path.parent, os.W_OK)
        why = f"{path.parent} is missing, or not writable for user id {os.geteuid()}"
        words = "will be made at the first start" if writable else f"cannot be made: {why}"
        yield Finding(writable, "archive", f"{path} {words}")
        return
    try:
        found = condition(path)
    except ArchiveError as error:
        yield Finding(False, "archive", str(error))
        return
    except sqlite3.Error as error:
        yield Finding(False, "archive", f"{path}: {error}; restore a backup or name another --archive.path")
        return
    if found.damage:
        yield Finding(False, "archive", f"{path} is damaged ({found.damage}): stop the exporter and restore a backup")
    elif found.version > NEWEST:
        yield Finding(False, "archive", f"{path} was made by a newer exporter (schema {found.version}): install that one again")
    elif not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        yield Finding(False, "archive", f"{path} or its folder is not writable for user id {os.geteuid()}: chown it")
    elif not found.version:
        yield Finding(True, "archive", f"{path} is empty; the next start makes its tables")
    else:
        yield Finding(
            True, "archive", f"{path} is whole and writable, schema {found.version}, {count(found.orders, 'order')} of the bot"
        )


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
            flags = (
                "; it is an exporter: if it is this one, give `doctor` the flags of its `run`" if _is_exporter(holder) else ""
            )
            yield Finding(False, "port", f"{error}{flags}")
    else:
        yield Finding(True, "port", f"{address} is free")


def _is_exporter(holder: str) -> bool:
    """Whether the process, as `port_holder` names it, runs this program."""
    found = re.match(r"process (\d+) ", holder)
    with suppress(OSError):
        return bool(found and re.search(rb"big-dipper|bigdipper_exporter", Path(f"/proc/{found[1]}/cmdline").read_bytes()))
    return False


def _writer(archive: Path) -> str:
    """The id of the process that writes, or wrote last, to the archive; "" if none is known."""
    with suppress(OSError):
        match = re.match(r"process (\d+) ", archive.with_name(archive.name + ".lock").read_text(errors="replace"))
        return match[1] if match else ""
    return ""


def _bot_config(settings: Settings) -> Iterator[Finding]:
    path = settings.bot_config
    if path is None:
        return
    reading = read(path)
    errors = [finding for finding in reading.findings if finding.severity == "error"]
    if reading.settings is None:
        yield from (Finding(False, "bot", f"{error.message}: name the bot's config.py with --bot.config") for error in errors)
        return
    yield from (Finding(False, "bot", f"{path}: {error.setting}: {error.message}") for error in errors)
    if not errors:
        warnings = sum(finding.severity == "warning" for finding in reading.findings)
        more = f", {count(warnings, 'warning')} (`check-config` lists them)" if warnings else ""
        yield Finding(True, "bot", f"{path} is readable: {count(len(reading.settings), 'setting')}{more}")
    yield from _lookback(settings, reading)


def _lookback(settings: Settings, reading: Reading) -> Iterator[Finding]:
    """Dips cannot be told from prices that reach back less far than the bot looks."""
    bars = usable_lookback(view(reading, None).numbers.get("LOOKBACK_DAYS"))
    days = settings.market_data_history / DAY
    if bars is not None and settings.market_data_enabled and (needed := math.ceil(bars * 366 / DAYS_A_YEAR)) > days:
        reach = f"LOOKBACK_DAYS of {settings.bot_config} is {bars} sessions, and prices reach back {days:.0f} days"
        yield Finding(False, "prices", f"{reach}, too few to see a dip: set --market-data.history to {needed}d or more")


def _broker(settings: Settings) -> Iterator[Finding]:
    if not settings.alpaca_key:
        yield Finding(
            True,
            "broker",
            "no credentials: figures come from the log alone (set ALPACA_KEY and ALPACA_SECRET)",
        )
        return
    host = urlsplit(settings.alpaca_url or "").netloc or ("Alpaca's paper account" if settings.alpaca_paper else "Alpaca, live")
    try:
        _ask(settings)
    except Failure as failure:
        advice = ADVICE.get(failure.reason, "try again later")
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
