"""Prices of the archive as the formulas want them: one symbol with its splits and dividends, and the sessions."""

import sqlite3
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from operator import itemgetter

from bigdipper_exporter import calendar
from bigdipper_exporter.money import dips
from bigdipper_exporter.money.prices import Bar, Dividend, Prices, Split

BARS = "SELECT date, open, high, low, close, complete, read FROM prices_daily WHERE symbol = ? ORDER BY date"
SPLITS = "('forward_split', 'reverse_split', 'unit_split')"
NOTHING = Prices(())
MOST_LOADED = 3  # five years of all symbols would be 40 MB
SEEN_SECONDS = 300.0  # a minute bar so old still says the price of a moment


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest price of a symbol, and when it was read (unix seconds)."""

    bar: Bar
    read: float
    complete: bool


class Market:
    """Prices of all symbols as of one moment. `benchmark` gives the sessions.

    Only the last symbols are kept in memory, beside the benchmark: whoever asks for many goes symbol by symbol.
    """

    def __init__(self, connection: sqlite3.Connection, benchmark: str) -> None:
        self._connection, self.benchmark = connection, benchmark
        self._loaded: dict[str, tuple[Prices, Newest | None]] = {}

    def prices(self, symbol: str) -> Prices:
        """Return the complete daily bars of a symbol; those of its new name after a rename."""
        return self._load(symbol)[0]

    def newest(self, symbol: str) -> Newest | None:
        """Return the newest bar, also one of a session that goes on."""
        return self._load(symbol)[1]

    @cached_property
    def sessions(self) -> list[date]:
        """Days that have a complete bar of the benchmark."""
        return self.prices(self.benchmark).days

    @cached_property
    def _renamed(self) -> dict[str, str]:
        rows = self._connection.execute(
            "SELECT symbol, new_symbol FROM corporate_actions WHERE kind = 'name_change' AND new_symbol > '' ORDER BY ex_date"
        )
        return dict(rows.fetchall())

    def minute(self, symbol: str, ts: float) -> float | None:
        """Return the price of a moment by the minute bars; None where there is none shortly before."""
        row = self._connection.execute(
            "SELECT close FROM prices_minute WHERE symbol = ? AND ts <= ? AND ts > ? ORDER BY ts DESC LIMIT 1",
            (symbol, ts, ts - SEEN_SECONDS),
        ).fetchone()
        return None if row is None else float(row[0])

    def _load(self, symbol: str) -> tuple[Prices, Newest | None]:
        if symbol not in self._loaded:
            rows = self._connection.execute(BARS, (symbol,)).fetchall()
            new = self._renamed.get(symbol)
            if not rows and new is not None and new != symbol:
                self._loaded[symbol] = NOTHING, None  # a rename that leads back to itself ends here
                self._loaded[symbol] = self._load(new)
                return self._loaded[symbol]
            bars = [(Bar(date.fromisoformat(row[0]), *row[1:5]), bool(row[5]), row[6]) for row in rows]
            prices = Prices([bar for bar, complete, _ in bars if complete], *self._actions(symbol))
            while len(self._loaded) > MOST_LOADED:
                del self._loaded[next(name for name in self._loaded if name != self.benchmark)]
            newest = Newest(bars[-1][0], bars[-1][2], bars[-1][1]) if bars else None
            self._loaded[symbol] = prices, newest
        return self._loaded[symbol]

    def _actions(self, symbol: str) -> tuple[list[Split], list[Dividend]]:
        splits = self._connection.execute(
            f"SELECT ex_date, new_rate / old_rate FROM corporate_actions WHERE symbol = ? AND kind IN {SPLITS}"
            " AND old_rate > 0 AND new_rate > 0 ORDER BY ex_date",
            (symbol,),
        )
        dividends = self._connection.execute(
            "SELECT ex_date, cash FROM corporate_actions"
            " WHERE symbol = ? AND kind = 'cash_dividend' AND cash > 0 ORDER BY ex_date",
            (symbol,),
        )
        return (
            [Split(date.fromisoformat(day), ratio) for day, ratio in splits],
            [Dividend(date.fromisoformat(day), cash) for day, cash in dividends],
        )


class BotRule:
    """The bot's rule by day, from the history of its configuration: from which dip it bought, and how far back it looked."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._values: dict[str, list[tuple[float, float | None]]] = {}
        rows = connection.execute(
            "SELECT setting, ts, value FROM bot_config"
            " WHERE setting LIKE 'DIP_THRESHOLDS.%' OR setting IN ('MIN_ABSOLUTE_DIP', 'LOOKBACK_DAYS') ORDER BY ts, id"
        )
        for setting, ts, text in rows:
            value = dips.usable_lookback(_number(text)) if setting == "LOOKBACK_DAYS" else _ratio(text)
            self._values.setdefault(setting, []).append((ts, value))
        self._lookbacks: dict[date, int] = {}

    def lookback(self, day: date) -> int:
        """Return over how many daily bars the highest close was taken; as released where the configuration does not say."""
        if day not in self._lookbacks:
            found = self._at("LOOKBACK_DAYS", calendar.session_end(day))
            self._lookbacks[day] = dips.LOOKBACK if found is None else round(found)
        return self._lookbacks[day]

    def threshold(self, symbol: str, day: date) -> float:
        """Return the threshold in effect at the close of a session; before the first known configuration, that one's.

        The bot's minimum where the configuration names no threshold.
        """
        moment = calendar.session_end(day)
        own = self._at(f"DIP_THRESHOLDS.{symbol}", moment)
        least = self._at("MIN_ABSOLUTE_DIP", moment)
        threshold = self._at("DIP_THRESHOLDS.DEFAULT", moment) if own is None else own
        return dips.effective(threshold, dips.MINIMUM if least is None else least)

    def _at(self, setting: str, moment: float) -> float | None:
        values = self._values.get(setting)
        if not values:
            return None
        index = bisect_right(values, moment, key=itemgetter(0))
        return values[max(index - 1, 0)][1]


def _ratio(text: str | None) -> float | None:
    """Return the value of a setting; None where it was removed or is no ratio."""
    value = _number(text)
    return value if value is not None and 0 <= value < 1 else None


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
