"""Tables of market prices. What the monitor derives from them is in tables of its own."""

from dataclasses import dataclass

from bigdipper_exporter.archive.table import Day, Moment, Ratio, Usd, table


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


@table("dip_lines", key=("symbol", "date"), counted=False)
@dataclass(slots=True)
class DipLineRow:
    """The line at which the bot buys, per symbol and day.

    high: highest close of the sessions before it in the bot's lookback. threshold: the bot's, as valid on that day.
    """

    symbol: str
    date: Day
    high: Usd
    threshold: Ratio
    line: Usd


@table("dip_triggers", key=("symbol",), counted=False)
@dataclass(slots=True)
class DipTriggerRow:
    """Where each symbol stands at its newest price.

    dip_ratio: to the high, 0 or below. distance_ratio: to the line, below 0 once the bot would buy. watched: the bot's own.
    """

    symbol: str
    ts: Moment
    price: Usd
    high: Usd
    high_date: Day
    threshold: Ratio
    line: Usd
    dip_ratio: Ratio
    distance_ratio: Ratio
    watched: bool


@table("dip_episodes", key=("symbol", "reason", "ts"), counted=False)
@dataclass(slots=True)
class DipEpisodeRow:
    """One dip of one symbol for one reason, over consecutive sessions, and the total return that followed.

    reason: `bought`, or why not. dip_ratio: the deepest. price: at the first sighting; price_source: log, minute, line (only
    the day's low is known to be below it) or none. market_price: close of that minute on all exchanges. size: dollars by the
    bot's formula. after_N, benchmark_N: total return after N sessions. lowest_20: the worst low within 20. NULL: unknown yet.
    """

    symbol: str
    reason: str
    ts: Moment
    date: Day
    last: Moment
    days: int
    sightings: int
    dip_ratio: Ratio | None
    price: Usd | None
    price_source: str
    market_price: Usd | None
    bought: bool
    size: Usd | None
    after_1: Ratio | None
    after_5: Ratio | None
    after_20: Ratio | None
    benchmark_1: Ratio | None
    benchmark_5: Ratio | None
    benchmark_20: Ratio | None
    lowest_20: Ratio | None


@table("benchmark_days", key=("date",), counted=False)
@dataclass(slots=True)
class BenchmarkDayRow:
    """The account and the benchmark over the same trading days, dividends included in both.

    Indices: 100 at the close before the first day. twin: what the same deposits in the benchmark are worth, NULL once unknown.
    """

    date: Day
    ts: Moment
    account_index: float
    benchmark_index: float
    account: Usd
    twin: Usd | None
    account_return: Ratio
    benchmark_return: Ratio


@table("lots", counted=False)
@dataclass(slots=True)
class LotRow:
    """Lots of stocks, first in first out, in shares of the sale or of today; `closed` is NULL while a lot is held.

    A lot is what one order bought, in however many executions; a row is what one order sold of it, or what is left.

    price: of the sale, or the newest. sessions: held so far. worst_ratio, best_ratio: lowest and highest price on the days
    between purchase and sale, to the entry; NULL where there is no such day. of_bot: 1 when the bot bought it.
    """

    id: int
    symbol: str
    ts: Moment
    closed: Moment | None
    quantity: float
    entry: Usd
    price: Usd | None
    profit: Usd | None
    sessions: int
    worst_ratio: Ratio | None
    best_ratio: Ratio | None
    of_bot: bool = True


@table("trade_figures", key=("grouping", "name"), counted=False)
@dataclass(slots=True)
class TradeFiguresRow:
    """Statistics of closed lots that the bot bought, beside the open ones.

    grouping: all, symbol, hour or weekday (New York, of the purchase). expectancy: mean profit per lot. quality: SQN from 30
    lots on. Groups of fewer than 5 closed lots have no figures.
    """

    grouping: str
    name: str
    lots: int
    win_rate: Ratio | None
    expectancy: Usd | None
    profit_factor: float | None
    quality: float | None
    winner_sessions: float | None
    loser_sessions: float | None
    worst_ratio: Ratio | None
    best_ratio: Ratio | None
    open_lots: int
    open_profit: Usd | None


@table("dip_outcomes", key=("grouping", "name", "horizon"), counted=False)
@dataclass(slots=True)
class DipOutcomeRow:
    """What followed episodes of dips `horizon` sessions later. grouping: all (bought, missed); reason or depth of those missed.

    known: episodes whose horizon is over. weeks: separate weeks in which those began. lower, median, upper: quartiles of the
    total return, from 20 episodes on. positive: share above 0. excess: median of the return less the benchmark's. dollars: what
    the sizes of the bot's formula would have gained.
    """

    grouping: str
    name: str
    horizon: int
    episodes: int
    known: int
    weeks: int
    lower: Ratio | None
    median: Ratio | None
    upper: Ratio | None
    positive: Ratio | None
    excess: Ratio | None
    dollars: Usd | None


@table("positions_daily", key=("symbol", "date"), counted=False)
@dataclass(slots=True)
class PositionDayRow:
    """What was held at each close, at average cost.

    rebuilt: 1 where executions and prices say it, 0 where a snapshot of the broker does. problem: why a figure is NULL.
    """

    symbol: str
    date: Day
    ts: Moment
    quantity: float | None
    market_value: Usd | None
    cost_basis: Usd | None
    unrealized_pl: Usd | None
    rebuilt: bool
    problem: str | None
