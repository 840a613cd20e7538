"""Fields of a JSON object that somebody else wrote: each is checked for its type and bounded in size as it is read.

Numbers arrive as decimal text and become a float once. An unknown enum is passed on as it came, bounded in length and alphabet.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

T = TypeVar("T")
Day = TypeVar("Day", date, datetime)

# 21 characters hold the longest symbol there is, an option's (NVDA260909C00222500 has 19).
_SYMBOL = re.compile(r"[A-Z0-9./-]{1,21}")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}")
LONGEST_TEXT = 200
LARGEST = 1e15  # dollars or units: beyond it a float has no cents
FIRST_YEAR, LAST_YEAR = 2000, 2100


class Unreadable(ValueError):
    """A record that cannot be used; the text says which field and why."""


class Record:
    """One JSON object. With `strict`, garbage in any field makes it Unreadable; otherwise only in a required one."""

    def __init__(self, raw: Any, strict: bool = True) -> None:
        if not isinstance(raw, dict):
            raise Unreadable(f"is not an object but {type(raw).__name__}")
        self._raw = raw
        self._strict = strict
        self.damaged = False

    def _read(self, key: str, parse: Callable[[Any], T], required: bool) -> T | None:
        value = self._raw.get(key)
        if value is not None and value != "":
            try:
                return parse(value)
            except (ValueError, TypeError, OverflowError, InvalidOperation) as error:
                if self._strict or required:
                    raise Unreadable(f"{key} cannot be read: {error}"[:LONGEST_TEXT]) from None
                self.damaged = True
        elif required:
            raise Unreadable(f"{key} is missing")
        return None

    def number(self, key: str) -> float | None:
        """Return a finite number, or None where there is none or the value is unreadable."""
        return self._read(key, number, False)

    def needed_number(self, key: str) -> float:
        """Return a finite number. Unreadable when there is none."""
        return self._needed(key, number)

    def flag(self, key: str) -> bool | None:
        """Return a boolean, or None."""
        return self._read(key, _flag, False)

    def needed_flag(self, key: str) -> bool:
        """Return a boolean. Unreadable when there is none."""
        return self._needed(key, _flag)

    def time(self, key: str) -> float | None:
        """Return a moment in unix seconds, or None."""
        return self._read(key, _time, False)

    def day(self, key: str) -> date | None:
        """Return a date, or None."""
        return self._read(key, _day, False)

    def symbol(self, key: str) -> str | None:
        """Return a symbol of stocks, options or coins, or None."""
        return self._read(key, _symbol, False)

    def needed_symbol(self, key: str) -> str:
        """Return a symbol. Unreadable when there is none."""
        return self._needed(key, _symbol)

    def word(self, key: str) -> str | None:
        """An enum's value; one that is no bounded word is `other`."""
        return self._read(key, _word, False)

    def needed_word(self, key: str) -> str:
        """Return the value of an enum. Unreadable when there is none."""
        return self._needed(key, _word)

    def text(self, key: str) -> str | None:
        """Free text for the archive, never for a label."""
        return self._read(key, _text, False)

    def needed_text(self, key: str) -> str:
        """Return an identifier. Unreadable when there is none."""
        return self._needed(key, _identifier)

    def _needed(self, key: str, parse: Callable[[Any], T]) -> T:
        value = self._read(key, parse, True)
        assert value is not None
        return value


def number(value: Any) -> float:
    """Return a finite number within LARGEST. ValueError or InvalidOperation where it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{type(value).__name__} is not a number")
    number = float(Decimal(value) if isinstance(value, str) else value)
    if not abs(number) < LARGEST:  # NaN too
        raise ValueError(f"{str(value)[:20]} is not an amount")
    return number


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{type(value).__name__} is neither true nor false")
    return value


def _time(value: Any) -> float:
    moment = datetime.fromisoformat(value)
    return (moment if _in_years(moment).tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _day(value: Any) -> date:
    return _in_years(date.fromisoformat(value))


def _in_years(day: Day) -> Day:
    """Calendars end somewhere, and arithmetic beyond their end would fail far from here."""
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        raise ValueError(f"the year {day.year} is out of range")
    return day


def _text(value: Any) -> str:
    # JSON can carry half a surrogate pair, which no database takes.
    return str(value)[:LONGEST_TEXT].encode("utf-8", "replace").decode()


def _symbol(value: Any) -> str:
    if not isinstance(value, str) or not _SYMBOL.fullmatch(value):
        raise ValueError(f"{str(value)[:30]!a} is not a symbol")
    return value


def _word(value: Any) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else "other"


def _identifier(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not (value.isascii() and value.isprintable()):
        raise ValueError(f"{str(value)[:30]!a} is not an id")
    return value
