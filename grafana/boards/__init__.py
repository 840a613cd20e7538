"""One file a board; the order is that of the documents."""

from collections.abc import Callable

from grafana_foundation_sdk.models import dashboard as model

from grafana.boards import config, fleet, health, opportunities, overview, performance, positions, risk, share, symbol, trades

BOARDS: dict[str, Callable[[], model.Dashboard]] = {
    "overview": overview.build,
    "trades": trades.build,
    "positions": positions.build,
    "symbol": symbol.build,
    "opportunities": opportunities.build,
    "risk": risk.build,
    "performance": performance.build,
    "health": health.build,
    "config": config.build,
    "fleet": fleet.build,
    "share": share.build,
}
