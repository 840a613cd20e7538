"""The account, to the cent: money figures come from the broker, never from the log."""

from collections.abc import Callable

from bigdipper_exporter.broker.models import Account
from bigdipper_exporter.metrics.reading import Value, known, of_account, of_broker
from bigdipper_exporter.metrics.table import Gauge, Metric, Read, Sample


def _blocked(a: Account) -> list[Sample]:
    kinds = {"trading": a.trading_blocked, "transfers": a.transfers_blocked, "account": a.account_blocked}
    return known(((kind,), None if flag is None else float(flag)) for kind, flag in kinds.items())


def _money(name: str, meaning: str, read: Callable[[Account], Value]) -> Metric:
    return Gauge(f"bigdipper_account_{name}_usd", meaning, read=of_account(read))


def _of_today(read: Callable[[Account], float | None]) -> Read:
    """Read from an account that was polled today: the result of a day before is not that of today."""
    newest = of_account(read)
    return lambda s: newest(s) if s.broker is not None and s.broker.is_account_since(s.day.start) else None


METRICS: tuple[Metric, ...] = (
    _money("equity", "Equity, as Alpaca says it.", lambda a: a.equity),
    _money("cash", "Cash; negative when money is borrowed.", lambda a: a.cash),
    _money("buying_power", "Buying power.", lambda a: a.buying_power),
    _money("last_equity", "Equity at the close of the previous trading day.", lambda a: a.last_equity),
    _money("long_market_value", "Value of the long positions.", lambda a: a.long_market_value),
    _money("short_market_value", "Value of the short positions (0 or negative).", lambda a: a.short_market_value),
    _money("initial_margin", "Initial margin requirement: collateral, not debt.", lambda a: a.initial_margin),
    _money(
        "maintenance_margin",
        "Maintenance margin: the broker issues a margin call when equity falls below it.",
        lambda a: a.maintenance_margin,
    ),
    _money("margin_debt", "Borrowed money: negative cash.", lambda a: a.margin_debt),
    Gauge(
        "bigdipper_account_margin_ratio",
        "Margin debt over equity; absent without equity.",
        read=of_account(lambda a: a.margin_ratio),
    ),
    Gauge(
        "bigdipper_account_leverage_ratio",
        "Signed value of the stocks over equity, as the bot sums it.",
        read=of_broker(lambda b: b.leverage_ratio),
    ),
    Gauge(
        "bigdipper_account_gross_exposure_ratio",
        "Long plus absolute short value over equity.",
        read=of_account(lambda a: a.gross_exposure_ratio),
    ),
    Gauge(
        "bigdipper_account_day_pl_usd",
        "Equity minus that of the previous close; deposits count in it.",
        read=_of_today(lambda a: a.day_pl),
    ),
    Gauge(
        "bigdipper_account_day_pl_ratio",
        "Day's profit or loss over the equity of the previous close.",
        read=_of_today(lambda a: a.day_pl_ratio),
    ),
    Gauge(
        "bigdipper_account_unrealized_pl_usd",
        "Unrealized profit or loss, summed over the positions.",
        read=of_broker(lambda b: b.unrealized_pl),
    ),
    Gauge("bigdipper_account_blocked", "1 when Alpaca blocks this.", ("kind",), read=of_account(_blocked)),
    Gauge(
        "bigdipper_account_cash_flow_today_usd",
        "Deposits minus withdrawals since the previous close.",
        read=of_broker(lambda b: b.cash_flow_today),
    ),
    Gauge(
        "bigdipper_account_day_profit_usd",
        "Profit since the previous close, without deposits and withdrawals: what is shown as today's profit.",
        read=of_broker(lambda b: b.day_profit),
    ),
    Gauge(
        "bigdipper_account_day_return_ratio",
        "The same over the equity of the previous close and today's deposits.",
        read=of_broker(lambda b: b.day_return),
    ),
    Gauge(
        "bigdipper_account_doubted",
        "1 while the newest answer is doubted: not used at all, or, within the hour after a jump of prices, for no peak yet.",
        read=of_broker(lambda b: None if b.account_at is None and not b.doubts else float(bool(b.doubts))),
    ),
    Gauge(
        "bigdipper_account_equity_peak_usd",
        "Highest equity, deposits taken out, in today's dollars.",
        read=of_broker(lambda b: b.chain.peak),
    ),
    Gauge(
        "bigdipper_account_drawdown_ratio",
        "How far equity is below its peak, deposits taken out (0 or positive).",
        read=of_broker(lambda b: b.chain.drawdown),
    ),
    Gauge(
        "bigdipper_account_adjusted_return_ratio",
        "Return without deposits and withdrawals, by window of days up to the newest day on which the exchange opened. Left "
        "out: a window that the account is too young for, or that holds a day without a known return.",
        ("window",),
        read=of_broker(lambda b: [((window,), value) for window, value in b.chain.returns]),
    ),
)
