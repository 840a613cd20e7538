"""Checks the broker's responses against the last accepted ones. A rejected response is recorded and changes nothing else."""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker import closes, flows, jumps, splits, unexplained
from bigdipper_exporter.archive.broker.checkpoint import Accepted, BrokerCheckpoint, Doubt, Doubted
from bigdipper_exporter.archive.broker.days import close_of
from bigdipper_exporter.archive.broker.view import SAME_MOMENT, BrokerView
from bigdipper_exporter.archive.broker_tables import ImplausibleAnswerRow
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.broker.models import Account, Position
from bigdipper_exporter.broker.results import Positions
from bigdipper_exporter.calendar import previous_trading_day
from bigdipper_exporter.durations import DAY
from bigdipper_exporter.money import plausibility
from bigdipper_exporter.money.plausibility import Balances, Reason

# Positions and account are requested one after the other. An account answer that comes later than this was requested alone.
SAME_ROUND = 5.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """account: what may be used, None where the response is rejected. reasons: why it, or its last_equity, is doubted.

    moments: times (unix seconds) whose days have to be summed again.
    """

    account: Account | None
    reasons: tuple[Reason, ...] = ()
    moments: frozenset[float] = frozenset()


def balances(account: Account, at: float) -> Balances:
    """The balances of an account response received at `at` (unix seconds)."""
    return Balances(
        at=at,
        equity=account.equity,
        cash=account.cash,
        long=account.long_market_value,
        short=account.short_market_value,
        last_equity=account.last_equity,
    )


def judge_account(
    connection: sqlite3.Connection, checkpoint: BrokerCheckpoint, view: BrokerView, account: Account, at: float
) -> Judgement:
    """Decide what of an account answer is believed, and remember it."""
    now, before = balances(account, at), _believed(checkpoint)
    reasons: list[Reason] = []
    if _last_equity_is_wrong(connection, checkpoint, account, now, before):
        reasons.append("last_equity")
        if not lasts(checkpoint, "last_equity", at):
            account = replace(account, last_equity=None)
    else:
        checkpoint.doubted.pop("last_equity", None)
    explanations = _explanations(connection, checkpoint, account, now, before)
    reason = plausibility.judge(now, before, explanations, not _contradicts_positions(view, now))
    if reason == "positions" and not _same_round(view, at):
        return Judgement(None, tuple(reasons))  # perhaps a trade since then: the next positions will tell
    moments: set[float] = set()
    came = 0.0 if before is None or checkpoint.questioned is None else unexplained.came(checkpoint, view, account, before, now)
    if reason in (None, "jump") and jumps.is_taken_back(connection, checkpoint, now, came):
        moments |= jumps.take_back(connection, checkpoint, now)
        reason = checkpoint.doubt = None
    has_jumped = reason == "jump" or (checkpoint.doubt is not None and checkpoint.doubt.reason == "jump")
    if reason is None:
        checkpoint.doubt = None
    elif not _confirmed(checkpoint, reason, now):
        return Judgement(None, (*reasons, reason))
    if before is not None and (has_jumped or reason is not None):
        moments |= _explain_jump(connection, checkpoint, view, before, now, explanations, reason)
    moments |= jumps.settle(connection, checkpoint, now)
    if reason is not None or checkpoint.questioned is not None:
        reasons.append(reason or "jump")
    step = _step(checkpoint, account, before, now)
    said = 0.0
    if step is None or step.adjustments != 0:
        starts = _starts_of_adjustments(account, at)
        said = flows.notice_adjustments(connection, account.intraday_adjustments, at, starts, step)
    if before is not None and reason is None:
        moments |= unexplained.notice(connection, checkpoint, view, before, now, said)
    _believe(checkpoint, account, now)
    return Judgement(account, tuple(reasons), frozenset(moments))


def _explain_jump(
    connection: sqlite3.Connection,
    checkpoint: BrokerCheckpoint,
    view: BrokerView,
    before: Balances,
    now: Balances,
    explanations: list[float],
    reason: Reason | None,
) -> set[float]:
    """Look for what made an accepted jump: a flow or a split. What neither explains is questioned, it may be wrong prices.

    Returns moments (unix seconds) whose days have to be summed again.
    """
    moments: set[float] = set()
    if reason is not None:
        flow, moments = unexplained.notice_jump(connection, checkpoint, view, before, now)
        explanations = [*explanations, flow]
    had_changes = bool(checkpoint.changed)
    moments |= splits.follow(connection, checkpoint, view, now)
    if reason in (None, "jump") and (not had_changes or checkpoint.changed):
        jumps.question(connection, checkpoint, before, now, explanations)
    return moments


def _step(checkpoint: BrokerCheckpoint, account: Account, before: Balances | None, now: Balances) -> flows.Step | None:
    """What changed since the last believed answer; the change of adjustments only within the same day of the broker."""
    if before is None or checkpoint.believed is None:
        return None
    day = None if account.balance_day is None else account.balance_day.isoformat()
    change = None
    if checkpoint.believed.balance_day == day and account.intraday_adjustments is not None:
        change = account.intraday_adjustments - (checkpoint.believed.adjustments or 0.0)
    cash = None if before.cash is None or now.cash is None else now.cash - before.cash
    return flows.Step(before.at, change, cash)


def _starts_of_adjustments(account: Account, at: float) -> Iterator[float]:
    """When the broker may have begun to add up `intraday_adjustments`: at a close or at midnight.

    Over a weekend, and in the morning before the broker's day begins, those of `last_equity` are older than the last ones.
    """
    today = calendar.trading_day(at)
    yield calendar.midnight(today)
    yield close_of(previous_trading_day(today))
    if account.balance_day is not None and calendar.is_trading_day(account.balance_day):
        yield close_of(account.balance_day)
        yield calendar.midnight(account.balance_day + timedelta(days=1))


def _believed(checkpoint: BrokerCheckpoint) -> Balances | None:
    return None if checkpoint.believed is None else checkpoint.believed.balances


def _believe(checkpoint: BrokerCheckpoint, account: Account, now: Balances) -> None:
    day, last = account.balance_day.isoformat() if account.balance_day else None, account.last_equity
    if last is None and checkpoint.believed is not None and checkpoint.believed.balances.last_equity is not None:
        # It was left out: the next answers are compared with the one that was believed, and with its day.
        day, last = checkpoint.believed.balance_day, checkpoint.believed.balances.last_equity
    held = {symbol: position.quantity for symbol, position in checkpoint.held.items()}
    checkpoint.believed = Accepted(replace(now, last_equity=last), day, account.intraday_adjustments, held)


def _explanations(
    connection: sqlite3.Connection, checkpoint: BrokerCheckpoint, account: Account, now: Balances, before: Balances | None
) -> list[float]:
    """Amounts that may explain a jump: the flows of about this time, and the change of the broker's own adjustments."""
    if before is None or checkpoint.believed is None:
        return []
    recent = [f.amount for f in flows.between(connection, before.at - DAY, now.at + DAY) if f.amount is not None]
    amounts = [flows.net(connection, before.at, now.at), *recent]
    if account.intraday_adjustments is not None:
        amounts.append(account.intraday_adjustments - (checkpoint.believed.adjustments or 0.0))
    return amounts


def _confirmed(checkpoint: BrokerCheckpoint, reason: Reason, now: Balances) -> bool:
    """Record one more odd response; return whether to accept it.

    A jump is accepted after CONFIRMATIONS similar responses; anything else only when these have also lasted LONGEST_DOUBT.
    """
    doubt, count, since = checkpoint.doubt, 1, now.at
    if doubt is not None and now.at - doubt.last.at <= plausibility.SOON:
        since = doubt.since
        if doubt.reason == reason and not plausibility.is_jump(doubt.last, now, ()):
            count = doubt.count + 1
    checkpoint.doubt = Doubt(reason, since, count, now)
    if reason == "jump" and count >= plausibility.CONFIRMATIONS:
        checkpoint.doubt = None
        return True
    return count >= plausibility.CONFIRMATIONS and now.at - since >= plausibility.LONGEST_DOUBT


def lasts(checkpoint: BrokerCheckpoint, what: str, at: float) -> bool:
    """Whether `what` has been doubted for so long that it is believed after all."""
    doubted = checkpoint.doubted.get(what, Doubted(at, at))
    # A new doubt begins where the last one is too long ago.
    since = at if at - doubted.last > plausibility.SOON else doubted.since
    checkpoint.doubted[what] = Doubted(since, at)
    return at - since >= plausibility.LONGEST_DOUBT


def _last_equity_is_wrong(
    connection: sqlite3.Connection, checkpoint: BrokerCheckpoint, account: Account, now: Balances, before: Balances | None
) -> bool:
    day = account.balance_day
    known_day = checkpoint.believed.balance_day if checkpoint.believed is not None else None
    same_day = day is not None and known_day == day.isoformat()
    close = closes.polled_equity(connection, day) if day is not None and calendar.is_trading_day(day) else None
    return plausibility.last_equity_is_wrong(now, before, same_day, close)


# -- positions


def _sums(positions: Iterable[Position]) -> tuple[float, float] | None:
    """Long and short value; None where a position has no price, so that the sums prove nothing."""
    values = [p.market_value for p in positions]
    known = [v for v in values if v is not None]
    return (sum(v for v in known if v > 0), sum(v for v in known if v < 0)) if len(known) == len(values) else None


def _differ(account: Balances, positions: Iterable[Position]) -> bool:
    sums = _sums(positions)
    return sums is not None and plausibility.values_differ(account, *sums)


def _contradicts_positions(view: BrokerView, now: Balances) -> bool:
    """Whether an account answer fits neither the newest positions nor the last that were believed."""
    known = [(view.positions, view.positions_at, not view.unreadable)]
    if view.waiting is not None:
        known.append((view.waiting.items, view.waiting_at, True))
    fresh = [items for items, at, complete in known if items is not None and at and complete and now.at - at <= SAME_MOMENT]
    return bool(fresh) and all(_differ(now, items) for items in fresh)


def _same_round(view: BrokerView, at: float) -> bool:
    """Whether positions were polled right before the account."""
    return any(polled is not None and at - polled <= SAME_ROUND for polled in (view.positions_at, view.waiting_at))


def positions_wait(checkpoint: BrokerCheckpoint, positions: Positions, at: float) -> bool:
    """Whether a list of positions must wait for the next account answer, since the last believed one contradicts it."""
    before = _believed(checkpoint)
    if before is None or not positions.complete:
        return False
    if not _differ(before, positions.items):
        checkpoint.doubted.pop("positions", None)
        return False
    stale = at - before.at > SAME_MOMENT and checkpoint.doubt is None
    return not (stale and positions.items)


def waiting_is_wrong(checkpoint: BrokerCheckpoint, view: BrokerView, account: Account, at: float) -> bool:
    """Whether the account answer that the positions waited for contradicts them too."""
    assert view.waiting is not None
    if not _differ(balances(account, at), view.waiting.items):
        checkpoint.doubted.pop("positions", None)
        return False
    return not lasts(checkpoint, "positions", at)


def record(connection: sqlite3.Connection, endpoint: str, reason: Reason, account: Account | None, at: float) -> None:
    """Keep an answer that is not believed, apart from the history that figures are made of."""
    row = ImplausibleAnswerRow(at, endpoint, reason)
    if account is not None:
        row.equity, row.cash, row.last_equity = account.equity, account.cash, account.last_equity
        row.long_market_value, row.short_market_value = account.long_market_value, account.short_market_value
    table_of(ImplausibleAnswerRow).write(connection, [row])
