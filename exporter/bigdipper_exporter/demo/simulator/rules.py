"""Big Dipper's published rules: thresholds, sizing and limits as numbers and pure functions. Ratios, dollars, floats."""

from __future__ import annotations

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
MIN_ABSOLUTE_DIP = 0.05
BASE_POSITION, MAX_POSITION = 0.025, 0.15  # of equity
BASELINE_DIP, DIP_MULTIPLIER = 0.03, 1.75
BASELINE_RANGE = 0.02  # the average daily range that counts as volatility 1.0
MIN_ORDER = 100.0
BRAKE_LEVERAGE, MAX_LEVERAGE = 1.15, 1.20
MAX_MARGIN = 0.20
COOLDOWN_SECONDS = 3 * 3600
VOLATILE = frozenset({"IBIT", "ARKK", "KTOS", "FIGR", "URNM", "MP"})
INTRADAY_DROP, INTRADAY_MULTIPLIER = 0.06, 1.5
LIMIT_BELOW_ASK, LIMIT_ABOVE_BID = 0.005, 0.001
SCAN_SECONDS = 60
BRAKE_SCAN_CYCLES = (10, 20, 30)


def threshold(symbol: str) -> float:
    return THRESHOLDS.get(symbol, DEFAULT_THRESHOLD)


def score(dip: float, symbol: str) -> float:
    """How many times its threshold a dip (negative ratio) is."""
    return -dip / threshold(symbol)


def qualifies(dip: float, symbol: str) -> bool:
    """Whether a dip is deep enough, all else apart."""
    return -dip >= max(MIN_ABSOLUTE_DIP, threshold(symbol))


def order_value(dip: float, equity: float, held: float, volatility: float, intraday: float) -> float:
    """Dollars to buy: deeper dips more, wilder stocks less, never beyond the largest position; 0 when not worth it."""
    factor = -dip / BASELINE_DIP * DIP_MULTIPLIER / max(0.5, min(2.0, volatility)) * intraday
    wanted = min(equity * BASE_POSITION * factor, equity * MAX_POSITION) - held
    return wanted if wanted >= MIN_ORDER else 0.0


def retry_pause(failures: int) -> int:
    """Seconds to wait after the n-th cycle error in a row (n from 0)."""
    return min(10 << failures, 60)
