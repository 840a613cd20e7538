"""The data host's JSON, record by record: one that cannot be right is left out and counted."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from bigdipper_exporter.broker.fields import Record, Unreadable
from bigdipper_exporter.prices.models import Bar, CorporateAction

LONGEST_TOKEN = 500
MOST_BARS = 10_000  # of a page: what the API gives at most
LARGEST_JUMP = 1_000  # high / low of one bar


@dataclass(frozen=True, slots=True)
class Page:
    """One page: bars or actions, how many records could not be read, and where the next page begins."""

    bars: tuple[Bar, ...] = ()
    actions: tuple[CorporateAction, ...] = ()
    rejected: int = 0
    token: str | None = None


def bars(raw: Any, asked: Collection[str]) -> Page:
    """Read a page of bars. Raises Unreadable when it is no page, or when none of its records can be read."""
    groups, token = _groups(raw, "bars")
    found, rejected = [], 0
    for symbol, records in groups.items():
        for record in records:
            try:
                if symbol not in asked:
                    raise Unreadable(f"{symbol!a} was not asked for")
                found.append(bar(symbol, record))
            except Unreadable:
                rejected += 1
    if rejected and not found:
        raise Unreadable(f"none of {rejected} bars can be read")
    return Page(bars=tuple(found), rejected=rejected, token=token)


def bar(symbol: str, raw: Any) -> Bar:
    """Read one bar. Raises Unreadable when its prices contradict each other."""
    r = Record(raw)
    start = r.time("t")
    if start is None:
        raise Unreadable("t is missing")
    opened, high, low, close = (r.needed_number(key) for key in "ohlc")
    if not 0 < low <= min(opened, close) <= max(opened, close) <= high or high > LARGEST_JUMP * low:
        raise Unreadable(f"open {opened}, high {high}, low {low}, close {close} cannot belong to one bar")
    loose = Record(raw, strict=False)
    volume, trades, vwap = loose.number("v"), loose.number("n"), loose.number("vw")
    return Bar(
        symbol, start, opened, high, low, close, *(v if v is not None and v >= 0 else None for v in (volume, trades, vwap))
    )


def actions(raw: Any, asked: Collection[str]) -> Page:
    """Read a page of corporate actions; those of other symbols are left out. Raises Unreadable when it is no page."""
    groups, token = _groups(raw, "corporate_actions")
    found, rejected = [], 0
    for group, records in groups.items():
        for record in records:
            try:
                read = action(group.removesuffix("s"), record)
            except Unreadable:
                rejected += 1
                continue
            if read.symbol in asked or read.new_symbol in asked:
                found.append(read)
    if rejected and not found and not any(len(records) > rejected for records in groups.values()):
        raise Unreadable(f"none of {rejected} corporate actions can be read")
    return Page(actions=tuple(found), rejected=rejected, token=token)


def action(kind: str, raw: Any) -> CorporateAction:
    """Read one corporate action. Raises Unreadable without symbol, date, or the ratio that a split needs."""
    r = Record({"kind": kind, **raw} if isinstance(raw, dict) else raw)
    symbols = ("symbol", "old_symbol", "source_symbol", "acquiree_symbol")
    symbol = next((s for s in map(r.symbol, symbols) if s is not None), None)
    day = next((d for d in map(r.day, ("ex_date", "effective_date", "process_date")) if d is not None), None)
    if symbol is None or day is None:
        raise Unreadable("symbol or ex_date is missing")
    old, new, rate = r.number("old_rate"), r.number("new_rate"), r.number("rate")
    if kind in ("forward_split", "reverse_split") and not (old and new and old > 0 and new > 0):
        raise Unreadable("a split needs old_rate and new_rate")
    if kind == "cash_dividend" and (rate is None or rate < 0):
        raise Unreadable("a dividend needs its rate")
    return CorporateAction(
        id=r.text("id") or f"{kind} {symbol} {day}",
        symbol=symbol,
        kind=r.needed_word("kind"),
        ex_date=day,
        process_date=r.day("process_date"),
        old_rate=old,
        new_rate=new,
        cash=rate if kind == "cash_dividend" else None,
        special=r.flag("special"),
        new_symbol=r.symbol("new_symbol"),
    )


def _groups(raw: Any, name: str) -> tuple[dict[str, list[Any]], str | None]:
    """The records of an answer by symbol or kind, and the token of its next page."""
    groups = raw.get(name) if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or name not in raw or not isinstance(groups, dict | None):
        raise Unreadable(f"{name} is missing")
    token = raw.get("next_page_token")
    if not isinstance(token, str | None) or len(token or "") > LONGEST_TOKEN:
        raise Unreadable("next_page_token is not text")
    known = {str(key): records for key, records in (groups or {}).items() if records is not None}
    if not all(isinstance(records, list) for records in known.values()):
        raise Unreadable(f"{name} holds something other than lists")
    if sum(map(len, known.values())) > MOST_BARS:
        raise Unreadable(f"more than {MOST_BARS} records on one page")
    return known, token or None
