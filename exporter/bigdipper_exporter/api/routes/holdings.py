"""Positions."""

from typing import Annotated

from fastapi import APIRouter, Path

from bigdipper_exporter.api.context import SYMBOL_PATTERN, After, AskedBot, InPeriod, Limit
from bigdipper_exporter.api.models.base import Listed, Paged
from bigdipper_exporter.api.models.positions import Allocation, Position, Share
from bigdipper_exporter.archive.broker.last_poll import held
from bigdipper_exporter.archive.queries import positions as queries

router = APIRouter(prefix="/api/v1/positions", tags=["positions"])
Symbol = Annotated[str, Path(description="Symbol, in capitals.", pattern=SYMBOL_PATTERN, examples=["NVDA"])]


@router.get("/current", summary="What is held")
def current(asked: AskedBot) -> Listed[Position]:
    """Return every open position, largest first."""
    with asked.archive() as connection:
        return Listed(items=[Position.model_validate(row) for row in held(connection)])


@router.get("/history/{symbol:path}", summary="A position over time")
def history(asked: AskedBot, symbol: Symbol, after: After, period: InPeriod = "1m", limit: Limit = 200) -> Paged[Position]:
    """Return the snapshots of a position in the period, newest first; quantity 0 marks its close."""
    since = asked.since(period)
    with asked.archive() as connection:
        page = queries.HISTORY.page(
            connection, limit, after, "symbol = :symbol AND ts >= :since", {"symbol": symbol, "since": since}
        )
    return Paged(items=[Position.model_validate(row) for row in page.rows], next=asked.next(page.next))


@router.get("/allocation", summary="How the money is spread")
def allocation(asked: AskedBot) -> Allocation:
    """Return the parts of symbols and sectors in the positions' value."""
    with asked.archive() as connection:
        symbols, sectors = queries.by_symbol(connection), queries.by_sector(connection)
    return Allocation(
        by_symbol=[Share.model_validate(share) for share in symbols],
        by_sector=[Share.model_validate(share) for share in sectors],
    )
