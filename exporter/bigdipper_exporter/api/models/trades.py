"""Orders of the bot and its days."""

from pydantic import Field

from bigdipper_exporter.api.models.base import (
    Model,
    Moment,
    PercentOfRatio,
    RowId,
    count,
    day,
    moment,
    number,
    percent,
    seconds,
    text,
    usd,
)


class Trade(Model):
    """An order that the bot submitted, as its log says, and what became of it at the broker."""

    id: RowId = text("Identity of the log line; text, since JavaScript rounds numbers of this size.", "4398046511104")
    time: Moment = moment("When the log named it.", "ts")
    date: str = day("Trading day.")
    symbol: str = text("Symbol.", "NVDA")
    quantity: float = number("Units ordered.", "Units.", 2.5)
    price: float = usd("Limit price.", 141.2)
    value: float = usd("Quantity times limit.", 353.0, "total_value")
    cycle: int | None = number("Number of the bot's cycle.", "", 412, "cycle_number")
    order_id: str | None = text("Alpaca's id of the order.", "61e69015-8549-4bfd-b9c3-01e75843f47d")
    status: str | None = text("Alpaca's status of it; null where the broker was not asked.", "filled")
    result: str | None = text("filled, partly_filled, unfilled, open, replaced or unknown; null likewise.", "filled")
    filled_quantity: float | None = number("Units executed.", "Units.", 2.5)
    fill_price: float | None = usd("Average price of the executions.", 141.15, "filled_avg_price")
    slippage_bps: float | None = number("Fill against limit, below 0 is cheaper.", "Basis points.", -3.5)
    time_to_fill_seconds: float | None = seconds("From submission to the last execution.", 4.2)


class SymbolOrders(Model):
    """Orders of one symbol."""

    symbol: str = text("Symbol.", "NVDA")
    orders: int = count("Orders submitted.")
    value: float = usd("Their value.", 1059.0)


class DaySummary(Model):
    """One New York trading day, 04:00 to 04:00."""

    date: str = day("The day.")
    trading_day: bool = Field(description="Whether the exchange opens on it.", examples=[True])
    known: bool = Field(description="Whether the archive has anything of this day; else every figure is null.", examples=[True])
    orders: int | None = count("Orders submitted, from the log.", 4, "trades_count")
    deployed: float | None = usd("Value of the orders.", 1400.0, "total_deployed")
    fills: int | None = count("Executions of the bot's orders, from the broker.", 4, "fills_count")
    fills_by_hand: int | None = count("Executions of other orders, from the broker.", 0)
    missed: int | None = count("Trades that were wanted and not made.", 1, "missed_trades")
    opportunities: int | None = count("Dips that qualified.", 5)
    cycles: int | None = count("Cycles of the bot.", 940)
    brake_seconds: float | None = seconds("Time under the brake.", 0.0)
    start_equity: float | None = usd("Equity at the start.", 35010.2, "starting_equity")
    end_equity: float | None = usd("Equity at the end, or now.", 35210.42, "ending_equity")
    profit: float | None = usd("Profit without deposits.", 200.22)
    return_percent: PercentOfRatio | None = percent("Return without deposits.", 0.57, "return_ratio")
    realized_profit: float | None = usd("Realized profit, first in first out.", 40.0, "realized_pl")
    cash_flow: float | None = usd("Deposits less withdrawals.", 0.0)
    by_symbol: list[SymbolOrders] = Field(description="The day's orders by symbol, largest value first.")
