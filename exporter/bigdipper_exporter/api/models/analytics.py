"""Wash sales and sales that won."""

from pydantic import Field

from bigdipper_exporter.api.models.base import (
    Model,
    Moment,
    Paged,
    PercentOfRatio,
    count,
    day,
    moment,
    number,
    percent,
    text,
    usd,
)


class WashSale(Model):
    """A sale at a loss and its 61 days. An aid, not tax advice."""

    id: str = text("Alpaca's id of the execution.", "20260303::61e69015", "activity_id")
    symbol: str = text("Symbol.", "NVDA")
    sold: Moment = moment("When it was sold.")
    date: str = day("Date of the sale.")
    side: str = text("Position that was closed: long or short.", "long")
    quantity: float = number("Units sold at a loss.", "Units.", 2.5)
    loss: float | None = usd("The loss; null where the lots are incomplete.", 25.0)
    disallowed: float | None = usd("The part of it that is deferred.", 25.0)
    window_end: Moment = moment("End of the 30 days after.")
    bought_before: float = number("Replacement units bought before the sale.", "Units.", 0.0)
    bought_after: float = number("Replacement units bought after it.", "Units.", 2.5)
    known: bool = Field(description="Whether the lots are complete.", examples=[True])


class Refusal(Model):
    """Orders that the broker refused as wash trades: an opposite order was open. That is not the tax rule."""

    symbol: str = text("Symbol.", "NVDA")
    count: int = count("Orders refused.")
    last: Moment = moment("The newest one.")


class WashSales(Paged[WashSale]):
    """A page of loss sales, and the refusals of the period."""

    refusals: list[Refusal] = Field(description="Wash-trade refusals of the period by symbol, most first.")


class WinRate(Model):
    """Sales in the period whose lots are known, first in first out."""

    period: str = text("The period that was asked for.", "1m")
    sales: int = count("Sales.", 12)
    win_rate_percent: PercentOfRatio | None = percent("Part of them with a gain; null without a sale.", 58.3, "win_rate")
    profit_factor: float | None = number("Gains over losses; null without a loss.", "Number.", 1.7)
    realized_profit: float | None = usd("Sum of their results.", 140.5, "realized")
