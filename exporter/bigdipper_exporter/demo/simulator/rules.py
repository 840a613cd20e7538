"""Big Dipper's published rules: thresholds, sizing and limits, as the bot takes them from its config.py. Ratios, dollars."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bigdipper_exporter.demo.simulator.market import LOOKBACK_DAYS, STOCKS, SYMBOLS

DEFAULT_THRESHOLD = 0.04
THRESHOLDS = {
    "MSFT": 0.03,
    "LLY": 0.03,
    "GLD": 0.03,
    "NVDA": 0.05,
    "AMD": 0.05,
    "PLTR": 0.06,
    "MRVL": 0.05,
    "DELL": 0.05,
    "FIGR": 0.07,
    "IBIT": 0.08,
    "ARKK": 0.08,
    "URNM": 0.07,
    "AVAV": 0.06,
    "KTOS": 0.07,
    "MP": 0.07,
    "CEG": 0.03,
    "NEE": 0.03,
    "AWK": 0.03,
    "WTRG": 0.03,
    "EQIX": 0.035,
    "DLR": 0.035,
}
BASELINE_DIP = 0.03
BASELINE_RANGE = 0.02  # the average daily range that counts as volatility 1.0
MIN_ORDER = 100.0
LIMIT_ABOVE_BID = 0.001
BRAKE_SCAN_CYCLES = (10, 20, 30)
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run of the bot has read from its config.py; the defaults are those of the release."""

    symbols: tuple[str, ...] = SYMBOLS
    default_threshold: float = DEFAULT_THRESHOLD
    thresholds: Mapping[str, float] = field(default_factory=lambda: THRESHOLDS)
    min_absolute_dip: float = 0.05
    lookback_days: int = LOOKBACK_DAYS
    base_position: float = 0.025  # of equity, as the next
    max_position: float = 0.15
    dip_multiplier: float = 1.75
    brake_margin: float = 0.15
    max_margin: float = 0.20
    cooldown_hours: float = 3.0
    volatile: frozenset[str] = frozenset({"IBIT", "ARKK", "KTOS", "FIGR", "URNM", "MP"})
    intraday_drop: float = 0.06
    intraday_multiplier: float = 1.5
    limit_below_ask: float = 0.005
    scan_seconds: float = 60

    @property
    def brake_leverage(self) -> float:
        """Position value over equity from which the bot halts."""
        return 1 + self.brake_margin

    @property
    def max_leverage(self) -> float:
        """Position value over equity that no order may exceed."""
        return 1 + self.max_margin

    def threshold(self, symbol: str) -> float:
        return self.thresholds.get(symbol, self.default_threshold)

    def score(self, dip: float, symbol: str) -> float:
        """How many times its threshold a dip (negative ratio) is."""
        return -dip / self.threshold(symbol)

    def qualifies(self, dip: float, symbol: str) -> bool:
        """Whether a dip is deep enough, all else apart."""
        return -dip >= max(self.min_absolute_dip, self.threshold(symbol))

    def order_value(self, dip: float, equity: float, held: float, volatility: float, intraday: float) -> float:
        """Dollars to buy: deeper dips more, wilder stocks less, never beyond the largest position; 0 when not worth it."""
        factor = -dip / BASELINE_DIP * self.dip_multiplier / max(0.5, min(2.0, volatility)) * intraday
        wanted = min(equity * self.base_position * factor, equity * self.max_position) - held
        return wanted if wanted >= MIN_ORDER else 0.0


def load(path: Path) -> Settings:
    """Run the bot's own config.py, as the bot does by importing it. Whatever is wrong with the file is raised from there.

    The log level is not taken from it: the simulation chooses that by a flag.
    """
    known = runpy.run_path(str(path))
    thresholds = dict(known["DIP_THRESHOLDS"])
    return Settings(
        symbols=tuple(symbol for symbol in known["SYMBOLS"] if symbol in STOCKS),
        default_threshold=thresholds.pop("DEFAULT"),
        thresholds=thresholds,
        min_absolute_dip=known["MIN_ABSOLUTE_DIP"],
        lookback_days=known["LOOKBACK_DAYS"],
        base_position=known["BASE_POSITION_PCT"],
        max_position=known["MAX_POSITION_PCT"],
        dip_multiplier=known["DIP_MULTIPLIER"],
        brake_margin=known["MARGIN_SAFETY_THRESHOLD"],
        max_margin=known["MAX_MARGIN_PCT"],
        cooldown_hours=known["COOLDOWN_HOURS"],
        volatile=frozenset(known["VOLATILE_TICKERS"]),
        intraday_drop=known["INTRADAY_DROP_THRESHOLD"],
        intraday_multiplier=known["INTRADAY_MULTIPLIER"],
        limit_below_ask=known["LIMIT_OFFSET_PCT"],
        scan_seconds=known["SCAN_INTERVAL_SEC"],
    )


def retry_pause(failures: int) -> int:
    """Seconds to wait after the n-th cycle error in a row (n from 0)."""
    return min(10 << failures, 60)
