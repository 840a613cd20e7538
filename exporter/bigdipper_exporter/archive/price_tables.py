"""Tables of market prices. What the monitor derives from them is in tables of its own."""

from dataclasses import dataclass

from bigdipper_exporter.archive.table import Day, Moment, Usd, table


@table("prices_daily", key=("symbol", "date"), time="read")
@dataclass(slots=True)
class DailyPriceRow:
    """Daily bars as traded (not adjusted for splits), regular session only.

    feed: where Alpaca took them from. read: when. complete: 1 when the session had ended by then.
    """

    symbol: str
    date: Day
    open: Usd
    high: Usd
    low: Usd
    close: Usd
    volume: float | None
    trades: int | None
    vwap: Usd | None
    feed: str
    read: Moment
    complete: bool


@table("prices_minute", key=("symbol", "ts"))
@dataclass(slots=True)
class MinutePriceRow:
    """Minute bars as traded, extended hours included, of the hours around an event. Kept for `market-data.minute-retention`."""

    symbol: str
    ts: Moment
    open: Usd
    high: Usd
    low: Usd
    close: Usd
    volume: float | None
    feed: str
    read: Moment


@table("corporate_actions", key=("action_id",), time="read")
@dataclass(slots=True)
class CorporateActionRow:
    """Splits, dividends, renames and the like, past and announced.

    kind: Alpaca's name, such as forward_split or cash_dividend. old_rate, new_rate: shares before and after. cash: per share.
    special: 1 for a dividend outside the schedule.
    """

    action_id: str
    symbol: str
    kind: str
    ex_date: Day
    process_date: Day | None
    old_rate: float | None
    new_rate: float | None
    cash: Usd | None
    special: bool | None
    new_symbol: str | None
    feed: str
    read: Moment


@table("price_coverage", key=("symbol",), time="read", counted=False)
@dataclass(slots=True)
class PriceCoverageRow:
    """The days of daily bars that were asked for, per symbol: a trading day inside that has no bar, has none at Alpaca.

    problem: why the symbol has no prices, NULL where it has some.
    """

    symbol: str
    first: Day
    last: Day
    problem: str | None
    read: Moment


@table("minute_coverage", key=("symbol", "date"), time="read", counted=False)
@dataclass(slots=True)
class MinuteCoverageRow:
    """The time of minute bars that was asked for, per symbol and day (unix seconds)."""

    symbol: str
    date: Day
    first: Moment
    last: Moment
    read: Moment
