"""Dips: qualified and missed."""

from pydantic import Field

from bigdipper_exporter.api.models.base import Model, Moment, Paged, RowId, count, day, moment, number, percent, text, usd


class Opportunity(Model):
    """A dip that qualified; one per cycle and symbol."""

    id: RowId = text("Identity of the log line; text, since JavaScript rounds numbers of this size.", "4398046511104")
    time: Moment = moment("When the log named it.", "ts")
    date: str = day("Trading day.")
    symbol: str = text("Symbol.", "NVDA")
    dip_percent: float | None = percent("Depth; negative.", -6.4)
    price: float | None = usd("Price that the bot saw.", 141.2)
    score: float | None = number("The bot's score: depth over the symbol's threshold.", "Number.", 1.3)
    threshold_percent: float | None = percent("The symbol's threshold.", 5.0)
    outcome: str = text("submitted, rejected, capital, too_small, missed_brake or unknown.", "submitted")
    executed: bool = Field(description="Whether the bot submitted an order.", examples=[True])
    reason: str | None = text("Why it was rejected; null where it was not.", "cooldown")


class MissedTrade(Model):
    """A trade that was wanted and not made."""

    id: RowId = text("Identity of the log line.", "4398046511104")
    time: Moment = moment("When.", "ts")
    date: str = day("Trading day.")
    symbol: str = text("Symbol.", "NVDA")
    reason: str = text("Reason code.", "buying_power")
    detail: str = text("The words of the log.", "Insufficient buying power")
    dip_percent: float | None = percent("Depth of the dip; negative.", -6.4)


class ReasonCount(Model):
    """Missed trades of one reason."""

    reason: str = text("Reason code, or `brake` for dips that the brake let pass without naming them.", "buying_power")
    count: int = count("Trades missed.")


class MissedTrades(Paged[MissedTrade]):
    """A page of missed trades, and the numbers of the whole period."""

    by_reason: list[ReasonCount] = Field(description="All of the period by reason, most first.")


class DipBin(Model):
    """Dips of one percent of depth."""

    from_percent: int = percent("Depth at which the step begins; the next step is one deeper.", -6)
    submitted: int = count("Dips that were ordered.")
    not_bought: int = count("Dips that were not.")
