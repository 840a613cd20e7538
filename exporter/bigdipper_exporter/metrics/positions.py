"""Open positions, as the broker values them."""

from collections.abc import Callable

from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.broker.models import Position
from bigdipper_exporter.metrics.reading import Value, known, of_broker
from bigdipper_exporter.metrics.table import Gauge, Metric, Read, Sample
from bigdipper_exporter.symbols import MAX_SYMBOLS


def _shown(b: BrokerView) -> list[Position]:
    positions = list(b.positions or ())
    if len(positions) > MAX_SYMBOLS:
        positions.sort(key=lambda p: -abs(p.market_value or 0.0))
    return positions[:MAX_SYMBOLS]


def _each(read: Callable[[Position], Value]) -> Read:
    return of_broker(lambda b: known(((p.symbol,), read(p)) for p in _shown(b)))


def _unpriced(b: BrokerView) -> list[Sample]:
    return [((p.symbol,), 1.0) for p in _shown(b) if p.is_unpriced]


def _classes(b: BrokerView) -> list[Sample] | None:
    if b.positions is None:
        return None
    counts = {"us_equity": 0.0}
    for p in b.positions:
        counts[p.asset_class] = counts.get(p.asset_class, 0.0) + 1
    return [((name,), count) for name, count in counts.items()]


def _of_position(name: str, meaning: str, read: Callable[[Position], Value]) -> Metric:
    return Gauge(f"bigdipper_position_{name}", f"{meaning} Negative for a short.", ("symbol",), read=_each(read))


METRICS: tuple[Metric, ...] = (
    Gauge(
        "bigdipper_position_unpriced",
        "1 for a position without value, price or profit at the broker: it is left out of the sums of these.",
        ("symbol",),
        read=of_broker(_unpriced),
    ),
    Gauge(
        "bigdipper_positions_unreadable",
        "Positions in the broker's last answer that could not be read: they are left out of every sum.",
        read=of_broker(lambda b: b.unreadable),
    ),
    Gauge("bigdipper_positions", "Open positions.", ("asset_class",), read=of_broker(_classes)),
    _of_position("quantity", "Units held.", lambda p: p.quantity),
    _of_position("market_value_usd", "Market value.", lambda p: p.market_value),
    _of_position("cost_basis_usd", "Cost.", lambda p: p.cost_basis),
    Gauge(
        "bigdipper_position_avg_entry_price_usd", "Average entry price.", ("symbol",), read=_each(lambda p: p.avg_entry_price)
    ),
    Gauge("bigdipper_position_current_price_usd", "Price.", ("symbol",), read=_each(lambda p: p.current_price)),
    Gauge(
        "bigdipper_position_unrealized_pl_usd", "Unrealized profit or loss.", ("symbol",), read=_each(lambda p: p.unrealized_pl)
    ),
    Gauge(
        "bigdipper_position_unrealized_pl_ratio",
        "Unrealized profit or loss over cost.",
        ("symbol",),
        read=_each(lambda p: p.unrealized_pl_ratio),
    ),
    Gauge(
        "bigdipper_position_intraday_pl_usd",
        "Profit or loss since the previous close.",
        ("symbol",),
        read=_each(lambda p: p.intraday_pl),
    ),
)
