"""Brake episodes."""

from pydantic import Field

from bigdipper_exporter.api.models.base import Model, Moment, RowId, count, day, moment, ratio, seconds, text, usd


class Episode(Model):
    """One brake episode: from the first brake line to the first line that only a released brake allows."""

    id: RowId = text("Identity of its first line.", "4398046511104")
    started: Moment = moment("Start.")
    ended: Moment | None = moment("End; null while it is open.")
    date: str = day("Trading day of the start.")
    duration_seconds: float | None = seconds("Time under the brake, up to its last line.")
    cause: str = text("What was compared: margin (before v2.18) or leverage.", "leverage")
    level_ratio: float | None = ratio("Level that started it.", 1.157)
    peak_ratio: float | None = ratio("Worst level that was logged.", 1.162)
    reduce_usd: float | None = usd("Dollars to reduce, as the bot said.", 144.22)
    margin_debt: float | None = usd("Margin debt as the bot said.", 5480.82)
    equity: float | None = usd("Equity as the bot said.")
    cycles: int = count("Cycles under the brake.", 60)
    dips_missed: int = count("Dips that it let pass.", 2, "missed_opportunities")
    open: bool = Field(description="Whether it goes on.", examples=[False])
