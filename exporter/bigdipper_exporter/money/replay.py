"""The bot's rule over daily bars at any threshold, and how well that finds what the bot really bought. Pure; US dollars.

A low at or under the line says that the price was there at some moment of the session ("touched"), a close that it still was
at the end. What the bot saw lies between the two: it looks once a minute, at the bid of one exchange. A signal is no order:
cash, cooldown, the largest position and the brake decide too.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from bigdipper_exporter.durations import DAY
from bigdipper_exporter.money.dips import is_signal, lines
from bigdipper_exporter.money.episodes import LEAST_EPISODES, Sighting, episodes
from bigdipper_exporter.money.prices import Bar

Reached = Literal["touched", "close"]
REACHED: tuple[Reached, ...] = ("touched", "close")
THRESHOLDS = tuple(percent / 100 for percent in range(2, 16))
LEAST_RECALL = 0.9  # below it the replay does not match the bot, and what it says of other thresholds is not shown


@dataclass(frozen=True, slots=True)
class Judged:
    """A session that can be judged. high: the highest close that the bot compared it with, as traded."""

    bar: Bar
    high: float


@dataclass(frozen=True, slots=True)
class Signal:
    """A session in which the rule was met. price: at which one could have bought; dip: the deepest, a ratio below 0."""

    day: date
    price: float
    dip: float


def judged(bars: Sequence[Bar], lookback: Callable[[date], int]) -> list[Judged]:
    """Return the sessions with enough bars before them, in order; a new listing has none at first, as for the bot.

    lookback: number of bars of which the bot took the highest close on a day, that day's included.
    """
    highs = lines([(bar.day, bar.close) for bar in bars], [0.0] * len(bars), [lookback(bar.day) for bar in bars])
    by_day = {bar.day: bar for bar in bars}
    return [Judged(by_day[day], high) for day, high, _ in highs]


def signal(session: Judged, threshold: float, reached: Reached) -> Signal | None:
    """Return the signal of a session at an effective `threshold`; None where its prices stayed above the line."""
    bar, high = session.bar, session.high
    price = bar.low if reached == "touched" else bar.close
    dip = (price - high) / high
    if not is_signal(dip, threshold):
        return None
    if reached == "touched":  # first at the line, or at the open where that is lower
        price = max(min(high * (1 - threshold), bar.open), bar.low)
    return Signal(bar.day, price, dip)


def signals(sessions: Iterable[Judged], threshold: float, reached: Reached) -> list[Signal]:
    """Return the signals of one threshold."""
    return [found for session in sessions if (found := signal(session, threshold, reached)) is not None]


def starts(found: Iterable[Signal], sessions: Sequence[date]) -> list[Signal]:
    """Return the first signal of each episode: consecutive sessions are one dip. `sessions`: those of the exchange."""
    by_day = {one.day: one for one in found}
    seen = [
        Sighting("", "", day, day.toordinal() * DAY, day.toordinal() * DAY, 1, one.dip, one.price)
        for day, one in by_day.items()
    ]
    return [by_day[episode.start.session] for episode in episodes(seen, sessions)]


@dataclass(frozen=True, slots=True)
class Purchase:
    """A session in which the bot submitted a purchase. regular: whether one of them in regular hours."""

    day: date
    regular: bool


@dataclass(frozen=True, slots=True)
class Check:
    """The replay of the bot's own thresholds beside what it did, in sessions.

    purchases: those with one, of which the replay finds `found`; of the rest, `outside_hours` had orders outside regular hours
    only, `not_in_bars` a price that no bar has. signals: sessions that the replay finds, of which the log names `named`.
    """

    purchases: int = 0
    found: int = 0
    outside_hours: int = 0
    not_in_bars: int = 0
    signals: int = 0
    named: int = 0

    def __add__(self, other: "Check") -> "Check":
        """Add the counts of two checks."""
        return Check(
            self.purchases + other.purchases,
            self.found + other.found,
            self.outside_hours + other.outside_hours,
            self.not_in_bars + other.not_in_bars,
            self.signals + other.signals,
            self.named + other.named,
        )

    @property
    def recall(self) -> float | None:
        """Share of the purchases that the replay finds; None without one."""
        return self.found / self.purchases if self.purchases else None

    @property
    def precision(self) -> float | None:
        """Share of the replay's signals that the log names as bought or missed; None without one."""
        return self.named / self.signals if self.signals else None


def check(
    sessions: Sequence[Judged],
    thresholds: Mapping[date, float],
    purchases: Iterable[Purchase],
    named: Collection[date],
    watched: Collection[date],
) -> Check:
    """Compare the replay of one symbol with the log. Purchases before the first judged session cannot be compared.

    thresholds: the bot's, by day. named: days on which the log names a dip that qualified. watched: days on which the bot
    scanned, without a brake, which hides dips from the log.
    """
    seen = {one.bar.day for one in sessions if signal(one, thresholds[one.bar.day], "touched") is not None}
    first = sessions[0].bar.day if sessions else None
    bought = [one for one in purchases if first is not None and one.day >= first]
    missing = [one for one in bought if one.day not in seen]
    compared = seen & set(watched)
    return Check(
        len(bought),
        len(bought) - len(missing),
        sum(not one.regular for one in missing),
        sum(one.regular for one in missing),
        len(compared),
        len(compared & ({one.day for one in bought} | set(named))),
    )


def why_not(own: Check, whole: Check) -> str | None:
    """Return why the replay of other thresholds is not shown; None where it is. own: of the symbol, whole: of all symbols."""
    if own.purchases == 0:
        if whole.purchases == 0:
            return "the log has no purchase with which the replay could be compared"
        if whole.purchases < LEAST_EPISODES:
            return (
                f"never bought, and with {whole.purchases} purchases of others too few to compare (at least {LEAST_EPISODES})"
            )
        reason = _too_few_found(whole)
        return None if reason is None else f"never bought, and of all symbols {reason}"
    return _too_few_found(own)


def _too_few_found(check: Check) -> str | None:
    if check.recall is None or check.recall >= LEAST_RECALL:
        return None
    causes = []
    if check.outside_hours:
        causes.append(f"{check.outside_hours} bought outside regular hours, which daily bars do not have")
    if check.not_in_bars:
        causes.append(f"{check.not_in_bars} at a price that no daily bar has")
    share = f"{check.found} of {check.purchases} ({check.recall:.0%})"
    return f"the replay finds {share} of the purchases, at least {LEAST_RECALL:.0%} are needed: {', '.join(causes)}"
