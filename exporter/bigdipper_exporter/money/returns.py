"""Returns that deposits do not flatter: the bridge from one close to the next, and the chain of daily returns. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Part = Literal["dividends", "fees", "interest", "cash_flow"]

# Alpaca's activity types by what they are on the bridge; any other type ends up in `other`.
PARTS: dict[str, Part] = {
    **dict.fromkeys(("DIV", "DIVCGL", "DIVCGS", "DIVFEE", "DIVFT", "DIVNRA", "DIVROC", "DIVTW", "DIVTXEX", "CGD"), "dividends"),
    **dict.fromkeys(("FEE", "CFEE", "PTC", "PTR", "DIVFEE"), "fees"),
    **dict.fromkeys(("INT", "INTNRA", "INTTW"), "interest"),
    **dict.fromkeys(("CSD", "CSW", "CSR", "TRANS", "ACATC", "JNLC"), "cash_flow"),
}
# Activities after which a symbol's quantity or lots are not what its fills say.
ADJUSTMENTS = frozenset(
    ("ACATS", "JNLS", "SPLIT", "SPIN", "MA", "NC", "REORG", "SC", "SSO", "SSP", "OPASN", "OPCA", "OPEXC", "OPEXP", "OPTRD")
)
WINDOWS: dict[str, int | None] = {"1d": 1, "1w": 7, "1m": 30, "1y": 365, "all": None}


@dataclass(frozen=True, slots=True)
class Attribution:
    """What made the difference between two equities. US dollars; None: unknown."""

    realized_pl: float | None
    unrealized_change: float | None
    dividends: float
    fees: float
    interest: float
    cash_flow: float

    def other(self, start: float | None, end: float | None) -> float | None:
        """What closes the bridge: everything that nothing else explains; None while one of the parts is unknown."""
        if start is None or end is None or self.realized_pl is None or self.unrealized_change is None:
            return None
        parts = self.dividends + self.fees + self.interest + self.cash_flow
        return end - start - self.realized_pl - self.unrealized_change - parts


def daily_return(start: float | None, end: float | None, cash_flow: float) -> float | None:
    """Return of one day without its deposits and withdrawals, as a ratio; None without equity at its start."""
    return None if start is None or end is None or start <= 0 else (end - cash_flow) / start - 1


@dataclass(frozen=True, slots=True)
class DayEquity:
    """One trading day. `peak` is the highest equity seen during it; None where only the close is known."""

    day: date
    start: float | None
    end: float | None
    cash_flow: float = 0.0
    peak: float | None = None

    @property
    def ratio(self) -> float | None:
        return daily_return(self.start, self.end, self.cash_flow)


@dataclass(frozen=True, slots=True)
class TimeWeightedReturn:
    """The chain of daily returns. drawdowns: per day, <= 0. drawdown: now, >= 0. peak: the highest equity in today's dollars.

    returns: per window of WINDOWS; a window that reaches back before the first day, or across a gap, is left out.
    """

    drawdowns: tuple[float, ...] = ()
    drawdown: float | None = None
    peak: float | None = None
    returns: tuple[tuple[str, float], ...] = ()


def chain(days: Sequence[DayEquity]) -> TimeWeightedReturn:
    """Link the days (in order) to one index that only profit and loss move, and measure it."""
    # Days before the first equity (an account opened, not yet funded) have no return and are no gap either.
    unfunded = next((i for i, day in enumerate(days) if day.ratio is not None), len(days))
    days = days[unfunded:]
    if not days or days[-1].end is None:
        return TimeWeightedReturn((0.0,) * unfunded)
    index, top, drawdowns = 1.0, 1.0, []
    for day in days:
        before = index
        index *= 1 + (day.ratio or 0.0)
        top = max(top, index)
        # Within a day with a deposit the highest equity says nothing about profit.
        if day.peak is not None and day.start is not None and day.start > 0 and day.cash_flow == 0:
            top = max(top, before * day.peak / day.start)
        drawdowns.append(index / top - 1 if top > 0 else 0.0)
    peak = days[-1].end * top / index if index > 0 else None
    return TimeWeightedReturn((0.0,) * unfunded + tuple(drawdowns), -drawdowns[-1], peak, tuple(_windows(days)))


def _windows(days: Sequence[DayEquity]) -> Iterable[tuple[str, float]]:
    last = days[-1].day
    for name, length in WINDOWS.items():
        first = days[0].day if length is None else last - timedelta(days=length - 1)
        # The first day of the account covers every window that begins on a day without trading before it.
        if first < days[0].day - timedelta(days=4):
            continue
        ratios = [day.ratio for day in days if day.day >= first]
        if ratios and None not in ratios:
            product = 1.0
            for ratio in ratios:
                product *= 1 + (ratio or 0.0)
            yield name, product - 1
