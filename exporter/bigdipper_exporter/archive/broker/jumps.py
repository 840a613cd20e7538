"""Jumps of equity that prices alone explain: the broker's prices may be wrong for some minutes, or a market may really fall.

Such a jump is shown once CONFIRMATIONS answers agree, so that a fall is never hidden. It is questioned until it has lasted
LONGEST_DOUBT: it makes no peak and no trough before. If equity steps back sooner, the answers between were wrong.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from bigdipper_exporter.archive.broker import flows
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint, Questioned
from bigdipper_exporter.money import plausibility
from bigdipper_exporter.money.plausibility import Balances


def question(
    connection: sqlite3.Connection, checkpoint: BrokerCheckpoint, before: Balances, now: Balances, explanations: Sequence[float]
) -> None:
    """Question a jump from `before` to `now` that was confirmed, unless flows (US dollars) explain it.

    It came at once: that prices could have done it in the time since then is no explanation.
    """
    if not plausibility.is_jump(replace(before, at=now.at), now, (flows.net(connection, before.at, now.at), *explanations)):
        return
    first = before if checkpoint.questioned is None else checkpoint.questioned.before
    checkpoint.questioned = Questioned(now.at, first, now.equity - first.equity)


def is_taken_back(connection: sqlite3.Connection, checkpoint: BrokerCheckpoint, now: Balances, came: float) -> bool:
    """Whether the answer `now` is back where equity was before the jump in question, in one step of the prices.

    came: money that came from outside since the last believed answer (US dollars): a deposit after a fall takes nothing back.
    """
    jump, last = checkpoint.questioned, checkpoint.believed
    if jump is None or last is None:
        return False
    stepped = abs(now.equity - last.balances.equity - came) > abs(jump.size) / 2
    return stepped and plausibility.is_near(jump.before, now, jump.size, flows.net(connection, jump.before.at, now.at))


def take_back(connection: sqlite3.Connection, checkpoint: BrokerCheckpoint, now: Balances) -> set[float]:
    """Set aside the answers of a jump that was none; returns their times."""
    assert checkpoint.questioned is not None
    first, checkpoint.questioned = checkpoint.questioned.before.at, None
    return flows.set_aside(connection, first, now.at)


def settle(connection: sqlite3.Connection, checkpoint: BrokerCheckpoint, now: Balances) -> set[float]:
    """Believe a jump for good when it has lasted, or when flows or slow prices explain it; returns moments it counts in."""
    jump = checkpoint.questioned
    if jump is None:
        return set()
    lasted = now.at - jump.since >= plausibility.LONGEST_DOUBT
    if not lasted and not plausibility.is_near(jump.before, now, jump.size, flows.net(connection, jump.before.at, now.at)):
        return set()
    checkpoint.questioned = None
    connection.execute(
        "DELETE FROM implausible_answers WHERE endpoint = 'account' AND reason = 'jump' AND ts > ? AND ts IN"
        " (SELECT ts FROM account_history WHERE source = 'alpaca')",
        (jump.before.at,),
    )
    return {jump.since, now.at}
