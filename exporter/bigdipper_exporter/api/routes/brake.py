"""The emergency brake."""

from fastapi import APIRouter

from bigdipper_exporter.api.context import After, AskedBot, InPeriod, Limit
from bigdipper_exporter.api.models.base import Paged, utc
from bigdipper_exporter.api.models.brake import Episode
from bigdipper_exporter.api.models.dashboard import BrakeNow
from bigdipper_exporter.api.routes.overview import brake_now
from bigdipper_exporter.archive.bot_tables import BrakeRow
from bigdipper_exporter.archive.queries import brake as queries

router = APIRouter(prefix="/api/v1/brake", tags=["brake"])


@router.get("/current", summary="The brake now")
def current(asked: AskedBot) -> BrakeNow:
    """Return whether the brake holds, since when, and how far it is away."""
    with asked.archive() as connection:
        return brake_now(asked.snapshot(connection), asked.now)


@router.get("/history", summary="Brake episodes")
def history(asked: AskedBot, after: After, period: InPeriod = "1y", limit: Limit = 50) -> Paged[Episode]:
    """Return the episodes that touch the period, newest first."""
    since = asked.since(period)
    with asked.archive() as connection:
        page = queries.EPISODES.page(connection, limit, after, queries.SINCE, {"since": since})
    return Paged(items=[episode(row) for row in page.rows], next=asked.next(page.next))


def episode(row: BrakeRow) -> Episode:
    """One row of the archive as the API shows it."""
    leverage = row.leverage_ratio is not None
    return Episode(
        id=str(row.id),
        started=utc(row.started),
        ended=utc(row.ended),
        date=row.date,
        duration_seconds=row.duration_seconds,
        cause="leverage" if leverage else "margin",
        level_ratio=row.leverage_ratio if leverage else row.margin_ratio,
        peak_ratio=row.peak_ratio,
        reduce_usd=row.reduce_usd,
        margin_debt=row.margin_debt,
        equity=row.equity,
        cycles=row.cycles,
        dips_missed=row.missed_opportunities,
        open=row.ended is None,
    )
