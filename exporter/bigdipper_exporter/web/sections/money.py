"""What the page says of the money: equity, the way to the brake, and answers of the broker that are not believed."""

import time

from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.durations import DAY
from bigdipper_exporter.metrics.limits import distances
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.money.benchmark import LONGEST_WEEKEND
from bigdipper_exporter.money.limits import Distance, LimitName
from bigdipper_exporter.web.landing import MOST_NAMED, Row
from bigdipper_exporter.words import ago, count, dollars

LONGEST_CLOSURE_SECONDS = LONGEST_WEEKEND * DAY

# Why an answer is not believed, in plain words.
DOUBTS = {
    "sum": "its equity is not the sum of cash and positions",
    "zero": "all its balances are zero",
    "positions": "account and positions contradict each other",
    "jump": "it changed by more than prices can do",
    "last_equity": "its equity of the previous close cannot be right",
}


def money_rows(s: Snapshot) -> list[Row]:
    """The broker's figures where there are any, else the bot's; never a mixture."""
    account = s.broker.account if s.broker else None
    if s.broker is None or account is None or account.equity is None:
        said = f"Equity {dollars(s.bot.equity)}, as the bot said {ago(s.bot.account_ts)}." if s.bot.equity is not None else ""
        is_old = time.time() - (s.bot.account_ts or 0.0) > LONGEST_CLOSURE_SECONDS
        return [*([Row("warn" if is_old else "ok", "account", said)] if said else []), *_limits(s)]
    today = _day(s.broker.day_profit, s.broker.cash_flow_today)
    said = f"Equity {dollars(account.equity)}{today}, as the broker said {ago(s.broker.account_at)}."
    rows: list[Row] = [Row("ok", "account", said), *_doubts(s.broker)]
    rows += _limits(s)
    unpriced = [p.symbol for p in s.broker.positions or () if p.is_unpriced]
    if unpriced:
        names = ", ".join(unpriced[:MOST_NAMED]) + (" and others" if len(unpriced) > MOST_NAMED else "")
        rows.append(Row("warn", "prices", f"The broker has no price for {names}: left out of value, profit and leverage."))
    if s.broker.unreadable:
        rows.append(Row("warn", "positions", f"{count(s.broker.unreadable, 'position')} of the broker could not be read."))
    return rows


def _limits(s: Snapshot) -> list[Row]:
    brake = distances(s).get(LimitName.BRAKE)
    if brake is None or brake.limit is None:
        return []
    words = f"Debt is {brake.level:.1%} of equity, the brake acts at {brake.limit:.0%}: {_distance(brake)}."
    return [Row("warn" if _is_passed(brake) else "ok", "limits", words)]


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


def _doubts(broker: BrokerView) -> list[Row]:
    """The newest answer where it is not believed."""
    if not broker.doubts:
        return []
    why = ", ".join(DOUBTS.get(reason, reason) for reason in broker.doubts)
    if broker.is_jump_shown:
        return [Row("warn", "not certain", f"The broker's newest answer is shown, but makes no peak within an hour: {why}.")]
    return [
        Row("warn", "not believed", f"The broker's newest answer is not used: {why}. It will be used if later ones confirm it.")
    ]


def _day(profit: float | None, flow: float | None) -> str:
    """The result of the day: what was deposited is no profit, what was withdrawn no loss."""
    if profit is None:
        return ""
    moved = f"{'up' if profit > 0 else 'down'} {dollars(abs(profit))}" if round(profit, 2) else "unchanged"
    without = "" if not flow else f" without {dollars(abs(flow))} that was {'deposited' if flow > 0 else 'withdrawn'}"
    return f", {moved} today{without}"
