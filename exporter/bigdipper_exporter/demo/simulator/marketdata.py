"""What Alpaca's data host answers: GET /v2/stocks/bars and /v1/corporate-actions, from the tape."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from bigdipper_exporter import calendar
from bigdipper_exporter.demo.simulator.queries import BadRequest, Query, count, moment, one_of
from bigdipper_exporter.demo.simulator.tape import Bar, Json, Tape

TOO_RECENT = 15 * 60.0
PATHS = {"/v2/stocks/bars": "bars", "/v1/corporate-actions": "corporate_actions"}


def refused(status: int, message: str) -> BadRequest:
    return BadRequest(status, 42210000 if status == 403 else 40010001, message)


def answer(tape: Tape, path: str, query: Query, now: float) -> Any:
    """The JSON for a path, or `BadRequest`."""
    return (bars if PATHS[path] == "bars" else corporate_actions)(tape, query, now)


def bars(tape: Tape, query: Query, now: float) -> Json:
    """Raw bars, sorted by symbol, then time; `limit` counts over all symbols. A symbol without bars is absent."""
    symbols = _symbols(query)
    for symbol in symbols:
        if symbol in tape.unknown:
            raise refused(400, f"invalid symbol: {symbol}")
    frame = one_of(query, "timeframe", ("1Day", "1Min"), "")
    one_of(query, "adjustment", ("raw",), "raw")
    feed = one_of(query, "feed", ("sip", "iex"), "sip")
    start = _instant(query["start"]) if "start" in query else calendar.day_start(calendar.new_york_date(now))
    end = _instant(query["end"]) if "end" in query else now
    if end < start:
        raise refused(400, "end should not be before start")
    if feed == "sip" and end > now - TOO_RECENT:
        raise refused(403, "subscription does not permit querying recent SIP data")
    rows = _rows(tape, sorted(set(symbols)), frame, start, end)
    limit, skip = count(query, "limit", 1000, 10_000), _place(query)
    chosen = list(itertools.islice(rows, skip, skip + limit + 1))
    found: dict[str, list[Json]] = {}
    for symbol, bar in chosen[:limit]:
        found.setdefault(symbol, []).append(_bar(bar))
    more = len(chosen) > limit
    return {"bars": found, "next_page_token": _token(skip + limit) if more else None, "currency": "USD"}


def _rows(tape: Tape, symbols: list[str], frame: str, start: float, end: float) -> Iterator[tuple[str, Bar]]:
    for symbol in symbols:
        column = tape.column(symbol)
        if column is not None:
            read = tape.daily_bars if frame == "1Day" else tape.minute_bars
            for bar in read(column, start, end):
                yield symbol, bar


def corporate_actions(tape: Tape, query: Query, now: float) -> Json:
    """Actions with a process date from `start` to `end`, one day each by default."""
    symbols = set(_symbols(query)) if "symbols" in query else None
    first, last = (_day(query, key, now) for key in ("start", "end"))
    rows = [
        (group, body)
        for group, bodies in sorted(tape.actions.items())
        for body in bodies
        if first <= body["process_date"] <= last and (symbols is None or symbols & {body.get("symbol"), body.get("new_symbol")})
    ]
    limit, skip = count(query, "limit", 100, 1000), _place(query)
    found: dict[str, list[Json]] = {}
    for group, body in rows[skip : skip + limit]:
        found.setdefault(group, []).append(body)
    more = len(rows) > skip + limit
    return {"corporate_actions": found, "next_page_token": _token(skip + limit) if more else None}


def _symbols(query: Query) -> list[str]:
    symbols = [symbol for symbol in query.get("symbols", "").split(",") if symbol]
    if not symbols:
        raise refused(400, "symbols is required")
    return symbols


def _instant(text: str) -> float:
    return moment(text) / 1e9


def _day(query: Query, key: str, now: float) -> str:
    try:
        return date.fromisoformat(query.get(key, calendar.new_york_date(now).isoformat())[:10]).isoformat()
    except ValueError:
        raise refused(400, f"invalid {key}") from None


def _place(query: Query) -> int:
    try:
        return int(base64.b64decode(query.get("page_token", "MA=="), validate=True))
    except ValueError:
        raise refused(400, "invalid page_token") from None


def _token(place: int) -> str:
    return base64.b64encode(str(place).encode()).decode()


def _bar(bar: Bar) -> Json:
    return {
        "t": f"{datetime.fromtimestamp(bar.start, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "o": bar.open / 100,
        "h": bar.high / 100,
        "l": bar.low / 100,
        "c": bar.close / 100,
        "v": bar.volume,
        "n": bar.volume // 40 + 1,
        "vw": round((bar.high + bar.low + bar.close) / 300, 4),
    }
