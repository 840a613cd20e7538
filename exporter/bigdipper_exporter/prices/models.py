"""What the data host says, and what the exporter wants to know from it. Prices are US dollars, times are unix seconds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from bigdipper_exporter.broker.results import Attempt, Reason

FEED = "sip"  # all exchanges; a free key gets it except the newest 15 minutes


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar as traded. `start`: left edge of its interval; a daily bar's is midnight in New York."""

    symbol: str
    start: float
    open: float
    high: float
    low: float
    close: float
    volume: float | None = None
    trades: float | None = None
    vwap: float | None = None


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """One corporate action. `kind`: Alpaca's name; old_rate, new_rate: shares before and after; cash: dollars per share."""

    id: str
    symbol: str
    kind: str
    ex_date: date
    process_date: date | None = None
    old_rate: float | None = None
    new_rate: float | None = None
    cash: float | None = None
    special: bool | None = None
    new_symbol: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Daily bars of `symbols` from `first` on, up to now."""

    symbols: tuple[str, ...]
    first: date


@dataclass(frozen=True, slots=True)
class Window:
    """Minute bars of one day: by symbol, from and to which moment (unix seconds)."""

    day: date
    spans: Mapping[str, tuple[float, float]]

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols in the order of the alphabet."""
        return tuple(sorted(self.spans))

    @property
    def first(self) -> float:
        """Begin of the earliest span."""
        return min(first for first, _ in self.spans.values())

    @property
    def last(self) -> float:
        """End of the latest span."""
        return max(last for _, last in self.spans.values())

    def of(self, symbols: tuple[str, ...]) -> "Window":
        """Return the same for some of the symbols."""
        return Window(self.day, {symbol: self.spans[symbol] for symbol in symbols})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the archive lacks: daily bars, corporate actions since a day per span, minute bars."""

    daily: tuple[Span, ...] = ()
    actions: tuple[Span, ...] = ()
    minutes: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class DailyBars:
    """A page of daily bars. `finished`: symbols of which no more bars follow. `end`: the newest moment asked for."""

    bars: tuple[Bar, ...]
    finished: tuple[str, ...]
    first: date
    end: float


@dataclass(frozen=True, slots=True)
class MinuteBars:
    """All minute bars of one window. `end`: the newest moment asked for."""

    bars: tuple[Bar, ...]
    window: Window
    end: float


@dataclass(frozen=True, slots=True)
class Actions:
    """All corporate actions of `symbols` that are or will be processed from `first` on."""

    items: tuple[CorporateAction, ...]
    symbols: tuple[str, ...]
    first: date


@dataclass(frozen=True, slots=True)
class Refused:
    """A symbol that the data host refuses, and why."""

    symbol: str
    why: str


@dataclass(frozen=True, slots=True)
class RoundOver:
    """A reading has ended: with everything that was wanted, or with a failure."""

    failure: Reason | None = None
    detail: str = ""


PriceData = DailyBars | MinuteBars | Actions | Refused | RoundOver
Ask = Callable[[float], Wanted]


@dataclass(frozen=True, slots=True)
class PriceResult:
    """What one or more requests brought. `at`: unix seconds; rejected: records that could not be read."""

    at: float
    data: PriceData
    attempts: tuple[tuple[str, Attempt], ...] = ()
    rejected: int = 0
