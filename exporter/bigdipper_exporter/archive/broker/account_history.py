"""Rows of account_history from the broker: one for every account answer that is believed."""

import sqlite3

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.broker.models import Account
from bigdipper_exporter.money.account import percent_of_equity

COLUMNS = (
    "id, ts, date, source, equity, cash, margin_ratio, leverage_ratio, margin_debt, pl_dollar, pl_percent, market_status,"
    " last_equity, buying_power, long_market_value, short_market_value, initial_margin, maintenance_margin"
)
INSERT = f"INSERT OR REPLACE INTO account_history ({COLUMNS}) VALUES ({', '.join('?' * len(COLUMNS.split(',')))})"


def write(connection: sqlite3.Connection, view: BrokerView, account: Account, at: float) -> None:
    """Archive an account answer; `view` holds the positions of the same moment."""
    pl = view.unrealized_pl
    connection.execute(
        INSERT,
        (
            -round(at * 1000),
            at,
            calendar.trading_day(at).isoformat(),
            "alpaca",
            account.equity,
            account.cash,
            account.margin_ratio,
            view.leverage_ratio,
            account.margin_debt,
            pl,
            percent_of_equity(pl, account.equity),
            calendar.session(at),
            account.last_equity,
            account.buying_power,
            account.long_market_value,
            account.short_market_value,
            account.initial_margin,
            account.maintenance_margin,
        ),
    )
