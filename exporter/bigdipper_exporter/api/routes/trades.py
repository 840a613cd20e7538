"""Orders of the bot, and its days."""

import re
from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BeforeValidator

from bigdipper_exporter import calendar
from bigdipper_exporter.api.context import After, AskedBot, Limit
from bigdipper_exporter.api.models.base import Paged
from bigdipper_exporter.api.models.trades import DaySummary, Trade
from bigdipper_exporter.api.problems import Problem
from bigdipper_exporter.api.routes.holdings import Symbol
from bigdipper_exporter.archive.queries import trades as queries

router = APIRouter(prefix="/api/v1/trades", tags=["trades"])
FIRST_DAY = date(2000, 1, 1)


def _only_a_date(text: str) -> str:
    """Refuse times and unix seconds, which would be taken for the day that they have in UTC. Raises ValueError."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError(f"is not a date; allowed: YYYY-MM-DD, such as {date(2026, 3, 6)}")
    return text


Day = Annotated[date, BeforeValidator(_only_a_date)]


@router.get("/recent", summary="The newest orders")
def recent(asked: AskedBot, after: After, limit: Limit = 50) -> Paged[Trade]:
    """Return the orders that the bot submitted, newest first, with what became of them."""
    with asked.archive() as connection:
        page = queries.TRADES.page(connection, limit, after)
    return Paged(items=[Trade.model_validate(row) for row in page.rows], next=asked.next(page.next))


@router.get("/by-symbol/{symbol:path}", summary="Orders of one symbol")
def by_symbol(asked: AskedBot, symbol: Symbol, after: After, limit: Limit = 50) -> Paged[Trade]:
    """Return the orders of one symbol, newest first; an empty list for a symbol that was never ordered."""
    with asked.archive() as connection:
        page = queries.TRADES.page(connection, limit, after, "symbol = :symbol", {"symbol": symbol})
    return Paged(items=[Trade.model_validate(row) for row in page.rows], next=asked.next(page.next))


@router.get("/daily-summary", summary="One trading day")
def daily_summary(
    asked: AskedBot,
    date: Annotated[Day | None, Query(description="New York trading day; today when left out.")] = None,
) -> DaySummary:
    """Return the figures of a New York trading day, 04:00 to 04:00."""
    today = calendar.trading_day(asked.now)
    day = date or today
    if not FIRST_DAY <= day <= today:
        raise Problem(422, f"is out of range; allowed: {FIRST_DAY} to {today} (New York)", field="query.date")
    span = calendar.day_start(day), calendar.day_start(day + timedelta(days=1))
    with asked.archive() as connection:
        row = queries.day(connection, day.isoformat())
        symbols = queries.orders_by_symbol(connection, *span)
    figures = asdict(row) if row else dict.fromkeys(DaySummary.model_fields)
    return DaySummary.model_validate(
        {
            **figures,
            "date": day.isoformat(),
            "trading_day": calendar.is_trading_day(day),
            "known": row is not None,
            "by_symbol": [asdict(symbol) for symbol in symbols],
        }
    )
