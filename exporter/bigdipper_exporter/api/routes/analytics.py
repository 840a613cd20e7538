"""Wash sales, win rate, depth of dips."""

from dataclasses import asdict

from fastapi import APIRouter

from bigdipper_exporter.api.context import After, AskedBot, InPeriod, Limit
from bigdipper_exporter.api.models.analytics import Refusal, WashSale, WashSales, WinRate
from bigdipper_exporter.api.models.base import Listed
from bigdipper_exporter.api.models.opportunities import DipBin
from bigdipper_exporter.archive.queries import analytics as queries
from bigdipper_exporter.archive.queries.opportunities import dip_distribution

router = APIRouter(prefix="/api/v1/analytics", tags=["analytics"])


@router.get("/wash-sales", summary="Loss sales and wash-trade refusals")
def wash_sales(asked: AskedBot, after: After, period: InPeriod = "1y", limit: Limit = 50) -> WashSales:
    """Return the loss sales of the period with their windows, newest first, and the refusals by symbol."""
    since = asked.since(period)
    with asked.archive() as connection:
        page = queries.WASH_SALES.page(connection, limit, after, "sold >= :since", {"since": since})
        refused = queries.refusals(connection, since)
    return WashSales(
        items=[WashSale.model_validate({**asdict(row), "known": row.status == "known"}) for row in page.rows],
        next=asked.next(page.next),
        refusals=[Refusal.model_validate(row) for row in refused],
    )


@router.get("/win-rate", summary="How often sales win")
def win_rate(asked: AskedBot, period: InPeriod = "1m") -> WinRate:
    """Return the share of sales with a gain, and gains over losses."""
    with asked.archive() as connection:
        found = queries.sale_quality(connection, asked.since(period))
    return WinRate.model_validate({**asdict(found), "period": period})


@router.get("/dip-distribution", summary="How deep the dips were")
def distribution(asked: AskedBot, period: InPeriod = "1m") -> Listed[DipBin]:
    """Return the dips that qualified in the period by depth, in steps of one percent."""
    with asked.archive() as connection:
        rows = dip_distribution(connection, asked.since(period))
    return Listed(items=[DipBin.model_validate(row) for row in rows])
