"""The thread that reads prices: it asks the archive what is lacking, reads that, and hands it on page by page.

Nothing is remembered here: whatever was read is in the archive, so a restart goes on where the last page was committed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from bigdipper_exporter import calendar, logs
from bigdipper_exporter.broker.client import Access, Client
from bigdipper_exporter.broker.polling import PollingThread, Stopped, Timing
from bigdipper_exporter.broker.results import Attempt, Failure
from bigdipper_exporter.durations import HOUR, MINUTE
from bigdipper_exporter.prices import fetch
from bigdipper_exporter.prices.models import (
    Actions,
    Ask,
    DailyBars,
    MinuteBars,
    PriceData,
    PriceResult,
    Refused,
    RoundOver,
    Wanted,
    Window,
)

DATA_HOST = "https://data.alpaca.markets"
# How old prices must be: a free key may not see the newest 15 minutes, and a clock may be wrong.
AGES = (16 * MINUTE, 75 * MINUTE, 26 * HOUR)
ANNOUNCED = timedelta(days=90)  # how far ahead corporate actions are looked for
FIRST_ROUND = 60.0
FIRST_RETRY, LONGEST_RETRY = 30.0, 3600.0
BUSY_PAUSE = 0.5
MOST_REFUSED = 3  # symbols one after the other, before it is said that the whole request is
START_DELAY = 5.0  # the log and the broker come first: from them come the symbols

log = logs.get("market-data")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds between two readings, and the share of the rate limit (requests a minute)."""

    interval: float = 900.0
    per_minute: int = 20


class PricePoller(PollingThread):
    """Reads until `stop`. `ask` says what is lacking; `emit` must return at once; nothing is read while `busy`.

    `settle` is called with the time after the days and after the minutes are read, again and again until it returns True.
    """

    def __init__(
        self,
        access: Access,
        schedule: Schedule,
        ask: Ask,
        emit: Callable[[PriceResult], None],
        busy: Callable[[], bool],
        settle: Callable[[float], bool] = lambda now: True,
        timing: Timing | None = None,
    ) -> None:
        super().__init__("market-data", access, schedule.per_minute, timing)
        self._schedule, self._ask, self._emit, self._busy = schedule, ask, emit, busy
        self._settle = settle
        self._throttle = logs.Throttle(log, 3600)
        self._age = 0
        self._failures = self._rounds = 0
        self._accepted = False  # whether the data host took a list of symbols in this reading

    def _run(self) -> None:
        try:
            self._pause(START_DELAY)
            client = self._connect()
            while True:
                self._pause(self._timing.spread(self._round(client)))
        except Stopped:
            pass
        except Exception:
            log.exception("prices are not read any more; please report this")

    def _round(self, client: Client) -> float:
        """Read what is lacking. Returns the seconds until the next reading."""
        over = RoundOver()
        self._accepted = False
        try:
            wanted = self._ask(self._timing.time())
            self._read(client, wanted)
        except Failure as failure:
            over = RoundOver(failure.reason, str(failure))
        except Stopped:
            raise
        except Exception as error:
            log.exception("a reading of prices failed unexpectedly")
            over = RoundOver("bad_response", type(error).__name__)
        self._say(over)
        self._hand_on(client, "", over)
        if over.failure is None:
            self._failures, self._rounds = 0, self._rounds + 1
            # At first more and more symbols become known, from the log and from the account's history.
            return min(self._schedule.interval, FIRST_ROUND * 2.0 ** min(self._rounds - 1, 10))
        self._failures += 1
        return float(min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** min(self._failures - 1, 10)))

    def _read(self, client: Client, wanted: Wanted) -> None:
        for span in wanted.daily:
            self._with_symbols(client, span.symbols, partial(self._daily, client, span.first))
        for span in wanted.actions:
            self._with_symbols(client, span.symbols, partial(self._actions, client, span.first))
        self._conclude()
        # A month of minute bars takes minutes to read: what is derived from daily bars is available before that.
        for window in wanted.minutes:
            self._with_symbols(client, window.symbols, partial(self._minutes, client, window))
        if wanted.minutes:
            self._conclude()

    def _conclude(self) -> None:
        while not self._settle(self._timing.time()):
            self._sleep(BUSY_PAUSE)

    def _with_symbols(self, client: Client, symbols: tuple[str, ...], read: Callable[[tuple[str, ...]], None]) -> None:
        """Read; when the list is refused, halve it repeatedly to find the symbols that the data host does not know.

        If every part is refused, the symbols are not the reason. Raises Failure.
        """
        waiting: list[tuple[str, ...]] = [symbols]
        refused: list[Refused] = []
        while waiting:
            part = waiting.pop()
            try:
                self._not_too_recent(partial(read, part))
                self._accepted = True
            except Failure as failure:
                if not fetch.refuses_symbols(failure) or (not self._accepted and len(refused) >= MOST_REFUSED):
                    raise
                if len(part) > 1:
                    # The first is the benchmark, which is known: it is reached first.
                    waiting += [part[len(part) // 2 :], part[: len(part) // 2]]
                else:
                    refused.append(Refused(part[0], str(failure)))
                    if not self._accepted and not waiting:
                        raise
        for one in refused:
            self._hand_on(client, "bars", one)

    def _not_too_recent(self, read: Callable[[], None]) -> None:
        while True:
            try:
                return read()
            except Failure as failure:
                if not fetch.too_recent(failure) or self._age + 1 >= len(AGES):
                    raise
                self._age += 1

    def _end(self) -> float:
        return self._timing.time() - AGES[self._age]

    def _daily(self, client: Client, first: date, symbols: tuple[str, ...]) -> None:
        end = self._end()
        left = sorted(symbols)
        for page in fetch.bars(client.get, tuple(left), "1Day", first.isoformat(), end):
            # Pages are sorted by symbol: those before the last one of a page are complete.
            newest = max((bar.symbol for bar in page.bars), default="")
            done = [s for s in left if page.token is None or s < newest]
            left = left[len(done) :]
            self._hand_on(client, "bars", DailyBars(page.bars, tuple(done), first, end), page.rejected)

    def _actions(self, client: Client, first: date, symbols: tuple[str, ...]) -> None:
        last = calendar.new_york_date(self._timing.time()) + ANNOUNCED
        items, rejected = fetch.actions(client.get, symbols, first, last)
        self._hand_on(client, "corporate_actions", Actions(items, symbols, first), rejected)

    def _minutes(self, client: Client, window: Window, symbols: tuple[str, ...]) -> None:
        chosen = window.of(symbols)
        end = min(chosen.last, self._end())
        if end > chosen.first:
            found, rejected = fetch.minute_bars(client.get, symbols, chosen.first, end)
            self._hand_on(client, "bars", MinuteBars(found, chosen, end), rejected)

    def _hand_on(self, client: Client, endpoint: str, data: PriceData, rejected: int = 0) -> None:
        attempts = _of(endpoint or "bars", client.drain())
        if not self._stopping:
            self._emit(PriceResult(self._timing.time(), data, tuple(attempts), rejected))
        while self._busy():
            self._sleep(BUSY_PAUSE)

    def _say(self, over: RoundOver) -> None:
        if over.failure is None:
            self._throttle.solved("round", "reading prices works again")
            return
        advice = {}
        if over.failure == "unauthorized":
            advice = {"advice": "check alpaca.key and alpaca.secret, or set market-data.enabled to false"}
        self._throttle.problem("round", "reading prices fails", reason=over.failure, detail=over.detail, **advice)


def _of(endpoint: str, attempts: Iterable[Attempt]) -> list[tuple[str, Attempt]]:
    return [(endpoint, attempt) for attempt in attempts]
