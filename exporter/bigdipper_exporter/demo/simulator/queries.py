"""What each path of the stand-in broker answers: the query's parameters against the books.

Every function takes the books, the query and the time, and returns the JSON; a wrong parameter raises `BadRequest`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from bigdipper_exporter import calendar
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator import hours, shapes
from bigdipper_exporter.demo.simulator.books import Activity
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.orders import TERMINAL, Order
from bigdipper_exporter.demo.simulator.units import DOLLAR

Query = dict[str, str]


class BadRequest(Exception):
    """A request the API refuses: HTTP status and its body."""

    def __init__(self, status: int, code: int, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(message)


def invalid(message: str) -> BadRequest:
    return BadRequest(422, 40010001, message)


def moment(text: str) -> int:
    """An RFC 3339 instant or a date (New York midnight) -> nanoseconds, all nine digits kept."""
    body, dot, tail = text.partition(".")
    digits = ""
    if dot:
        digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
        body += tail[len(digits) :]
    try:
        at = datetime.fromisoformat(body.replace(" ", "+"))  # a "+" that was not escaped in the query
    except ValueError:
        raise invalid(f"invalid time {text!r}") from None
    at = at if at.tzinfo is not None else at.replace(tzinfo=NEW_YORK)
    return int(at.timestamp()) * 1_000_000_000 + int(digits.ljust(9, "0")[:9] or 0)


def one_of(query: Query, key: str, allowed: Sequence[str], default: str) -> str:
    value = query.get(key, default)
    if value not in allowed:
        raise invalid(f"invalid {key} {value!r}")
    return value


def count(query: Query, key: str, default: int, largest: int) -> int:
    text = query.get(key, str(default))
    if not text.isdigit() or not 1 <= int(text) <= largest:
        raise invalid(f"{key} must be between 1 and {largest}, not {text!r}")
    return int(text)


def account(ledger: Ledger, query: Query, now: float) -> Any:
    return shapes.account(ledger)


def positions(ledger: Ledger, query: Query, now: float) -> Any:
    return [shapes.position(ledger, symbol) for symbol in sorted(ledger.positions)]


def one_position(ledger: Ledger, symbol: str) -> Any:
    if symbol not in ledger.positions:
        raise BadRequest(404, 40410000, "position does not exist")
    return shapes.position(ledger, symbol)


def one_order(ledger: Ledger, order_id: str) -> Any:
    if order_id not in ledger.orders:
        raise BadRequest(404, 40410000, f"order not found for {order_id}")
    return shapes.order(ledger, ledger.orders[order_id])


def orders(ledger: Ledger, query: Query, now: float) -> Any:
    """Bounds on submitted_at are exclusive; newest first unless `direction=asc`; 50 unless `limit` (at most 500)."""
    status = one_of(query, "status", ("open", "closed", "all"), "open")
    limit = count(query, "limit", 50, 500)
    chosen: Iterable[Order] = ledger.open_orders.values() if status == "open" else ledger.orders.values()
    if status == "closed":
        chosen = (o for o in chosen if o.status in TERMINAL)
    if "symbols" in query:
        symbols = set(query["symbols"].split(","))
        chosen = (o for o in chosen if o.symbol in symbols)
    if "side" in query:
        side = one_of(query, "side", ("buy", "sell"), "buy")
        chosen = (o for o in chosen if o.side == side)
    for key in ("after_order_id", "before_order_id"):
        if key in query and query[key] not in ledger.orders:
            raise invalid(f"{key}: no such order")
    bounds = (
        moment(query["after"]) if "after" in query else -1,
        moment(query["until"]) if "until" in query else 1 << 63,
    )
    rows = [o for o in chosen if bounds[0] < o.submitted_at < bounds[1]]
    rows.sort(key=_place)
    if "after_order_id" in query:
        rows = [o for o in rows if _place(o) > _place(ledger.orders[query["after_order_id"]])]
    if "before_order_id" in query:
        rows = [o for o in rows if _place(o) < _place(ledger.orders[query["before_order_id"]])]
    if one_of(query, "direction", ("asc", "desc"), "desc") == "desc":
        rows.reverse()
    return [shapes.order(ledger, o) for o in rows[:limit]]


def _place(order: Order) -> tuple[int, str]:
    return order.submitted_at, order.id


def activities(ledger: Ledger, query: Query, now: float) -> Any:
    """Bounds on the time of booking are exclusive; `page_token` is the id of the last item seen."""
    kinds = set(query["activity_types"].split(",")) if "activity_types" in query else None
    after = moment(query["after"]) if "after" in query else -1
    until = moment(query["until"]) if "until" in query else 1 << 63
    chosen = ledger.activities if kinds is None else [a for a in ledger.activities if a.type in kinds]
    rows = [a for a in chosen if after < a.at < until]
    if "category" in query:
        trades = one_of(query, "category", ("trade_activity", "non_trade_activity"), "") == "trade_activity"
        rows = [a for a in rows if (a.type == "FILL") == trades]
    if "date" in query:
        rows = [a for a in rows if _day(a) == query["date"]]
    if one_of(query, "direction", ("asc", "desc"), "desc") == "desc":
        rows.reverse()
    if token := query.get("page_token"):
        ids = [a.id for a in rows]
        rows = rows[ids.index(token) + 1 :] if token in ids else []
    return [{"id": a.id, **a.body} for a in rows[: count(query, "page_size", 100, 100)]]


def _day(activity: Activity) -> str:
    return datetime.fromtimestamp(activity.at // 1_000_000_000, NEW_YORK).date().isoformat()


def clock(ledger: Ledger, query: Query, now: float) -> Any:
    exchange = ledger.hours
    return {
        "timestamp": shapes.new_york(now),
        "is_open": exchange.session(now) == "regular",
        "next_open": shapes.new_york(exchange.next_open(now)),
        "next_close": shapes.new_york(exchange.next_close(now)),
    }


def trading_calendar(ledger: Ledger, query: Query, now: float) -> Any:
    """Without bounds: a year around now (the real one gives sixty years)."""
    try:
        first = date.fromisoformat(query.get("start", f"{calendar.new_york_date(now) - timedelta(days=182)}")[:10])
        last = date.fromisoformat(query.get("end", f"{calendar.new_york_date(now) + timedelta(days=182)}")[:10])
    except ValueError:
        raise invalid("start and end must be dates") from None
    days = [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)]
    return [_calendar_day(day) for day in days if hours.regular(day) is not None]


def _calendar_day(day: date) -> shapes.Json:
    half = hours.is_half_day(day)
    settles = day + timedelta(days=1)
    while hours.regular(settles) is None:
        settles += timedelta(days=1)
    return {
        "date": day.isoformat(),
        "open": "09:30",
        "close": "13:00" if half else "16:00",
        "session_open": "0400",
        "session_close": "1700" if half else "2000",
        "settlement_date": settles.isoformat(),
    }


def portfolio_history(ledger: Ledger, query: Query, now: float) -> Any:
    """Daily equity at the close, as numbers; the stamp of a day is its 20:00 New York. Only `timeframe=1D` is kept."""
    one_of(query, "timeframe", ("1D",), "1D")
    period = query.get("period", "1M")
    unit = {"D": 1, "W": 7, "M": 30, "A": 365}.get(period[-1:])
    if unit is None or not period[:-1].isdigit():
        raise invalid(f"invalid period {period!r}")
    end = moment(query["end"]) / 1e9 if "end" in query else now
    start = moment(query["start"]) / 1e9 if "start" in query else end - int(period[:-1]) * unit * 86400
    rows = []
    base, base_day = None, None
    for day, closed in ledger.days.items():
        stamp = datetime.combine(day, time(20), NEW_YORK).timestamp()
        if stamp < start:
            base, base_day = closed.equity, day
        elif stamp <= end:
            rows.append((int(stamp), closed))
    before = base if base is not None else (rows[0][1].equity if rows else 0)
    equity = [round(d.equity / DOLLAR, 2) for _, d in rows]
    previous = [before / DOLLAR, *equity[:-1]]
    gain = [round(e - p - d.cash_flow / DOLLAR, 2) for e, p, (_, d) in zip(equity, previous, rows, strict=False)]
    return {
        "timestamp": [stamp for stamp, _ in rows],
        "equity": equity,
        "profit_loss": gain,
        "profit_loss_pct": [round(g / p, 4) if p else None for g, p in zip(gain, previous, strict=False)],
        "base_value": round(before / DOLLAR, 2),
        "base_value_asof": base_day.isoformat() if base_day is not None else None,
        "timeframe": "1D",
    }


Answer = Callable[[Ledger, Query, float], Any]
PATHS: dict[str, tuple[str, Answer]] = {
    "/v2/account": ("account", account),
    "/v2/positions": ("positions", positions),
    "/v2/orders": ("orders", orders),
    "/v2/clock": ("clock", clock),
    "/v2/calendar": ("calendar", trading_calendar),
    "/v2/account/activities": ("activities", activities),
    "/v2/account/portfolio/history": ("portfolio_history", portfolio_history),
}


def answer(ledger: Ledger, path: str, query: Query, now: float) -> Any:
    """The JSON for a path, or `BadRequest`."""
    if path in PATHS:
        return PATHS[path][1](ledger, query, now)
    prefix, _, last = path.rpartition("/")
    if prefix == "/v2/orders":
        return one_order(ledger, last)
    if prefix == "/v2/positions":
        return one_position(ledger, last)
    if prefix == "/v2/account/activities":
        return activities(ledger, query | {"activity_types": last}, now)
    raise BadRequest(404, 40410000, "endpoint not found.")


def endpoint(path: str) -> str | None:
    """The endpoint a path belongs to, as `faults.ENDPOINTS` names it."""
    for candidate in (path, path.rpartition("/")[0]):
        if candidate in PATHS:
            return PATHS[candidate][0]
    return None
