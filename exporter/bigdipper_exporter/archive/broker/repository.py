"""Folds the poller's results into the archive and into the present. One call of `write` is a part of the caller's transaction.

All that is counted or remembered is read from the archive inside the transaction and written back in it, so a transaction that
failed and is tried again with the same results writes the same rows.
"""

import sqlite3
from dataclasses import replace

from bigdipper_exporter import logs
from bigdipper_exporter.archive.broker import (
    account_history,
    accounts,
    activities,
    daily,
    doubts,
    last_poll,
    orders,
    rebuilt,
    reconcile,
    snapshots,
)
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.broker.days import days_of
from bigdipper_exporter.archive.broker.reconcile import Reconciliation
from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.broker.models import Account, Clock, newest
from bigdipper_exporter.broker.results import Activities, Endpoint, History, Orders, PollResult, Positions
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.durations import YEAR
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.money import plausibility

__all__ = ["BrokerRepository", "BrokerView"]

log = logs.get("alpaca")


class BrokerRepository:
    """The broker's side of the archive. `view` is the committed present; between `write` and `commit` a newer one waits."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        paper: bool,
        now: float,
        history: float = YEAR,
    ) -> None:
        self._history = history
        checkpoint = BrokerCheckpoint.load(connection)
        self._checkpoint = checkpoint
        self.view = self._figures(
            connection,
            BrokerView(
                mode="paper" if paper else "live",
                success=checkpoint.success,
            ),
            now,
        )
        self._next = self.view

    def commit(self) -> None:
        """Publish the view: its transaction is committed."""
        self.view = self._next

    def rollback(self) -> None:
        """Forget what was written since the last commit: the same results come again."""
        self._next = self.view

    def savepoint(self) -> BrokerView:
        """Return the view that waits for the commit, for `rollback_to`."""
        return self._next

    def rollback_to(self, mark: BrokerView) -> None:
        """Forget what was written since `savepoint` returned `mark`."""
        self._next = mark

    def write(self, connection: sqlite3.Connection, result: PollResult, counters: Counters) -> None:
        """Everything that one poll brought: rows, counters, the next view."""
        self._count(result, counters)
        self._checkpoint = checkpoint = BrokerCheckpoint.load(connection)
        view = self._health(result)
        data = result.data
        if isinstance(data, Account):
            view = self._account(connection, view, data, result.at, counters)
            view = self._name_orders(connection, view, result.at, counters)
        elif isinstance(data, Positions):
            view = self._positions(connection, view, data, result.at)
        elif isinstance(data, Orders):
            view = self._orders(connection, view, data, result.at, counters)
        elif isinstance(data, Activities):
            view = self._activities(connection, view, data, result.at, counters)
        elif isinstance(data, Clock):
            skew = None if data.timestamp is None else data.timestamp - result.at
            view = replace(view, clock=data, clock_skew=skew)
        elif isinstance(data, History):
            daily.write_history(connection, data.points, result.at, checkpoint)
        if data is not None:
            checkpoint = self._checkpoint
            if checkpoint.watched is None:
                # An archive of an earlier version has watched already where its history is complete.
                checkpoint.watched = 0.0 if checkpoint.activities_done and checkpoint.orders_done else result.at
            checkpoint.save(connection)
            view = self._figures(connection, view, result.at, isinstance(data, Account | Activities | History))
        self._next = view

    @staticmethod
    def _count(result: PollResult, counters: Counters) -> None:
        for attempt in result.attempts:
            counters.inc(m.ALPACA_REQUESTS, result.endpoint)
            counters.observe(m.ALPACA_REQUEST_DURATION_SECONDS, attempt.seconds, result.endpoint)
            if attempt.reason is not None:
                counters.inc(m.ALPACA_REQUEST_FAILURES, result.endpoint, attempt.reason)
        if result.rejected:
            counters.inc(m.ALPACA_REJECTED_RECORDS, result.endpoint, amount=result.rejected)

    def _health(self, result: PollResult) -> BrokerView:
        view = self._next
        if result.rate is not None:
            view = replace(view, rate_limit=result.rate.limit, rate_remaining=result.rate.remaining)
        if result.side:
            return view
        up = result.data is not None
        if up:
            self._checkpoint.success = {**self._checkpoint.success, result.endpoint: result.at}
        why = None if up or not result.attempts else result.attempts[-1].reason
        return replace(
            view,
            up={**view.up, result.endpoint: up},
            why={**view.why, result.endpoint: why},
            success=dict(self._checkpoint.success),
        )

    def _figures(self, connection: sqlite3.Connection, view: BrokerView, now: float, with_returns: bool = True) -> BrokerView:
        """Update what the view derives from the archive; orders, positions and the clock leave the returns as they are."""
        checkpoint = self._checkpoint
        today = daily.since_last_equity(connection, view.account, view.account_at, checkpoint)
        (fill,) = connection.execute("SELECT max(ts) FROM fills").fetchone()
        (other,) = connection.execute("SELECT max(ts) FROM activities").fetchone()
        return replace(
            view,
            chain=daily.performance(connection, checkpoint) if with_returns else view.chain,
            cash_flow_today=today.cash_flow,
            day_profit=today.profit,
            day_return=today.ratio,
            backfill=checkpoint.backfill(now, newest((fill, other))),
            history=rebuilt.history_days(connection, checkpoint.created, now, self._history) if with_returns else view.history,
            discrepancies=reconcile.open_by_kind(connection),
        )

    def _account(
        self, connection: sqlite3.Connection, view: BrokerView, account: Account, at: float, counters: Counters
    ) -> BrokerView:
        if self._checkpoint.account_id not in (None, account.id):
            view = self._switch_account(connection, view, account.id, at)
        checkpoint = self._checkpoint
        accounts.remember(connection, account.id, at)
        checkpoint.account_id, checkpoint.created = account.id, account.created
        judged = doubts.judge_account(connection, checkpoint, view, account, at)
        for reason in judged.reasons:
            self._implausible(connection, "account", reason, account, at, counters)
        if judged.account is None and not judged.reasons:
            return view  # not judged: the next answer that comes with its positions will be
        shown = judged.account is not None and checkpoint.questioned is not None
        view = replace(view, doubts=judged.reasons, is_jump_shown=shown)
        if judged.account is None:
            return view
        account = judged.account
        view = replace(view, account=account, account_at=at)
        view = self._judge_waiting(connection, view, account, at, counters)
        account_history.write(connection, view, account, at)
        daily.write_account(connection, account, at, checkpoint)
        if judged.moments:
            daily.refresh(connection, days_of(judged.moments), checkpoint)
        Reconciliation(connection, checkpoint, counters, at).compare_account(account, view.leverage_ratio)
        return view

    def _switch_account(self, connection: sqlite3.Connection, view: BrokerView, account_id: str, at: float) -> BrokerView:
        """Begin with another account; what is known of the broker itself stays in the view."""
        log.warning("another account answers: its history is read now, that of the other one is kept")
        self._checkpoint = accounts.switch(connection, self._checkpoint, account_id, at)
        last_poll.forget(connection)
        return BrokerView(
            view.mode,
            clock=view.clock,
            clock_skew=view.clock_skew,
            up=view.up,
            why=view.why,
            success=view.success,
            rate_limit=view.rate_limit,
            rate_remaining=view.rate_remaining,
        )

    def _judge_waiting(
        self, connection: sqlite3.Connection, view: BrokerView, account: Account, at: float, counters: Counters
    ) -> BrokerView:
        """Believe or reject the positions that waited for this account answer."""
        waiting, polled = view.waiting, view.waiting_at
        if waiting is None or polled is None:
            return view
        if doubts.waiting_is_wrong(self._checkpoint, view, account, at):
            self._implausible(connection, "positions", "positions", None, polled, counters)
            view = replace(view, doubts=(*view.doubts, "positions"))
        else:
            view = self._believe_positions(connection, view, waiting, polled)
        return replace(view, waiting=None, waiting_at=None)

    @staticmethod
    def _implausible(
        connection: sqlite3.Connection,
        endpoint: Endpoint,
        reason: plausibility.Reason,
        account: Account | None,
        at: float,
        counters: Counters,
    ) -> None:
        counters.inc(m.ACCOUNT_IMPLAUSIBLE, reason)
        doubts.record(connection, endpoint, reason, account, at)

    def _positions(self, connection: sqlite3.Connection, view: BrokerView, positions: Positions, at: float) -> BrokerView:
        if doubts.positions_wait(self._checkpoint, positions, at):
            return replace(view, waiting=positions, waiting_at=at)
        return replace(self._believe_positions(connection, view, positions, at), waiting=None, waiting_at=None)

    def _believe_positions(
        self, connection: sqlite3.Connection, view: BrokerView, positions: Positions, at: float
    ) -> BrokerView:
        snapshots.write(connection, positions, at, self._checkpoint)
        last_poll.save(connection, positions, at)
        return replace(view, positions=positions.items, positions_at=at, unreadable=positions.unreadable)

    def _orders(
        self, connection: sqlite3.Connection, view: BrokerView, data: Orders, at: float, counters: Counters
    ) -> BrokerView:
        checkpoint = self._checkpoint
        for day in days_of(orders.write(connection, data, at, counters)):
            daily.count_fills(connection, day)
        if data.backfill:
            checkpoint.orders_cursor, checkpoint.orders_done = data.cursor, data.done
        elif checkpoint.orders_done:
            Reconciliation(connection, checkpoint, counters, at).log_without_order()
        if data.open_ids is not None:
            opened = [order for order in data.items if order.id in data.open_ids]
            view = replace(view, open_orders=orders.open_orders(opened))
        return replace(view, orders_today=orders.orders_today(connection, at), fill_rate=orders.fill_rate(connection, at))

    def _name_orders(self, connection: sqlite3.Connection, view: BrokerView, at: float, counters: Counters) -> BrokerView:
        """Compare orders with the log again where it has named more: at a first start it is read while they come."""
        (trades,) = connection.execute("SELECT count(*) FROM bot_orders").fetchone()
        if trades == self._checkpoint.trades:
            return view
        self._checkpoint.trades = trades
        for day in days_of(orders.name(connection, counters)):
            daily.count_fills(connection, day)
        return replace(view, orders_today=orders.orders_today(connection, at), fill_rate=orders.fill_rate(connection, at))

    def _activities(
        self, connection: sqlite3.Connection, view: BrokerView, data: Activities, at: float, counters: Counters
    ) -> BrokerView:
        checkpoint = self._checkpoint
        if checkpoint.rules < activities.RULES:
            daily.refresh(
                connection, days_of(activities.rematch_all(connection, checkpoint.held, checkpoint.buys_inside)), checkpoint
            )
            checkpoint.rules = activities.RULES
        touched = activities.write(connection, data.items, at, checkpoint.held, counters, checkpoint.buys_inside)
        if data.token is not None:
            checkpoint.activities_token = data.token
        checkpoint.activities_done = checkpoint.activities_done or data.caught_up
        daily.refresh(connection, days_of(touched.moments), checkpoint)
        if checkpoint.activities_done:
            comparison = Reconciliation(connection, checkpoint, counters, at)
            comparison.fills_without_log()
            if view.positions is not None and view.positions_at is not None and not view.unreadable:
                comparison.positions_changed(view.positions, view.positions_at)
        return replace(
            view,
            orders_today=orders.orders_today(connection, at),
            wash=activities.wash(connection, at),
            fills_without_value=activities.without_value(connection),
        )
