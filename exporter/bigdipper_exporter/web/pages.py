"""The landing page's words: how the log, the archive and the broker are doing."""

import time

from bigdipper_exporter import __version__
from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.archive.recent import MOST_ROWS, Recent
from bigdipper_exporter.broker.results import Reason
from bigdipper_exporter.calendar import ZONE_SECONDS
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.counters import total
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.metrics.limits import distances
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.money.benchmark import LONGEST_WEEKEND
from bigdipper_exporter.money.limits import Distance
from bigdipper_exporter.projection.state import TOO_SLOW, UNDECIDED, advice
from bigdipper_exporter.thresholds import (
    CYCLE_ERRORS_PER_15M,
    DISK_FREE_BYTES,
    LOG_AGE_SECONDS,
    LOG_SKEW_SECONDS,
)
from bigdipper_exporter.web import today
from bigdipper_exporter.web.alerts import MOST_ALERTS, RESEND_SECONDS, Firing, FiringAlert
from bigdipper_exporter.web.landing import Page, Row
from bigdipper_exporter.words import ago, count, dollars, duration, short_figures

MOST_NAMED = 5
QUARTER_SECONDS = 900.0
DAY_SECONDS = 86400.0
LONGEST_CLOSURE_SECONDS = LONGEST_WEEKEND * DAY_SECONDS

# Why a poll failed, in plain words.
FAILURES: dict[Reason, str] = {
    "timeout": "It did not answer in time.",
    "rate_limited": "It was asked too often, by the bot and the monitor together; the monitor asks less until that is over.",
    "unauthorized": "It refuses the keys: check them, and ALPACA_PAPER (paper and live accounts have different keys).",
    "server_error": "It answers with an error of its own (HTTP 5xx).",
    "bad_response": "What it answered could not be read.",
    "connection": "It cannot be reached from here.",
}


def status_page(snapshot: Snapshot, settings: Settings, recent: Recent, firing: Firing | None = None) -> Page:
    """The page for one snapshot, with what the archive holds of today, and the alerts if an Alertmanager is known."""
    name = f"Big Dipper Monitor: {settings.bot_name}" if settings.bot_name else "Big Dipper Monitor"
    sections = [
        *([("Alerts", _alerts(firing, settings))] if firing else []),
        ("The bot", _bot(snapshot, recent)),
        ("The log", _log(snapshot, settings, recent)),
        ("The archive", _archive(snapshot, settings, recent)),
        ("The broker", _broker(snapshot)),
    ]
    links = [
        (address, words)
        for address, words in (
            (settings.links_grafana, "Boards"),
            (settings.links_prometheus, "Prometheus"),
            (settings.links_alertmanager, "Alertmanager"),
        )
        if address
    ]
    tables = today.tables(snapshot, recent)
    return Page(name, __version__, sections, today.figures(snapshot), today.curve(recent.curve), tables, links)


def _alerts(firing: Firing, settings: Settings) -> list[Row]:
    """Alerts of this bot, and of none; those of others only as a number."""
    bot = settings.bot_name or ""
    if firing.problem:
        advice = "is it running, and is alertmanager.url its address?"
        return [("warn", "Alertmanager", f"{settings.alertmanager_url} cannot be asked ({firing.problem}): {advice}")]
    if firing.at is None:
        return [("off", "Alertmanager", "It has not answered yet.")]
    own = [alert for alert in firing.alerts if not (bot and alert.bot) or alert.bot == bot]
    rows = [_alert(alert, bot) for alert in own[:MOST_ALERTS]]
    if len(own) > MOST_ALERTS:
        rows.append(("bad", "more", f"{len(own) - MOST_ALERTS} more: see Alertmanager or Grafana."))
    if firing.started is not None and firing.at - firing.started < RESEND_SECONDS:
        words = f"It started {ago(firing.started)} and hears of what fires within 15 minutes: alerts may be missing here."
        rows.append(("warn", "Alertmanager", words))
    elif not rows:
        rows.append(("ok", "none", f"No alert of {bot} is firing." if len(firing.alerts) else "No alert is firing."))
    others = [alert for alert in firing.alerts if bot and alert.bot and alert.bot != bot]
    return rows + ([_others(others, not own)] if others else [])


def _others(alerts: list[FiringAlert], alone: bool) -> Row:
    """Alerts of other bots as a number. alone: this bot has none, and may be one of them under another name."""
    names = sorted({alert.bot for alert in alerts})
    critical = sum(alert.severity == "critical" and not alert.silenced for alert in alerts)
    words = f"{count(len(alerts), 'alert')} of {', '.join(names[:MOST_NAMED])}{f', {critical} critical' if critical else ''}."
    if critical and alone:
        words += " Is this bot one of them? Its name here is bot.name, in alerts it is the label `bot` of Prometheus' targets."
    return "warn" if critical else "ok", "other bots", words


def _alert(alert: FiringAlert, bot: str) -> Row:
    state = "ok" if alert.silenced else {"critical": "bad", "warning": "warn"}.get(alert.severity, "ok")
    whose = f" ({alert.bot})" if alert.bot and not bot else ""
    silenced = ", silenced" if alert.silenced else ""
    return state, alert.name, f"{short_figures(alert.summary)}{whose}; began {ago(alert.since)}{silenced}."


def _bot(s: Snapshot, recent: Recent) -> list[Row]:
    bot = s.bot
    if not s.own.log_configured:
        return [
            ("off", "log", "No log is read, so nothing is known of the bot: cycles, brake, errors, missed trades."),
            *_money(s),
        ]
    if bot.cycle_ts is None:
        if s.awaits_cycle:
            return [_first_cycle(s)]
        return [("warn", "cycle", "No cycle seen yet: is the log that is read the bot's, and has the bot started?")]
    return [_cycle(s), *_errors(s, recent), _brake(s), *_money(s), _today(s)]


def _errors(s: Snapshot, recent: Recent) -> list[Row]:
    """Errors that the bot logged within the last hour; more failed cycles than the alert allows mean that it does nothing."""
    if not recent.errors:
        return []
    lately = time.time() - QUARTER_SECONDS
    failed = sum(line.times for line in recent.errors if line.cause == "cycle" and line.latest >= lately)
    total = sum(line.times for line in recent.errors)
    more = " or more" if len(recent.errors) >= MOST_ROWS else ""
    state = "bad" if failed > CYCLE_ERRORS_PER_15M else "warn"
    return [(state, "errors", f"The bot logged {count(total, 'error')}{more} within the last hour.")]


def _first_cycle(s: Snapshot) -> Row:
    """A bot that has begun no cycle since it started."""
    started = ago(s.bot.started)
    if s.bot.running is False:
        return "bad", "cycle", f"The bot started {started} and stopped before its first cycle."
    return "bad" if s.is_silent(time.time()) else "ok", "cycle", f"The bot started {started}; it has begun no cycle yet."


def _cycle(s: Snapshot) -> Row:
    bot, skew = s.bot, s.own.timestamp_skew
    number, when = bot.cycle_number, ago(bot.cycle_ts)
    if bot.running is False:
        return "bad", "cycle", f"The bot stopped; its last cycle (#{number}) began {when}."
    if skew is not None and abs(skew) > ZONE_SECONDS:
        return "warn", "cycle", f"Cycle #{number} is dated {when}, but its lines were written just now: is this an old log?"
    if skew is not None and abs(skew) > LOG_SKEW_SECONDS:
        question = "is log.timezone that of the bot's machine?"
        return "warn", "cycle", f"Cycle #{number}: its timestamps are {duration(abs(skew))} from our clock: {question}"
    if s.awaits_cycle:
        return _first_cycle(s)
    if s.is_silent(time.time()):
        return "bad", "cycle", f"The last cycle (#{number}) began {when}; a running bot begins one every minute."
    return "ok", "cycle", f"Cycle #{number} began {when} ({bot.mode}, log of {bot.form})."


def _brake(s: Snapshot) -> Row:
    silent = s.log_silent_since(time.time())
    if silent is not None:
        was = "on" if s.bot.brake else "off"
        words = f"Unknown: the emergency brake was {was} when the bot's log fell silent, {ago(silent)}."
        return "warn" if s.bot.brake else "off", "brake", words
    if s.bot.brake:
        today = duration(s.brake_seconds_today(time.time()))
        began = ago(s.bot.brake.started)
        return "warn", "brake", f"The emergency brake is on, and the bot buys nothing: it began {began} and held {today} today."
    return "ok", "brake", "The emergency brake is off."


def _money(s: Snapshot) -> list[Row]:
    """The broker's figures where there are any, else the bot's; never a mixture."""
    account = s.broker.account if s.broker else None
    if s.broker is None or account is None or account.equity is None:
        said = f"Equity {dollars(s.bot.equity)}, as the bot said {ago(s.bot.account_ts)}." if s.bot.equity is not None else ""
        is_old = time.time() - (s.bot.account_ts or 0.0) > LONGEST_CLOSURE_SECONDS
        return [*([("warn" if is_old else "ok", "account", said)] if said else []), *_limits(s)]
    today = _day(s.broker.day_profit, s.broker.cash_flow_today)
    said = f"Equity {dollars(account.equity)}{today}, as the broker said {ago(s.broker.account_at)}."
    rows: list[Row] = [("ok", "account", said), *_doubts(s.broker)]
    rows += _limits(s)
    unpriced = [p.symbol for p in s.broker.positions or () if p.is_unpriced]
    if unpriced:
        names = ", ".join(unpriced[:MOST_NAMED]) + (" and others" if len(unpriced) > MOST_NAMED else "")
        rows.append(("warn", "prices", f"The broker has no price for {names}: left out of value, profit and leverage."))
    if s.broker.unreadable:
        rows.append(("warn", "positions", f"{count(s.broker.unreadable, 'position')} of the broker could not be read."))
    return rows


def _limits(s: Snapshot) -> list[Row]:
    brake = distances(s).get("brake")
    if brake is None or brake.limit is None:
        return []
    words = f"Debt is {brake.level:.1%} of equity, the brake acts at {brake.limit:.0%}: {_distance(brake)}."
    return [("warn" if _is_passed(brake) else "ok", "limits", words)]


def _is_passed(distance: Distance) -> bool:
    """Return whether the limit has been met."""
    return distance.usd is not None and distance.usd < 0


def _distance(distance: Distance) -> str:
    """The way to a limit, in words."""
    if distance.usd is not None and distance.usd < 0:
        return f"passed by {dollars(-distance.usd, cents=False)}"
    more = "" if distance.usd is None else f"{dollars(distance.usd, cents=False)} more in stocks, "
    if distance.drop is None or distance.drop >= 1:
        return f"{more}while falling prices alone do not reach it"
    return f"{more}or a fall of all prices by {distance.drop:.1%}"


# Why an answer is not believed, in plain words.
DOUBTS = {
    "sum": "its equity is not the sum of cash and positions",
    "zero": "all its balances are zero",
    "positions": "account and positions contradict each other",
    "jump": "it changed by more than prices can do",
    "last_equity": "its equity of the previous close cannot be right",
}


def _doubts(broker: BrokerView) -> list[Row]:
    """The newest answer where it is not believed."""
    if not broker.doubts:
        return []
    why = ", ".join(DOUBTS.get(reason, reason) for reason in broker.doubts)
    if broker.is_jump_shown:
        return [("warn", "not certain", f"The broker's newest answer is shown, but makes no peak within an hour: {why}.")]
    return [
        ("warn", "not believed", f"The broker's newest answer is not used: {why}. It will be used if later ones confirm it.")
    ]


def _day(profit: float | None, flow: float | None) -> str:
    """The result of the day: what was deposited is no profit, what was withdrawn no loss."""
    if profit is None:
        return ""
    moved = f"{'up' if profit > 0 else 'down'} {dollars(abs(profit))}" if round(profit, 2) else "unchanged"
    without = "" if not flow else f" without {dollars(abs(flow))} that was {'deposited' if flow > 0 else 'withdrawn'}"
    return f", {moved} today{without}"


def _today(s: Snapshot) -> Row:
    day, silent = s.day, s.log_silent_since(time.time())
    orders = None if s.broker is None else s.broker.orders_today
    by_hand = 0 if orders is None else orders.by_hand or 0
    if silent is not None and silent < day.start:
        words = "The bot wrote nothing today: its log says neither what it ordered nor what it missed."
        return "off", "today", f"{words} {count(by_hand, 'order')} by hand." if by_hand else words
    ordered = f"{day.trades} ordered for {dollars(day.deployed)}"
    if orders is not None:
        results = orders.results
        ordered += f", {results['filled']} filled" if results else ""
        rest = (("partly_filled", "partly filled"), ("unfilled", "not filled"), ("open", "open"))
        ordered += "".join(f", {results[result]} {words}" for result, words in rest if results.get(result))
        ordered += f"; {by_hand} by hand" if by_hand else ""
    missed, dips = count(day.missed_trades, "missed trade"), count(day.opportunities, "dip")
    return "ok", "today", f"{ordered}. {missed}; {dips} qualified in {count(day.cycles, 'cycle')}."


def _log(s: Snapshot, settings: Settings, recent: Recent) -> list[Row]:
    own, path = s.own, settings.log_path
    if not own.log_configured:
        return [("off", "file", "No log file is configured (log.path): the account is watched with its keys alone.")]
    if not own.log_up:
        problem = own.log_problem or "cannot be read"
        return [("bad", "file", f"{problem if str(path) in problem else f'{path}: {problem}'}. Waiting for it.")]
    lines = int(total(s.counters, m.LOG_LINES))
    rows: list[Row] = [("ok", "file", f"{path} is read; {count(lines, 'line')} so far.")]
    if own.log_problem:
        rows = [("bad", "file", f"{own.log_problem}.")]
    if own.log_lag:
        rows.append(("warn", "lag", f"{count(own.log_lag, 'byte')} still to be read."))
    quiet = own.last_line is None or time.time() - own.last_line > LOG_AGE_SECONDS
    said = "No line was read yet." if own.last_line is None else f"The file last grew {ago(own.last_line)}."
    rows.append(("warn" if quiet else "ok", "last line", said))
    # A total since the first start would never be fine again: what counts is the last day, and a log that was never understood.
    unknown = s.bot.form == "unknown"
    lately = s.bot.recently_damaged(time.time())
    if lately:
        more = " or more" if total(s.counters, m.LOG_MALFORMED) > len(lately) == len(s.bot.damaged) else ""
        number = f"{count(len(lately), 'line')}{more}{'' if unknown else ' of the last day'}"
        why = advice(s.bot.damaged) or "is the log damaged, or did the bot change its form?"
        rows.append(("warn", "format", f"{number} could not be read: {why}"))
    for line in s.bot.damaged:
        when = f"; {ago(line.ts)}" if line.ts else ""  # 0: no line before it had a time
        rows.append(("warn" if line in lately else "off", "damaged line", f"{line}{when}"))
    rows += _doubtful(s)
    if recent.gaps:
        places = f"{count(len(recent.gaps), 'place')}{' or more' if len(recent.gaps) >= MOST_ROWS else ''}"
        rows.append(
            ("warn", "gaps", f"Lines may have been lost in {places} before they could be read (found within the last day).")
        )
        rows += [
            ("warn", gap.reason.replace("_", " "), f"{gap.detail}; found {ago(gap.ts)}.") for gap in recent.gaps[:MOST_NAMED]
        ]
    return rows


def _doubtful(s: Snapshot) -> list[Row]:
    """Lines that are not decided yet, and patterns that were given up."""
    lines = s.bot.undecided()[-MOST_NAMED:]
    rows: list[Row] = [("off", "undecided line", f"{line}; it {UNDECIDED}.") for line in lines]
    for name in s.bot.slow_patterns:
        rows.append(("warn", "pattern", f"{name} {TOO_SLOW}: simplify it."))
    return rows


def _archive(s: Snapshot, settings: Settings, recent: Recent) -> list[Row]:
    own, path = s.own, settings.archive_path
    if not own.archive_up:
        return [("bad", "file", next((p for p in own.problems if "archive" in p), f"{path} cannot be written") + ".")]
    size = "" if own.archive.size is None else f"; {own.archive.size / 1e6:,.1f} MB"
    free = "" if own.archive.disk_free is None else f"; {own.archive.disk_free / 1e9:,.1f} GB free on the disk"
    low = own.archive.disk_free is not None and own.archive.disk_free < DISK_FREE_BYTES
    rows: list[Row] = [("warn" if low else "ok", "file", f"{path} is written{size}{free}{': make room' if low else ''}.")]
    if recent.problem:
        rows.append(("warn", "today", f"What happened today cannot be read from it: {recent.problem}."))
    return rows


def _broker(s: Snapshot) -> list[Row]:
    if s.broker is None:
        return [("off", "Alpaca", "No credentials (ALPACA_KEY, ALPACA_SECRET): the broker is not asked.")]
    if not s.broker.up:
        return [("off", "Alpaca", "No poll has finished yet.")]
    down = [endpoint for endpoint, up in s.broker.up.items() if not up]
    if down:
        reasons = {reason for endpoint in down if (reason := s.broker.why.get(endpoint))}
        why = "".join(f" {FAILURES[reason]}" for reason in sorted(reasons))
        return [("bad", "Alpaca", f"The last poll failed for: {', '.join(down)}.{why}")]
    return [("ok", "Alpaca", "Every poll worked."), *_history(s)]


def _history(s: Snapshot) -> list[Row]:
    """How far the account's past is rebuilt, until it is."""
    assert s.broker is not None
    days, prices = s.broker.history, s.prices
    waiting = prices is not None and prices.figures is None
    if days is None or (s.broker.backfill >= 1 and not waiting):
        return []
    said = f"Reading the account's history: equity for {days.equity} of {days.wanted} days, all figures for {days.complete}."
    return [("ok", "history", said)]
