"""The broker's view as the archive holds it: for readers beside the exporter, which has its own in memory."""

import sqlite3
from datetime import date

from bigdipper_exporter.archive.bot_tables import AccountRow
from bigdipper_exporter.archive.broker import daily, last_poll
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.archive.broker_tables import PositionRow
from bigdipper_exporter.archive.queries.account import newest_account
from bigdipper_exporter.archive.queries.positions import newest_snapshots
from bigdipper_exporter.broker.models import Account, Position


def archived_view(connection: sqlite3.Connection) -> BrokerView | None:
    """Return the present at the broker up to the last commit; None when it never answered.

    Positions are those of the last poll, with its time; where an exporter without that row has polled last, their newest
    snapshots, at most 15 minutes old.
    """
    row = newest_account(connection, "alpaca")
    if row is None or row.equity is None:
        return None
    checkpoint = BrokerCheckpoint.load(connection)
    account = _account(row, checkpoint)
    today = daily.since_last_equity(connection, account, row.ts, checkpoint)
    last = last_poll.load(connection)
    positions = last.positions if last else tuple(_position(snapshot) for snapshot in newest_snapshots(connection))
    return BrokerView(
        "unknown",
        account=account,
        account_at=row.ts,
        positions=positions,
        positions_at=last.at if last else checkpoint.positions_at,
        unreadable=last.unreadable if last else 0,
        success=checkpoint.success,
        chain=daily.performance(connection, checkpoint),
        cash_flow_today=today.cash_flow,
        day_profit=today.profit,
        day_return=today.ratio,
    )


def _account(row: AccountRow, checkpoint: BrokerCheckpoint) -> Account:
    known = None if checkpoint.believed is None else checkpoint.believed.balance_day
    return Account(
        id=checkpoint.account_id or "",
        status="",
        equity=row.equity or 0.0,
        cash=row.cash,
        last_equity=row.last_equity,
        buying_power=row.buying_power,
        long_market_value=row.long_market_value,
        short_market_value=row.short_market_value,
        initial_margin=row.initial_margin,
        maintenance_margin=row.maintenance_margin,
        created=checkpoint.created,
        balance_day=date.fromisoformat(known) if known else None,
    )


def _position(row: PositionRow) -> Position:
    assert row.quantity is not None  # the query leaves out what is not held
    percent = row.unrealized_pl_pct
    return Position(
        symbol=row.symbol,
        quantity=row.quantity,
        asset_class=row.asset_class or "us_equity",
        market_value=row.market_value,
        cost_basis=row.cost_basis,
        avg_entry_price=row.avg_entry_price,
        current_price=row.current_price,
        unrealized_pl=row.unrealized_pl,
        unrealized_pl_ratio=None if percent is None else percent / 100,
        intraday_pl=row.intraday_pl,
    )
