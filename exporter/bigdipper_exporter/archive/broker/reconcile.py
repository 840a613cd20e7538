"""The log against the broker: each difference is a row of `discrepancies`, counted once, with the time that resolved it.

What is a fact of the past (a fill without a log line, a position changed by hand) is open for a day; what is a state of the
present (equity, margin) until it agrees again. An order that appears late on the other side resolves its row.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from bigdipper_exporter import calendar
from bigdipper_exporter.archive import saved
from bigdipper_exporter.archive.broker.checkpoint import Baseline, BrokerCheckpoint, Compared
from bigdipper_exporter.archive.broker.flats import BORDER
from bigdipper_exporter.archive.broker.flows import CHANGES_UNITS
from bigdipper_exporter.archive.broker_tables import DiscrepancyRow
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.broker.models import Account, Position, is_option
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.durations import DAY
from bigdipper_exporter.metrics import counters as m

Kind = Literal["fill_without_log", "log_without_order", "position_changed", "equity", "margin"]
LATENESS_SECONDS = 600.0  # of the log or the broker, before a missing order counts
OPEN_SECONDS = DAY
SAME_MINUTE = 60.0
EQUITY_TOLERANCE = 0.01
RATIO_TOLERANCE = 0.02
TIMES = 2  # in a row: a price may move between two looks at it
UNSETTLED_CHECKS = 2  # a record of a fill may come late


# Orders with fills that no line of the log named. The design form of the log names no order ids: an order of that symbol and
# day is taken for the fill's.
FILLS_WITHOUT_LOG = (
    "SELECT min(f.ts), f.symbol, f.side, f.order_id, sum(f.quantity) FROM fills AS f WHERE f.ts BETWEEN ? AND ?"
    " AND f.order_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM bot_orders AS b WHERE b.order_id = f.order_id)"
    " AND NOT EXISTS (SELECT 1 FROM discrepancies AS d WHERE d.kind = 'fill_without_log' AND d.order_id = f.order_id)"
    " AND NOT EXISTS (SELECT 1 FROM bot_orders AS b"
    " WHERE b.order_id IS NULL AND b.symbol = f.symbol AND b.date = f.date)"
    " GROUP BY f.order_id"
)
IN_LOG = "EXISTS (SELECT 1 FROM bot_orders AS b WHERE b.order_id = discrepancies.order_id)"

# Orders that the log named and the broker does not know. Trades older than its first order cannot be judged.
LOG_WITHOUT_ORDER = (
    "SELECT b.ts, b.symbol, b.order_id, b.side, b.quantity FROM bot_orders AS b WHERE b.order_id IS NOT NULL AND b.ts < ?"
    " AND b.ts >= (SELECT min(submitted) FROM orders)"
    " AND NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.order_id = b.order_id)"
    " AND NOT EXISTS (SELECT 1 FROM discrepancies AS d WHERE d.kind = 'log_without_order' AND d.order_id = b.order_id)"
)
AT_BROKER = "EXISTS (SELECT 1 FROM orders AS o WHERE o.order_id = discrepancies.order_id)"


@dataclass(frozen=True, slots=True)
class Difference:
    """What log and broker disagree about. at: unix seconds; the values are those of a position, an order, or a figure."""

    kind: Kind
    at: float
    detail: str
    symbol: str | None = None
    order_id: str | None = None
    log_value: float | None = None
    broker_value: float | None = None

    def row(self, resolved: float | None) -> DiscrepancyRow:
        """Return the row of the archive. resolved: unix seconds, None while it is open."""
        return DiscrepancyRow(
            id=None,
            ts=self.at,
            date=calendar.trading_day(self.at).isoformat(),
            kind=self.kind,
            symbol=self.symbol,
            order_id=self.order_id,
            log_value=self.log_value,
            broker_value=self.broker_value,
            detail=self.detail,
            resolved=resolved,
        )


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Compares the log with one answer of the broker, in the caller's transaction. now: unix seconds of that answer."""

    connection: sqlite3.Connection
    checkpoint: BrokerCheckpoint
    counters: Counters
    now: float

    def fills_without_log(self) -> None:
        """Fills of orders that no line of the log named. Judged once the log has gone on past them: it may lag, or be off."""
        span = _log_span(self.connection)
        if span is not None:
            until = min(self.now, span[1]) - LATENESS_SECONDS
            rows = self.connection.execute(FILLS_WITHOUT_LOG, (span[0], until)).fetchall()
            for ts, symbol, side, order_id, quantity in rows:
                detail = f"{side} {quantity:g} {symbol}: the log names no such order"
                self._open_order(Difference("fill_without_log", ts, detail, symbol, order_id, broker_value=quantity))
        self._resolve("fill_without_log", IN_LOG)

    def log_without_order(self) -> None:
        """Orders that the log named and the broker does not know."""
        rows = self.connection.execute(LOG_WITHOUT_ORDER, (self.now - LATENESS_SECONDS,)).fetchall()
        for ts, symbol, order_id, side, quantity in rows:
            detail = f"{side} {quantity:g} {symbol}: the broker knows no such order"
            self._open_order(Difference("log_without_order", ts, detail, symbol, order_id, log_value=quantity))
        self._resolve("log_without_order", AT_BROKER)

    def positions_changed(self, positions: Iterable[Position], polled: float) -> None:
        """Quantities that moved without fills: by hand elsewhere, or corrected. `positions` is a complete list of `polled`.

        The quantity expected is the last settled one plus the fills since; it is compared when the activities have been read.
        """
        known = self.checkpoint
        present = {
            p.symbol: p.quantity for p in positions if p.asset_class in ("us_equity", "us_option") or is_option(p.symbol)
        }
        for symbol in {*present, *known.baseline}:
            actual = present.get(symbol, 0.0)
            base = known.baseline.get(symbol, Baseline(known.positions_at or polled, 0.0))
            expected = base.quantity + self._moved(symbol, base.ts, polled)
            is_settled = known.positions_at is None or self._explained(symbol, base, polled, actual, expected)
            is_fresh = not is_settled and self._is_fresh(symbol, polled)
            if not is_settled and (is_fresh or base.misses + 1 < UNSETTLED_CHECKS):
                known.baseline[symbol] = replace(base, misses=base.misses + (not is_fresh))
                continue
            if not is_settled:
                detail = f"{symbol}: {actual:g} held, {expected:g} expected from fills"
                self._open(Difference("position_changed", polled, detail, symbol, log_value=expected, broker_value=actual))
            if actual or symbol in present:
                known.baseline[symbol] = Baseline(polled, actual)
            else:
                known.baseline.pop(symbol, None)
        known.positions_at = polled
        self._resolve("position_changed")

    def compare_account(self, account: Account, leverage: float | None) -> None:
        """Equity and margin as the log's newest account line of the same minute said them, against the broker's."""
        row = self.connection.execute(
            "SELECT id, equity, margin_ratio, leverage_ratio FROM account_history WHERE source = 'log' AND ts BETWEEN ? AND ?"
            " ORDER BY ts DESC LIMIT 1",
            (self.now - SAME_MINUTE, self.now + SAME_MINUTE),
        ).fetchone()
        if row is None:
            return
        log_id, equity, margin, levered = row
        if equity is not None and account.equity > 0:
            self._compare("equity", log_id, equity, account.equity, EQUITY_TOLERANCE * account.equity)
        said, true = (margin, account.margin_ratio) if margin is not None else (levered, leverage)
        if said is not None and true is not None:
            self._compare("margin", log_id, said, true, RATIO_TOLERANCE)

    def _compare(self, kind: Kind, log_id: int, said: float, true: float, tolerance: float) -> None:
        """Compare a figure of an account line, once per line; it differs once TIMES lines in a row do."""
        last = self.checkpoint.differs.get(kind, Compared())
        if last.row_id == log_id:
            return
        differs = abs(said - true) > tolerance
        self.checkpoint.differs[kind] = now = Compared(log_id, last.times + 1 if differs else 0)
        if not differs:
            self._resolve(kind, "TRUE")
        elif now.times >= TIMES and not self._is_open(kind):
            detail = f"{kind}: the log says {said:.4f}, the broker {true:.4f}"
            self._open(Difference(kind, self.now, detail, log_value=said, broker_value=true))

    def _open_order(self, difference: Difference) -> None:
        """Archive a difference about an order. One from before the account was watched is recorded as resolved, not counted."""
        is_history = difference.at < (self.checkpoint.watched or 0.0)
        self._open(difference, resolved=difference.at if is_history else None)

    def _open(self, difference: Difference, resolved: float | None = None) -> None:
        is_new = table_of(DiscrepancyRow).add_new(self.connection, difference.row(resolved))
        if is_new and resolved is None:
            self.counters.inc(m.DISCREPANCIES, difference.kind)

    def _resolve(self, kind: Kind, condition: str = "FALSE") -> None:
        """Resolve what is open for which the SQL `condition` holds, and what is a fact of the past that is a day old."""
        self.connection.execute(
            f"UPDATE discrepancies SET resolved = ? WHERE kind = ? AND resolved IS NULL AND (ts < ? OR {condition})",
            (self.now, kind, self.now - OPEN_SECONDS),
        )

    def _is_open(self, kind: Kind) -> bool:
        row = self.connection.execute("SELECT 1 FROM discrepancies WHERE kind = ? AND resolved IS NULL", (kind,)).fetchone()
        return row is not None

    def _explained(self, symbol: str, base: Baseline, polled: float, actual: float, expected: float) -> bool:
        """Whether fills, a split, a dividend in shares or a transfer explain a quantity."""
        # A fill at the border may or may not have been in the quantity from which we add up.
        possible = (expected, *(base.quantity + self._moved(symbol, base.ts + b, polled) for b in (-BORDER, BORDER)))
        if any(abs(actual - p) <= 1e-6 * max(1.0, abs(actual)) for p in possible):
            return True
        row = self.connection.execute(
            f"SELECT 1 FROM activities WHERE symbol = ? AND ts > ? AND {CHANGES_UNITS}", (symbol, base.ts - OPEN_SECONDS)
        ).fetchone()
        return row is not None

    def _moved(self, symbol: str, since: float, until: float) -> float:
        """Signed sum of the fills between two moments."""
        (moved,) = self.connection.execute(
            "SELECT coalesce(sum(CASE side WHEN 'buy' THEN quantity ELSE -quantity END), 0) FROM fills"
            " WHERE symbol = ? AND ts > ? AND ts <= ?",
            (symbol, since, until),
        ).fetchone()
        return float(moved)

    def _is_fresh(self, symbol: str, polled: float) -> bool:
        """Whether a fill is so near to the poll that the position may not show it yet."""
        row = self.connection.execute(
            "SELECT 1 FROM fills WHERE symbol = ? AND ts BETWEEN ? AND ?", (symbol, polled - BORDER, polled + BORDER)
        ).fetchone()
        return row is not None


def _log_span(connection: sqlite3.Connection) -> tuple[float, float] | None:
    """From the log's first trade or account line to its newest line; None while it has neither."""
    (trade,) = connection.execute("SELECT min(ts) FROM bot_orders").fetchone()
    (account,) = connection.execute("SELECT min(ts) FROM account_history WHERE source = 'log'").fetchone()
    row = connection.execute("SELECT json_extract(value, '$.log_ts') FROM state WHERE key = ?", (saved.LOG,)).fetchone()
    first = min((t for t in (trade, account) if t is not None), default=None)
    return None if first is None or row is None or row[0] is None else (first, float(row[0]))


def open_by_kind(connection: sqlite3.Connection) -> dict[str, int]:
    """How many of each kind are open now."""
    found: dict[str, int] = dict.fromkeys(m.DISCREPANCY_KINDS, 0)
    found.update(connection.execute("SELECT kind, count(*) FROM discrepancies WHERE resolved IS NULL GROUP BY kind").fetchall())
    return found
