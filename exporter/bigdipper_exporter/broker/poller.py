"""The thread that asks the broker: a schedule per endpoint, the history in between, results handed on by `emit`.

A request that hangs delays the next poll, never a scrape, the log or a shutdown.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from bigdipper_exporter import calendar, logs
from bigdipper_exporter.broker import fetch
from bigdipper_exporter.broker.client import Access, Client
from bigdipper_exporter.broker.fetch import Fetched, Resume
from bigdipper_exporter.broker.models import Account
from bigdipper_exporter.broker.polling import JITTER, PollingThread, Stopped, Timing
from bigdipper_exporter.broker.results import Activities, Data, Endpoint, Failure, History, Orders, PollResult
from bigdipper_exporter.durations import DAY, YEAR
from bigdipper_exporter.money.flows import CENT

FAST_ORDERS = 15.0
FIRST_RETRY = 30.0
LONGEST_RETRY = 900.0
RECORDS_FOLLOW = (2.0, 5.0, 15.0)  # after an order event, or a change of cash: the record is booked some seconds later
PAGE_PAUSE = 2.0
BUSY_PAUSE = 1.0
HISTORY_RETRY = 3600.0
IDENTITY_SECONDS = 5.0
TRIES_OF_A_SIDE_TASK = 5

log = logs.get("alpaca")


@dataclass(frozen=True, slots=True)
class PollSettings:
    """Seconds between polls of each endpoint. history: seconds to read back. per_minute: requests of ours."""

    account: float = 60.0
    positions: float = 60.0
    orders: float = 300.0
    clock: float = 300.0
    activities: float = 300.0
    per_minute: int = 60
    history: float = YEAR


@dataclass(slots=True)
class Task:
    """A repeated request. `due` is monotonic; a failed `side` task does not count as its endpoint being down."""

    endpoint: Endpoint
    interval: Callable[[], float]
    work: Callable[[Client], Fetched[Data]]
    finished: Callable[[], bool] = lambda: False
    side: bool = False
    due: float = 0.0
    failures: int = 0


class Poller(PollingThread):
    """Polls until `stop`, but not while `busy()` is true. `emit` is called from the poller's thread and must return at once."""

    def __init__(
        self,
        access: Access,
        settings: PollSettings,
        emit: Callable[[PollResult], None],
        resume: Resume | None = None,
        busy: Callable[[], bool] = lambda: False,
        history: bool = True,
        timing: Timing | None = None,
    ) -> None:
        super().__init__("alpaca", access, settings.per_minute, timing)
        self._settings, self._emit, self._busy = settings, emit, busy
        self._nudged = self._events = False
        self._repeats: list[float] = []
        self._throttle = logs.Throttle(log, 600)
        self._history = history
        self._account_id = resume.account_id if resume else None
        self._account_read = -math.inf
        self._cash: float | None = None
        self._read_from(resume or Resume())
        self._tasks = self._schedule()

    def _read_from(self, resume: Resume) -> None:
        """Start following orders and activities from `resume`."""
        self._orders = fetch.OrdersFollower(resume, self._timing.time())
        self._full_due = 0.0
        self._activities = fetch.ActivitiesReader(resume)
        self._backfill = fetch.OrdersBackfill(resume, self._timing.time() - self._settings.history)
        self._history_day: date | None = None
        self._history_read: date | None = None
        self._history_left, self._history_tried = 0, -math.inf

    def poll_now(self) -> None:
        """Poll the orders now, because the log named a new one. Safe from any thread."""
        self._nudged = True
        self._wake.set()

    def orders_changed(self) -> None:
        """Poll all that an order event may have changed, now. Safe from any thread."""
        self._events = True
        self._wake.set()

    # -- the schedule

    def _schedule(self) -> list[Task]:
        settings = self._settings
        self._positions = Task("positions", lambda: settings.positions, lambda c: fetch.positions(c.get))
        self._account = Task("account", lambda: settings.account, self._poll_account)
        return [
            Task("clock", lambda: settings.clock, lambda c: fetch.clock(c.get)),
            self._positions,
            self._account,
            Task("orders", self._orders_interval, self._poll_orders),
            Task("activities", self._activities_interval, self._poll_activities),
            Task("account", lambda: PAGE_PAUSE, self._poll_history, lambda: not self._history_wanted(), side=True),
            Task("orders", lambda: PAGE_PAUSE, self._poll_backfill, lambda: self._backfill.done, side=True),
        ]

    def _orders_interval(self) -> float:
        return min(FAST_ORDERS, self._settings.orders) if self._orders.any_open else self._settings.orders

    def _activities_interval(self) -> float:
        return self._settings.activities if self._activities.caught_up else PAGE_PAUSE

    def _poll_account(self, client: Client) -> Fetched[Account]:
        fetched = fetch.account(client.get)
        account = fetched.data
        self._account_read = self._timing.monotonic()
        if self._account_id not in (None, account.id):
            # Another account has another history: read it now, from its beginning.
            self._read_from(Resume())
            self._cash = None
            for task in self._tasks:
                task.due = min(task.due, self._account_read)
        if None not in (self._cash, account.cash) and abs((account.cash or 0.0) - (self._cash or 0.0)) > CENT:
            self._expect_records()
        self._account_id, self._cash = account.id, account.cash
        return fetched

    def _expect_records(self) -> None:
        """Read the account's history at once: the cash moved, and only a record says whether that is a deposit or a profit."""
        now = self._timing.monotonic()
        left = [at for at in self._repeats if at > now]
        self._repeats = left or [now + seconds for seconds in RECORDS_FOLLOW]
        for task in self._tasks:
            if task.endpoint == "activities":
                task.due = min(task.due, now)

    def _poll_orders(self, client: Client) -> Fetched[Orders]:
        now = self._timing.monotonic()
        full = now >= self._full_due
        fetched = self._orders.poll(client.get, full)
        if full:
            self._full_due = now + self._settings.orders * (1 - 2 * JITTER)
        return fetched

    def _poll_activities(self, client: Client) -> Fetched[Activities]:
        return self._activities.poll(client.get, self._timing.time())

    def _poll_backfill(self, client: Client) -> Fetched[Orders]:
        return self._backfill.page(client.get)

    def _history_wanted(self) -> bool:
        """Whether to read the history: once each trading day, so that days without polls get their closes afterwards."""
        today = calendar.trading_day(self._timing.time())
        if not self._history or self._history_read == today:
            return False
        if today != self._history_day:
            self._history_day, self._history_left = today, TRIES_OF_A_SIDE_TASK
        elif self._history_left <= 0 and self._timing.monotonic() - self._history_tried >= HISTORY_RETRY:
            self._history_left = 1
        return self._history_left > 0

    def _poll_history(self, client: Client) -> Fetched[History]:
        self._history_left -= 1
        self._history_tried = self._timing.monotonic()
        fetched = fetch.history(client.get, round(self._settings.history / DAY))
        self._history_read, self._history_left = self._history_day, 0
        return fetched

    # -- the thread

    def _run(self) -> None:
        try:
            client = self._connect()
        except Exception:
            log.exception("cannot use the Alpaca SDK: the broker is not asked")
            return
        try:
            while True:
                if self._events:
                    self._take_events()
                task = min((t for t in self._tasks if not t.finished()), key=lambda t: t.due)
                self._wait_for(task)
                if self._events:
                    continue
                if self._nudged:
                    task = self._take_nudge()
                if self._must_identify(task):
                    self._do(self._account, client)
                self._do(task, client)
        except Stopped:
            client.close()

    def _must_identify(self, task: Task) -> bool:
        """Whether the account is asked first, so that its history is never taken for that of another account."""
        stale = self._timing.monotonic() - self._account_read > IDENTITY_SECONDS
        return task.endpoint == "activities" and self._activities.caught_up and stale

    def _wait_for(self, task: Task) -> None:
        while not self._nudged and not self._events and (left := task.due - self._timing.monotonic()) > 0:
            self._sleep(left)
        while self._busy():
            self._sleep(BUSY_PAUSE)

    def _take_events(self) -> None:
        """Make everything due that an order event may have changed; executions are booked some seconds later."""
        self._events, self._full_due = False, 0.0
        now = self._timing.monotonic()
        self._repeats = [now + seconds for seconds in RECORDS_FOLLOW]
        for task in self._tasks:
            if task.endpoint != "clock" and not task.side:
                task.due = min(task.due, now)

    def _take_nudge(self) -> Task:
        self._nudged = False
        self._full_due = 0.0
        return next(t for t in self._tasks if t.endpoint == "orders" and not t.side)

    def _do(self, task: Task, client: Client) -> None:
        failure: Failure | None = None
        fetched: Fetched[Data] | None = None
        if task.endpoint == "activities":
            now = self._timing.monotonic()
            self._repeats = [at for at in self._repeats if at > now]  # this request stands for those before it
        try:
            fetched = task.work(client)
        except Failure as error:
            failure = error
        except Stopped:
            raise
        except Exception as error:
            # A bug of ours or of the SDK costs this poll, not the thread.
            log.exception("a poll failed unexpectedly", endpoint=task.endpoint)
            failure = Failure("bad_response", type(error).__name__)
        self._tell(task, failure)
        task.failures = 0 if failure is None else task.failures + 1
        task.due = self._timing.monotonic() + self._delay(task, failure)
        if task is self._account and failure is None and self._settings.account == self._settings.positions:
            # One after the other, so that a ratio of the two compares one moment; positions go first at a tie.
            task.due = self._positions.due
        if task.endpoint == "activities" and failure is None and self._repeats:
            task.due = min(task.due, self._repeats[0])
        attempts = client.drain()
        if failure is not None and attempts and attempts[-1].reason is None:
            # The HTTP exchange succeeded, but its content was unusable.
            attempts = (*attempts[:-1], replace(attempts[-1], reason=failure.reason))
        if not self._stopping:
            self._emit(
                PollResult(
                    endpoint=task.endpoint,
                    at=self._timing.time(),
                    attempts=attempts,
                    data=None if fetched is None else fetched.data,
                    rejected=0 if fetched is None else fetched.rejected,
                    rate=client.rate,
                    side=task.side,
                )
            )

    def _delay(self, task: Task, failure: Failure | None) -> float:
        interval = task.interval()
        if failure is None:
            return self._timing.spread(interval)
        if failure.reason == "unauthorized":
            # Wrong keys stay wrong: ask less and less often, but let a passing 401 cost no more than one interval.
            slow = max(interval, FIRST_RETRY) * 2.0 ** min(task.failures - 1, 10)
            return self._timing.spread(max(min(slow, LONGEST_RETRY), interval))
        longest = LONGEST_RETRY if task.side else interval
        return self._timing.spread(min(longest, FIRST_RETRY * 2.0 ** min(task.failures - 1, 10)))

    def _tell(self, task: Task, failure: Failure | None) -> None:
        if failure is None:
            self._throttle.solved((task.endpoint, task.side), "requests to Alpaca succeed again", endpoint=task.endpoint)
            return
        hint = {}
        if failure.reason == "unauthorized":
            hint = {"advice": "check alpaca.key, alpaca.secret and alpaca.paper (paper and live have different keys)"}
        self._throttle.problem(
            (task.endpoint, task.side),
            "a request to Alpaca failed",
            endpoint=task.endpoint,
            reason=failure.reason,
            detail=str(failure),
            **hint,
        )
