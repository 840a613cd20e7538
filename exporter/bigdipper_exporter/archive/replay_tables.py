"""Tables of other thresholds, replayed over daily bars, and of the check of that replay."""

from dataclasses import dataclass

from bigdipper_exporter.archive.table import Day, Ratio, table


@table("threshold_signals", key=("symbol", "threshold", "reached", "part", "horizon"), counted=False)
@dataclass(slots=True)
class ThresholdSignalRow:
    """What a threshold would have met in the daily bars, and the total return `horizon` sessions later.

    symbol: `all` for those watched together. reached: touched (the day's low) or close. part: whole, or its earlier or later
    half. days: sessions with a signal. episodes: consecutive ones are one; known, weeks, lower to excess: as in `dip_outcomes`.
    """

    symbol: str
    threshold: Ratio
    reached: str
    part: str
    horizon: int
    days: int
    episodes: int
    known: int
    weeks: int
    lower: Ratio | None
    median: Ratio | None
    upper: Ratio | None
    positive: Ratio | None
    excess: Ratio | None


@table("replay_checks", key=("symbol",), counted=False)
@dataclass(slots=True)
class ReplayCheckRow:
    """The bot's own thresholds replayed beside its orders, in sessions; symbol `all`: those watched together.

    first, last: sessions with a line. later: the first of the later half. purchases: sessions with an order of the bot, found:
    those that the replay finds; the rest was outside regular hours only or not in the bars. signals: of sessions that the bot
    scanned without a brake; named: those that the log names. why: why other thresholds are not shown, NULL where they are.
    """

    symbol: str
    first: Day | None
    last: Day | None
    later: Day | None
    purchases: int
    found: int
    outside_hours: int
    not_in_bars: int
    signals: int
    named: int
    recall: Ratio | None
    precision: Ratio | None
    why: str | None
