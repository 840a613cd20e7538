"""The account: now, over time, and what it earned."""

from pydantic import Field

from bigdipper_exporter.api.models.base import (
    Model,
    Moment,
    PercentOfRatio,
    count,
    day,
    moment,
    number,
    percent,
    ratio,
    text,
    usd,
)


class AccountNow(Model):
    """The newest figures of the account: the broker's, or the bot's own from its log where there is no broker."""

    source: str | None = text("Whose figures these are: alpaca or log.", "alpaca")
    time: Moment | None = moment("When the figures were read.")
    equity: float | None = usd("Equity.")
    cash: float | None = usd("Cash; negative when money is borrowed.", -2800.5)
    buying_power: float | None = usd("Buying power, from the broker only.", 41000.0)
    margin_debt: float | None = usd("Borrowed money.", 2800.5)
    margin_ratio: float | None = ratio("Borrowed money over equity.")
    leverage_ratio: float | None = ratio("Signed value of the stocks over equity.", 1.08)
    last_equity: float | None = usd("Equity at the previous close.", 35010.2)
    day_profit: float | None = usd("Profit since the previous close, without deposits where the broker is known.", 200.22)
    day_return_percent: PercentOfRatio | None = percent(
        "The same over the equity of the previous close and today's deposits.", 0.57
    )
    unrealized_profit: float | None = usd("Unrealized profit of what is held.", 1300.0)
    maintenance_margin: float | None = usd("Below this equity the broker calls, from the broker only.", 11000.0)


class AccountPoint(Model):
    """The account at one time."""

    time: Moment = moment("When.", "ts")
    source: str = text("Whose figures these are: alpaca or log.", "alpaca")
    equity: float | None = usd("Equity.")
    cash: float | None = usd("Cash; negative when money is borrowed.", -2800.5)
    margin_debt: float | None = usd("Borrowed money.", 2800.5)
    margin_ratio: float | None = ratio("Borrowed money over equity.")
    leverage_ratio: float | None = ratio("Signed value of the stocks over equity.", 1.08)
    unrealized_profit: float | None = usd("Unrealized profit.", 1300.0, "pl_dollar")


class AccountHistory(Model):
    """The account over a period: the last figures of each of equally long spans; spans without figures are left out."""

    period: str = text("The period that was asked for.", "1w")
    since: Moment | None = moment("Start of the period.")
    items: list[AccountPoint] = Field(description="Points, oldest first.")


class Benchmark(Model):
    """The same days of an index."""

    symbol: str = text("What it is compared with: the setting benchmark.symbol.", "SPY")
    days: int = count("Trading days of the period that both have.", 21)
    return_percent: PercentOfRatio | None = percent("Its return.", 1.9)
    excess_percent: PercentOfRatio | None = percent("Return of the account less that of the benchmark.", 0.4)


class Performance(Model):
    """What the account earned in a period of New York trading days. Deposits and withdrawals are no profit."""

    period: str = text("The period that was asked for.", "1m")
    first_day: str | None = day("First trading day with figures in the period.", "first")
    last_day: str | None = day("Last trading day with figures.", "last")
    days: int = count("Trading days with figures.", 21)
    start_equity: float | None = usd("Equity at the start of the first day.", 34000.0, "start")
    end_equity: float | None = usd("Equity at the end of the last day, or now.", 35210.42, "end")
    profit: float | None = usd("Sum of the days' profit.", 1210.42)
    return_percent: PercentOfRatio | None = percent("Chained daily returns.", 3.56, "return_ratio")
    peak_equity: float | None = usd("Highest equity so far, deposits taken out, in dollars of the last day.", 35900.0, "peak")
    max_drawdown_percent: PercentOfRatio | None = percent(
        "Worst distance from the peak at the end of a day; 0 or negative.", -4.2, "max_drawdown"
    )
    sharpe: float | None = number("Sharpe ratio, annual, riskless rate 0; null below 20 trading days.", "Number.", 1.3)
    sortino: float | None = number("Sortino ratio, likewise.", "Number.", 1.9)
    benchmark: Benchmark | None = Field(description="The same days of an index; null where its prices are not known.")
