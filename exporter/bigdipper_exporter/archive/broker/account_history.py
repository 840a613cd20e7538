"""Rows of account_history from the broker: one for every account answer that is believed."""

import sqlite3

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.bot_tables import AccountRow
from bigdipper_exporter.archive.broker.view import SAME_MOMENT, BrokerView
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.broker.models import Account
from bigdipper_exporter.money.account import percent_of_equity


def last_equity(connection: sqlite3.Connection, first: float, last: float) -> float | None:
    """Return the equity (US dollars) that the last poll in (first, last] said, unix seconds; None where there is none."""
    row = connection.execute(
        "SELECT equity FROM account_history WHERE source = 'alpaca' AND ts > ? AND ts <= ? ORDER BY ts DESC LIMIT 1",
        (first, last),
    ).fetchone()
    return None if row is None else row[0]


def write(connection: sqlite3.Connection, view: BrokerView, account: Account, at: float) -> None:
    """Archive an account answer; `view` holds the positions of the same moment."""
    is_fresh = view.positions_at is not None and abs(at - view.positions_at) <= SAME_MOMENT
    pl = view.unrealized_pl if is_fresh else None
    row = AccountRow(
        id=-round(at * 1000),
        ts=at,
        date=calendar.trading_day(at).isoformat(),
        source="alpaca",
        equity=account.equity,
        cash=account.cash,
        margin_ratio=account.margin_ratio,
        leverage_ratio=view.leverage_ratio,
        margin_debt=account.margin_debt,
        pl_dollar=pl,
        pl_percent=percent_of_equity(pl, account.equity),
        market_status=calendar.session(at),
        last_equity=account.last_equity,
        buying_power=account.buying_power,
        long_market_value=account.long_market_value,
        short_market_value=account.short_market_value,
        initial_margin=account.initial_margin,
        maintenance_margin=account.maintenance_margin,
    )
    table_of(AccountRow).write(connection, [row])
