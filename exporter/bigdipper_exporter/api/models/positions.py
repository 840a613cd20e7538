"""What is held."""

from pydantic import Field

from bigdipper_exporter.api.models.base import Model, Moment, PercentOfRatio, moment, number, percent, text, usd


class Position(Model):
    """One position at a moment: at the last poll of the broker, or at a snapshot of the past."""

    symbol: str = text("Symbol.", "NVDA")
    time: Moment = moment("When the broker said so.", "ts")
    asset_class: str | None = text("Kind of security, as Alpaca names it.", "us_equity")
    quantity: float | None = number("Units; negative for a short.", "Units.", 12.5)
    market_value: float | None = usd("Market value; negative for a short.", 1830.0)
    cost_basis: float | None = usd("Cost; negative for a short.", 1700.0)
    unrealized_profit: float | None = usd("Unrealized profit.", 130.0, "unrealized_pl")
    unrealized_profit_percent: float | None = percent("The same over cost.", 7.6, "unrealized_pl_pct")
    day_profit: float | None = usd("Profit since the previous close.", 12.0, "intraday_pl")
    average_entry_price: float | None = usd("Average entry price.", 136.0, "avg_entry_price")
    price: float | None = usd("Price.", 146.4, "current_price")


class Share(Model):
    """A part of what is held."""

    name: str = text("Symbol or sector.", "Technology")
    value: float | None = usd("Market value, shorts by their absolute value.", 7320.0)
    percent: PercentOfRatio | None = percent("Part of all positions.", 19.4, "ratio")


class Allocation(Model):
    """How the positions' value is spread."""

    by_symbol: list[Share] = Field(description="By symbol, largest first.")
    by_sector: list[Share] = Field(description="By sector, largest first.")
