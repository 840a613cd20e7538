"""What a scrape shows of the broker: immutable, the state at one commit. Money in US dollars, times in unix seconds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from bigdipper_exporter.broker.models import Account, Clock, Position
from bigdipper_exporter.broker.results import Endpoint, Positions, Reason
from bigdipper_exporter.broker.stream import StreamStatus
from bigdipper_exporter.money.returns import TimeWeightedReturn

# Account and positions are two answers: further apart than this they describe two different moments.
SAME_MOMENT = 300.0


@dataclass(frozen=True, slots=True)
class Wash:
    """The wash-sale aid by symbol: `windows` until when, `unknown` where lots are incomplete, `disallowed` dollars."""

    windows: Mapping[str, float] = field(default_factory=dict)
    unknown: Mapping[str, float] = field(default_factory=dict)
    disallowed: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrdersToday:
    """Orders of the trading day: the bot's by what became of them (orders.RESULTS), and how many of others were executed.

    Unknown until the broker answered on that day: `results` empty, `by_hand` None.
    """

    results: Mapping[str, int]
    by_hand: int | None


@dataclass(frozen=True, slots=True)
class HistoryDays:
    """Trading days before today: those wanted, of them with the broker's equity, and with every part of the day's profit."""

    wanted: int
    equity: int
    complete: int


@dataclass(frozen=True, slots=True)
class BrokerView:
    """The present at the broker. None: not known (yet). `positions` lacks those (`unreadable`) whose records could not be read.

    waiting: positions that wait for the account answer that confirms them. doubts: why the newest answers are not believed.
    is_jump_shown: the figures are those of an answer after a jump that may be an error of the broker.
    cash_flow_today, day_profit, day_return: since the broker's last_equity, without deposits in the latter two.
    up, success: by endpoint, what was polled at least once; why: of those that are not up. open_orders: (side, submitted).
    """

    mode: str
    account: Account | None = None
    account_at: float | None = None
    positions: tuple[Position, ...] | None = None
    positions_at: float | None = None
    unreadable: int | None = None
    open_orders: tuple[tuple[str, float], ...] | None = None
    clock: Clock | None = None
    clock_skew: float | None = None
    up: Mapping[Endpoint, bool] = field(default_factory=dict)
    why: Mapping[Endpoint, Reason | None] = field(default_factory=dict)
    success: Mapping[str, float] = field(default_factory=dict)
    rate_limit: int | None = None
    rate_remaining: int | None = None
    backfill: float = 0.0
    history: HistoryDays | None = None
    orders_today: OrdersToday | None = None
    fill_rate: float | None = None
    fills_without_value: int | None = None
    discrepancies: Mapping[str, int] = field(default_factory=dict)
    wash: Wash = field(default_factory=Wash)
    chain: TimeWeightedReturn = field(default_factory=TimeWeightedReturn)
    cash_flow_today: float | None = None
    day_profit: float | None = None
    day_return: float | None = None
    waiting: Positions | None = None
    waiting_at: float | None = None
    doubts: tuple[str, ...] = ()
    is_jump_shown: bool = False
    stream: StreamStatus | None = None

    def as_of(self, start: float) -> "BrokerView":
        """Return the view of a trading day that began at `start` (unix seconds): figures of a day before are not today's."""
        view = self
        if not self.is_account_since(start):
            view = replace(view, cash_flow_today=None, day_profit=None, day_return=None)
        if (today := self.orders_today) is not None:
            has_orders, has_fills = (self.success.get(endpoint, 0.0) >= start for endpoint in ("orders", "activities"))
            if not (has_orders and has_fills):
                known = OrdersToday(today.results if has_orders else {}, today.by_hand if has_fills else None)
                view = replace(view, orders_today=known)
        return view

    def is_account_since(self, start: float) -> bool:
        """Return whether the account's figures are of an answer since `start` (unix seconds)."""
        return self.account_at is not None and self.account_at >= start

    @property
    def unrealized_pl(self) -> float | None:
        """Sum over the positions that have one; None when none has."""
        return self._sum(lambda p: p.unrealized_pl)

    @property
    def cost_basis(self) -> float | None:
        """Sum over the positions whose profit is known."""
        costs = [p.cost_basis for p in self.positions or () if p.unrealized_pl is not None]
        return None if self.positions is None else float(sum(cost for cost in costs if cost is not None))

    @property
    def stock_value(self) -> float | None:
        """Signed value of the stocks: what the bot's brake looks at. Those without a price are left out, as the broker does.

        Where a record could not be read, the account's total takes its place: all that is held, less what is known not to be
        a stock.
        """
        if self.unreadable and self.account is not None and self.account.net_value is not None:
            others = (p.market_value for p in self.positions or () if p.asset_class != "us_equity")
            return self.account.net_value - sum(value for value in others if value is not None)
        return self._sum(lambda p: p.market_value, "us_equity")

    @property
    def leverage_ratio(self) -> float | None:
        """Stock value over equity, as the bot sums it; None when account and positions are not of the same moment."""
        if self.account is None or self.account_at is None or self.positions_at is None:
            return None
        if abs(self.account_at - self.positions_at) > SAME_MOMENT:
            return None
        return self.account.ratio(self.stock_value)

    def _sum(self, read: Callable[[Position], float | None], asset_class: str | None = None) -> float | None:
        if self.positions is None:
            return None
        values = [read(p) for p in self.positions if asset_class is None or p.asset_class == asset_class]
        known = [value for value in values if value is not None]
        return None if values and not known else float(sum(known))
