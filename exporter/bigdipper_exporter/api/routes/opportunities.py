"""Dips: qualified, missed, best."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from bigdipper_exporter.api.context import After, AskedBot, InPeriod, Limit
from bigdipper_exporter.api.models.base import Listed, Paged, utc
from bigdipper_exporter.api.models.opportunities import MissedTrade, MissedTrades, Opportunity, ReasonCount
from bigdipper_exporter.archive.bot_tables import OpportunityRow
from bigdipper_exporter.archive.queries import opportunities as queries

router = APIRouter(prefix="/api/v1/opportunities", tags=["opportunities"])

# As `log.lines.skips.MISSED_REASONS`; a test keeps both equal.
Reason = Literal[
    "leverage_limit", "buying_power", "wash_sale_conflict", "not_fractionable", "no_quote", "order_failed", "other"
]


def opportunity(row: OpportunityRow) -> Opportunity:
    """One row of the archive as the API shows it."""
    return Opportunity(
        id=str(row.id),
        time=utc(row.ts),
        date=row.date,
        symbol=row.symbol,
        dip_percent=row.dip_percent,
        price=row.price,
        score=row.score,
        threshold_percent=row.threshold_percent,
        outcome=row.outcome,
        executed=row.outcome == "submitted",
        reason=row.reason,
    )


@router.get("/recent", summary="The newest dips that qualified")
def recent(asked: AskedBot, after: After, limit: Limit = 50) -> Paged[Opportunity]:
    """Return the dips that qualified, executed or not, newest first."""
    with asked.archive() as connection:
        page = queries.OPPORTUNITIES.page(connection, limit, after)
    return Paged(items=[opportunity(row) for row in page.rows], next=asked.next(page.next))


@router.get("/missed", summary="Trades that were missed")
def missed(
    asked: AskedBot,
    after: After,
    reason: Annotated[Reason | None, Query(description="Only those of one reason.")] = None,
    period: InPeriod = "1m",
    limit: Limit = 50,
) -> MissedTrades:
    """Return the trades that were wanted and not made in the period, newest first, and their numbers by reason."""
    since = asked.since(period)
    with asked.archive() as connection:
        where = "ts >= :since" + (" AND reason = :reason" if reason else "")
        page = queries.MISSED.page(connection, limit, after, where, {"since": since, "reason": reason})
        reasons = queries.missed_by_reason(connection, since)
    return MissedTrades(
        items=[MissedTrade.model_validate(row) for row in page.rows],
        next=asked.next(page.next),
        by_reason=[ReasonCount.model_validate(row) for row in reasons],
    )


@router.get("/best-scores", summary="The best dips")
def best_scores(asked: AskedBot, period: InPeriod = "1m", limit: Limit = 20) -> Listed[Opportunity]:
    """Return the dips with the highest scores of the period."""
    with asked.archive() as connection:
        rows = queries.best_scores(connection, asked.since(period), limit)
    return Listed(items=[opportunity(row) for row in rows])
