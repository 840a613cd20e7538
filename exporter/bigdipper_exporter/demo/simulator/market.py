"""Prices of 44 stocks (and SPY), minute by minute, from a seed.

Every price swings around an anchor that drifts up slowly, moved by the whole market (beta) and by its own noise, so that
dips of five percent below the 20-day high come now and then and heal within days. The same seed gives the same prices.
"""

from __future__ import annotations

import math
import random
from collections import deque
from itertools import islice
from typing import NamedTuple

from bigdipper_exporter.calendar import Session


class Stock(NamedTuple):
    """First price in dollars, own noise in percent a day, market beta, average daily range in percent."""

    price: float
    noise: float
    beta: float
    range: float
    exchange: str = "NYSE"


NASDAQ, ARCA = "NASDAQ", "ARCA"
STOCKS: dict[str, Stock] = {
    "NVDA": Stock(182.4, 1.0, 1.5, 1.8, NASDAQ),
    "AVGO": Stock(349.1, 1.0, 1.3, 1.8, NASDAQ),
    "AMD": Stock(214.2, 1.1, 1.5, 1.9, NASDAQ),
    "TSM": Stock(292.5, 0.8, 1.1, 1.6),
    "MRVL": Stock(88.3, 1.1, 1.5, 1.9, NASDAQ),
    "TER": Stock(171.6, 1.0, 1.2, 1.7, NASDAQ),
    "MSFT": Stock(507.2, 0.6, 0.9, 1.5, NASDAQ),
    "META": Stock(648.4, 0.8, 1.1, 1.6, NASDAQ),
    "ORCL": Stock(241.7, 1.0, 1.1, 1.8),
    "NOW": Stock(863.9, 0.8, 1.1, 1.6),
    "PLTR": Stock(176.3, 1.3, 1.6, 2.0, NASDAQ),
    "ANET": Stock(139.8, 1.0, 1.3, 1.7),
    "DELL": Stock(146.2, 1.0, 1.2, 1.8),
    "ETN": Stock(372.4, 0.7, 1.1, 1.6),
    "PWR": Stock(441.5, 0.8, 1.1, 1.6),
    "CEG": Stock(362.8, 1.0, 0.9, 1.8, NASDAQ),
    "GEV": Stock(571.3, 1.0, 1.2, 1.7),
    "NEE": Stock(84.1, 0.6, 0.5, 1.5),
    "ABB": Stock(71.4, 0.7, 0.9, 1.6),
    "EQIX": Stock(812.6, 0.7, 0.8, 1.6, NASDAQ),
    "DLR": Stock(169.2, 0.7, 0.8, 1.6),
    "AMT": Stock(184.7, 0.6, 0.6, 1.5),
    "CCI": Stock(93.5, 0.7, 0.6, 1.6),
    "LMT": Stock(471.8, 0.7, 0.4, 1.5),
    "NOC": Stock(572.6, 0.7, 0.4, 1.5),
    "RTX": Stock(173.9, 0.6, 0.6, 1.5),
    "GD": Stock(343.2, 0.6, 0.6, 1.5),
    "HII": Stock(318.4, 0.8, 0.6, 1.6),
    "HWM": Stock(201.3, 0.8, 1.0, 1.6),
    "AVAV": Stock(303.7, 1.3, 1.2, 2.1, NASDAQ),
    "KTOS": Stock(76.8, 1.4, 1.3, 2.2, NASDAQ),
    "ISRG": Stock(556.1, 0.7, 1.0, 1.6, NASDAQ),
    "LLY": Stock(1034.5, 0.8, 0.6, 1.6),
    "FIGR": Stock(38.2, 0.9, 0.9, 1.9, NASDAQ),
    "VMC": Stock(287.9, 0.6, 0.8, 1.5),
    "MLM": Stock(611.2, 0.6, 0.8, 1.5),
    "MP": Stock(62.4, 1.5, 1.3, 2.3),
    "XYL": Stock(147.3, 0.6, 0.9, 1.5),
    "AWK": Stock(131.6, 0.5, 0.4, 1.4),
    "WTRG": Stock(39.4, 0.5, 0.4, 1.4),
    "GLD": Stock(377.8, 0.5, 0.1, 1.4, ARCA),
    "URNM": Stock(53.6, 1.3, 1.2, 2.1, ARCA),
    "IBIT": Stock(58.9, 1.4, 1.4, 2.1, NASDAQ),
    "ARKK": Stock(81.2, 1.0, 1.6, 1.9, ARCA),
    "SPY": Stock(672.4, 0.0, 1.0, 1.0, ARCA),
}
SYMBOLS = tuple(symbol for symbol in STOCKS if symbol != "SPY")  # what the bot watches; SPY is for its owner

LOOKBACK_DAYS = 20
LONGEST_LOOKBACK = 250
REGULAR_MINUTES = 390
MARKET_NOISE = 0.35  # percent a day
GAP = 0.4  # an overnight gap, as a share of a day's move
EXTENDED_QUIET = 0.15  # a minute outside the regular session, as a share of one inside
REVERSION = 0.14  # share of the distance to the anchor that heals in a day
RESIGNATION = 0.06  # share of it that the anchor gives in to
DRIFT = 0.0002  # a day
HALF_SPREAD = 0.0005
_POOL = 1 << 14


class Market:
    """Prices in dollars inside, whole cents outside (`cents`), all lists in the order of `STOCKS`."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(f"market {seed}")
        self._pool = [self._random.gauss(0, 1) for _ in range(_POOL)]
        self.symbols = tuple(STOCKS)
        self.index = {symbol: i for i, symbol in enumerate(STOCKS)}
        self.prices = [stock.price for stock in STOCKS.values()]
        self.anchors = list(self.prices)
        self._betas = [stock.beta for stock in STOCKS.values()]
        self._noises = [stock.noise * 0.8 / 100 for stock in STOCKS.values()]
        self._closes: deque[list[int]] = deque(maxlen=LONGEST_LOOKBACK - 1)
        self._lookback = LOOKBACK_DAYS
        self.highs: list[int] = []
        self.opens: list[int] = []
        self._round()
        for _ in range(LOOKBACK_DAYS):  # one more than the bot needs before its first day
            self._move(1.0, REVERSION)
            self.close_day()
        self.open_day()

    def _round(self) -> None:
        self.cents = [int(price * 100 + 0.5) for price in self.prices]

    def _move(self, share: float, reversion: float) -> None:
        """One step of `share` of a day's variance."""
        scale = math.sqrt(share)
        market = self._random.gauss(0, MARKET_NOISE / 100) * scale
        start = self._random.randrange(_POOL - len(self.prices))
        noise = self._pool[start : start + len(self.prices)]
        self.prices = [
            p + (a - p) * reversion + p * (b * market + s * scale * n)
            for p, a, b, s, n in zip(self.prices, self.anchors, self._betas, self._noises, noise, strict=True)
        ]
        self._round()

    def minute(self, session: Session) -> None:
        """The next minute of an open session."""
        if session == "regular":
            self._move(1 / REGULAR_MINUTES, REVERSION / REGULAR_MINUTES)
        elif session == "extended":
            self._move(EXTENDED_QUIET**2 / REGULAR_MINUTES, 0)

    def open_day(self) -> None:
        """A new trading day begins with a gap."""
        self.anchors = [(a + (p - a) * RESIGNATION) * (1 + DRIFT) for a, p in zip(self.anchors, self.prices, strict=True)]
        self._move(GAP**2, 0)
        self.opens = list(self.cents)
        self._find_highs()

    def close_day(self) -> None:
        """The closing bell: the day's close joins the window of the high."""
        self._closes.append(list(self.cents))
        self._find_highs()

    def look_back(self, days: int) -> None:
        """Let `dip` and `highs` take the highest close of the last `days` bars, today's included."""
        self._lookback = days
        self._find_highs()

    def closes(self) -> list[list[int]]:
        """The closes in cents that the released bot compares with today's, oldest first."""
        return [list(day) for day in self._closes][1 - LOOKBACK_DAYS :]

    def split(self, symbol: str, new: int, old: int) -> None:
        """Exchange every `old` shares for `new` ones: from now on the price is another, the closes before stay as they were."""
        i = self.index[symbol]
        self.prices[i] *= old / new
        self.anchors[i] *= old / new
        self.opens[i] = self.opens[i] * old // new
        self._round()

    def _find_highs(self) -> None:
        first = max(len(self._closes) - self._lookback + 1, 0)
        self.highs = [max(column) for column in zip(*islice(self._closes, first, None), strict=True)]

    def shock(self, symbol: str, change: float, lasting: bool = False) -> None:
        """A sudden move (-0.08: eight percent down) that heals as every distance from the anchor does, or never (`lasting`)."""
        self.prices[self.index[symbol]] *= 1 + change
        if lasting:
            self.anchors[self.index[symbol]] *= 1 + change
        self._round()

    def slump(self, change: float) -> None:
        """A sudden move of the whole market, by beta."""
        self.prices = [p * (1 + b * change) for p, b in zip(self.prices, self._betas, strict=True)]
        self._round()

    def bid(self, symbol: str) -> int:
        """Cents at which one can sell now."""
        price = self.cents[self.index[symbol]]
        return min(int(price * (1 - HALF_SPREAD)), price - 1)

    def ask(self, symbol: str) -> int:
        """Cents at which one can buy now."""
        price = self.cents[self.index[symbol]]
        return max(math.ceil(price * (1 + HALF_SPREAD)), price + 1)

    def dip(self, symbol: str) -> float:
        """The bid's distance from the high of the closes, today's price included: -0.05 is five percent below."""
        i = self.index[symbol]
        high = max(self.highs[i], self.cents[i])
        return (self.bid(symbol) - high) / high

    def dipping(self, depth: float) -> list[str]:
        """The symbols whose mid price is at least nearly `depth` (0.05) below their high; a fast first sieve."""
        floor = 1 - depth + HALF_SPREAD + 0.001
        return [s for s, c, h in zip(self.symbols, self.cents, self.highs, strict=True) if c < h * floor]

    def drop_today(self, symbol: str) -> float:
        """The change since today's open."""
        i = self.index[symbol]
        return self.cents[i] / self.opens[i] - 1

    def marks(self) -> dict[str, int]:
        """Cents by symbol."""
        return dict(zip(self.symbols, self.cents, strict=True))
