"""What the page says of the bot: its cycles, errors and brake, and what it did today."""

import time

from bigdipper_exporter.archive.recent import MOST_ROWS, Recent
from bigdipper_exporter.calendar import ZONE_SECONDS
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.thresholds import CYCLE_ERRORS_PER_15M, LOG_SKEW_SECONDS
from bigdipper_exporter.web.landing import Row
from bigdipper_exporter.web.sections.money import money_rows
from bigdipper_exporter.words import ago, count, dollars, duration

QUARTER_SECONDS = 900.0


def bot_rows(s: Snapshot, recent: Recent) -> list[Row]:
    """Cycle, errors, brake, money and today; without a log, the money alone."""
    bot = s.bot
    if not s.own.log_configured:
        return [
            Row("off", "log", "No log is read, so nothing is known of the bot: cycles, brake, errors, missed trades."),
            *money_rows(s),
        ]
    if not s.own.caught_up:
        return [Row("off", "log", "The log is being read: what it says of today follows."), *money_rows(s)]
    if bot.cycle_ts is None:
        if s.awaits_cycle:
            return [_first_cycle(s)]
        return [Row("warn", "cycle", "No cycle seen yet: is the log that is read the bot's, and has the bot started?")]
    return [_cycle(s), *_errors(s, recent), _brake(s), *money_rows(s), _today(s)]


def _errors(s: Snapshot, recent: Recent) -> list[Row]:
    """Errors that the bot logged within the last hour; more failed cycles than the alert allows mean that it does nothing."""
    if not recent.errors:
        return []
    lately = time.time() - QUARTER_SECONDS
    failed = sum(line.times for line in recent.errors if line.cause == "cycle" and line.latest >= lately)
    total = sum(line.times for line in recent.errors)
    more = " or more" if len(recent.errors) >= MOST_ROWS else ""
    words = f"The bot logged {count(total, 'error')}{more} within the last hour."
    return [Row("bad" if failed > CYCLE_ERRORS_PER_15M else "warn", "errors", words)]


def _first_cycle(s: Snapshot) -> Row:
    """A bot that has begun no cycle since it started."""
    started = ago(s.bot.started)
    if s.bot.running is False:
        return Row("bad", "cycle", f"The bot started {started} and stopped before its first cycle.")
    return Row("bad" if s.is_silent(time.time()) else "ok", "cycle", f"The bot started {started}; it has begun no cycle yet.")


def _cycle(s: Snapshot) -> Row:
    bot, skew = s.bot, s.late_by(time.time())
    number, when = bot.cycle_number, ago(bot.cycle_ts)
    if bot.running is False:
        return Row("bad", "cycle", f"The bot stopped; its last cycle (#{number}) began {when}.")
    if skew is not None and abs(skew) > ZONE_SECONDS:
        return Row(
            "warn", "cycle", f"Cycle #{number} is dated {when}, but its lines were written just now: is this an old log?"
        )
    if skew is not None and abs(skew) > LOG_SKEW_SECONDS:
        question = "is log.timezone that of the bot's machine?"
        return Row("warn", "cycle", f"Cycle #{number}: its timestamps are {duration(abs(skew))} from our clock: {question}")
    if s.awaits_cycle:
        return _first_cycle(s)
    if s.is_silent(time.time()):
        return Row("bad", "cycle", f"The last cycle (#{number}) began {when}; a running bot begins one every minute.")
    return Row("ok", "cycle", f"Cycle #{number} began {when} ({bot.mode}, log of {bot.form}).")


def _brake(s: Snapshot) -> Row:
    silent = s.log_silent_since(time.time())
    if silent is not None:
        was = "on" if s.bot.brake else "off"
        words = f"Unknown: the emergency brake was {was} when the bot's log fell silent, {ago(silent)}."
        return Row("warn" if s.bot.brake else "off", "brake", words)
    if s.bot.brake:
        today = duration(s.brake_seconds_today(time.time()))
        began = ago(s.bot.brake.started)
        return Row(
            "warn", "brake", f"The emergency brake is on, and the bot buys nothing: it began {began} and held {today} today."
        )
    return Row("ok", "brake", "The emergency brake is off.")


def _today(s: Snapshot) -> Row:
    day, silent = s.day, s.log_silent_since(time.time())
    orders = None if s.broker is None else s.broker.orders_today
    by_hand = 0 if orders is None else orders.by_hand or 0
    if silent is not None and silent < day.start:
        words = "The bot wrote nothing today: its log says neither what it ordered nor what it missed."
        return Row("off", "today", f"{words} {count(by_hand, 'order')} filled by hand." if by_hand else words)
    ordered = f"{day.trades} ordered for {dollars(day.deployed)}"
    if orders is not None:
        results = orders.results
        ordered += f", {results['filled']} filled" if results else ""
        rest = (("partly_filled", "partly filled"), ("unfilled", "not filled"), ("open", "open"))
        ordered += "".join(f", {results[result]} {words}" for result, words in rest if results.get(result))
        ordered += f"; {by_hand} filled by hand" if by_hand else ""
    missed, dips = count(day.missed_trades, "missed trade"), count(day.opportunities, "dip")
    return Row("ok", "today", f"{ordered}. {missed}; {dips} qualified in {count(day.cycles, 'cycle')}.")
