"""The landing page's words: how the log, the archive and the broker are doing."""

import time

from exporter import __version__
from exporter.config.settings import Settings
from exporter.metrics.snapshot import Snapshot
from exporter.web.landing import Page

Row = tuple[str, str, str]
QUIET_SECONDS = 180.0


def ago(ts: float | None) -> str:
    """How long ago `ts` (unix seconds) was, in words."""
    if ts is None:
        return "never"
    seconds = max(0, int(time.time() - ts))
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'s' if count != 1 else ''} ago"
    return "just now"


def status_page(snapshot: Snapshot, settings: Settings) -> Page:
    """The page for one snapshot."""
    name = f"Big Dipper Monitor: {settings.bot_name}" if settings.bot_name else "Big Dipper Monitor"
    sections = [
        ("The bot", _bot(snapshot)),
        ("The log", _log(snapshot, settings)),
        ("The archive", _archive(snapshot, settings)),
        ("The broker", _broker(snapshot)),
    ]
    return Page(name, __version__, sections)


def _bot(s: Snapshot) -> list[Row]:
    bot = s.bot
    rows: list[Row] = []
    if bot.cycle_ts is None:
        return [("off", "cycle", "No cycle seen yet.")]
    if bot.running is False:
        rows.append(("bad", "cycle", f"The bot stopped; its last cycle (#{bot.cycle_number}) was {ago(bot.cycle_ts)}."))
    else:
        rows.append(("ok", "cycle", f"Cycle #{bot.cycle_number} began {ago(bot.cycle_ts)} ({bot.mode}, log form {bot.form})."))
    if bot.brake:
        rows.append(("warn", "brake", f"The emergency brake holds since {ago(bot.brake.started)}."))
    else:
        rows.append(("ok", "brake", "The emergency brake is off."))
    if bot.equity is not None:
        rows.append(("ok", "account", f"Equity ${bot.equity:,.2f}, as the bot said {ago(bot.account_ts)}."))
    day = s.day
    rows.append(("ok", "today", f"{day.trades} orders for ${day.deployed:,.2f}, {day.missed_trades} missed trades."))
    return rows


def _log(s: Snapshot, settings: Settings) -> list[Row]:
    own, path = s.own, settings.log_path
    if not own.log_up:
        return [("bad", "file", f"{path}: {own.log_problem or 'cannot be read'}. Waiting for it.")]
    lines = int(s.counters.get("bigdipper_log_lines_total", {}).get((), 0))
    rows: list[Row] = [("ok", "file", f"{path} is read; {lines:,} lines so far.")]
    if own.log_lag:
        rows.append(("warn", "lag", f"{own.log_lag:,} bytes are still to be read."))
    quiet = own.last_line is None or time.time() - own.last_line > QUIET_SECONDS
    rows.append(("warn" if quiet else "ok", "last line", f"The newest line came {ago(own.last_line)}."))
    malformed = int(sum(s.counters.get("bigdipper_log_malformed_total", {}).values()))
    gaps = int(sum(s.counters.get("bigdipper_log_gaps_total", {}).values()))
    if malformed:
        rows.append(("warn", "format", f"{malformed} lines with a known tag could not be read: did the bot change its log?"))
    if gaps:
        rows.append(("warn", "gaps", f"In {gaps} places lines were gone before they could be read."))
    return rows


def _archive(s: Snapshot, settings: Settings) -> list[Row]:
    own, path = s.own, settings.archive_path
    if not own.archive_up:
        return [("bad", "file", next((p for p in own.problems if "archive" in p), f"{path} cannot be written") + ".")]
    size, free = own.archive_size / 1e6, own.disk_free / 1e9
    return [("ok", "file", f"{path} is written; {size:,.1f} MB, {free:,.1f} GB free on the disk.")]


def _broker(s: Snapshot) -> list[Row]:
    if s.broker is None:
        return [("off", "Alpaca", "No credentials (ALPACA_KEY, ALPACA_SECRET): the broker is not asked.")]
    down = [endpoint for endpoint, up in s.broker.up.items() if not up]
    if down:
        return [("bad", "Alpaca", f"The last poll failed for: {', '.join(down)}.")]
    return [("ok", "Alpaca", "Every poll worked.")]
