"""What the broker says, as values. Money is US dollars, times are unix seconds; None means that it did not say."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from bigdipper_exporter.money import account as figures

# OCC form: root, expiry, right, strike. A digit ends the root of a contract that a split, a merger or the like has adjusted.
_OPTION = re.compile(r"(?P<root>[A-Z]{1,6}|[A-Z]{1,5}\d)\d{6}[CP]\d{8}")
CONTRACT_UNITS = 100

TERMINAL = ("filled", "canceled", "expired", "rejected", "replaced")
SIDES = ("buy", "sell", "sell_short")


def is_option(symbol: str) -> bool:
    """Return whether `symbol` is an option contract (OCC form)."""
    return _OPTION.fullmatch(symbol) is not None


def contract_units(symbol: str) -> int | None:
    """Units of the underlying that the symbol stands for: 1, 100 for a standard option, None for an adjusted one."""
    option = _OPTION.fullmatch(symbol)
    if option is None:
        return 1
    return None if option["root"][-1].isdigit() else CONTRACT_UNITS


def newest(items: Iterable[float | None]) -> float | None:
    """The latest of some times; None when there is none."""
    return max((item for item in items if item is not None), default=None)


@dataclass(frozen=True, slots=True)
class Account:
    """GET /v2/account, one moment. `initial_margin` and `maintenance_margin` are collateral, not debt."""

    id: str
    status: str
    equity: float
    cash: float | None = None
    last_equity: float | None = None
    buying_power: float | None = None
    long_market_value: float | None = None
    short_market_value: float | None = None
    initial_margin: float | None = None
    maintenance_margin: float | None = None
    trading_blocked: bool | None = None
    transfers_blocked: bool | None = None
    account_blocked: bool | None = None
    created: float | None = None
    balance_day: date | None = None
    intraday_adjustments: float | None = None
    damaged: bool = False

    @property
    def margin_debt(self) -> float | None:
        """What is borrowed: negative cash (short proceeds are netted, as Alpaca's own figure does)."""
        return figures.margin_debt(self.cash)

    def ratio(self, amount: float | None) -> float | None:
        """`amount` as a ratio of equity; None when equity <= 0, where a ratio would hide the worst case."""
        return figures.ratio_of_equity(amount, self.equity)

    @property
    def margin_ratio(self) -> float | None:
        """Margin debt over equity; None without equity."""
        return self.ratio(self.margin_debt)

    @property
    def net_value(self) -> float | None:
        """Long plus (negative) short market value of everything held."""
        return figures.net_value(self.long_market_value, self.short_market_value)

    @property
    def gross_exposure_ratio(self) -> float | None:
        """Long plus absolute short value over equity; None without equity."""
        return self.ratio(figures.gross_value(self.long_market_value, self.short_market_value))

    @property
    def day_pl(self) -> float | None:
        """Since the previous trading day's close; deposits count in it, as at Alpaca."""
        return figures.change_since_close(self.equity, self.last_equity)

    @property
    def day_pl_ratio(self) -> float | None:
        """`day_pl` as a ratio of the previous close; None when there was nothing."""
        pl = self.day_pl
        return None if pl is None or not self.last_equity or self.last_equity <= 0 else pl / self.last_equity


@dataclass(frozen=True, slots=True)
class Position:
    """One position; quantity, values and cost are negative for a short. `unrealized_pl_ratio` is a ratio of the cost.

    damaged: a figure of its record could not be read, and is None.
    """

    symbol: str
    quantity: float
    asset_class: str
    market_value: float | None = None
    cost_basis: float | None = None
    avg_entry_price: float | None = None
    current_price: float | None = None
    unrealized_pl: float | None = None
    unrealized_pl_ratio: float | None = None
    intraday_pl: float | None = None
    damaged: bool = False

    @property
    def is_unpriced(self) -> bool:
        """Whether the broker gives no value, price or profit, as for a delisted stock."""
        return self.market_value is None or self.current_price is None or self.unrealized_pl is None


@dataclass(frozen=True, slots=True)
class Order:
    """One order. `ended` is when it reached a terminal status, None while it is open."""

    id: str
    symbol: str
    status: str
    submitted: float
    client_order_id: str | None = None
    side: str | None = None
    type: str | None = None
    quantity: float | None = None
    notional: float | None = None
    limit_price: float | None = None
    filled_quantity: float | None = None
    filled_avg_price: float | None = None
    updated: float | None = None
    filled: float | None = None
    ended: float | None = None
    extended_hours: bool | None = None
    replaced_by: str | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether the order has reached its end."""
        return self.status in TERMINAL


@dataclass(frozen=True, slots=True)
class Clock:
    """The broker's clock; `is_open` means the regular session."""

    is_open: bool
    timestamp: float | None = None
    next_open: float | None = None
    next_close: float | None = None
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Activity:
    """An entry of the account's history. A fill has symbol, side, quantity, price; the rest has a net amount."""

    id: str
    type: str
    ts: float
    day: date | None = None
    sub_type: str | None = None
    symbol: str | None = None
    side: str | None = None
    quantity: float | None = None
    price: float | None = None
    net_amount: float | None = None
    order_id: str | None = None
    status: str | None = None
    description: str | None = None

    @property
    def is_fill(self) -> bool:
        """Whether the activity is an execution."""
        return self.type == "FILL"


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """Equity at the close of a trading day, rounded to the cent by the broker."""

    day: date
    equity: float
