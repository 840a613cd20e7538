"""The simulated bot's `config.py`, under the names of the real one's settings, for the monitor to read."""

from pathlib import Path

from bigdipper_exporter.demo.simulator import rules
from bigdipper_exporter.demo.simulator.market import SYMBOLS


def settings(max_positions: int = 20) -> dict[str, object]:
    """Name -> value. Ratios are ratios, durations are in the unit of the name."""
    return {
        "PAPER": True,
        "SYMBOLS": list(SYMBOLS),
        "DIP_THRESHOLDS": {"DEFAULT": rules.DEFAULT_THRESHOLD, **rules.THRESHOLDS},
        "LOOKBACK_DAYS": 20,
        "BASE_POSITION_PCT": rules.BASE_POSITION,
        "MAX_POSITION_PCT": rules.MAX_POSITION,
        "DIP_MULTIPLIER": rules.DIP_MULTIPLIER,
        "MIN_ABSOLUTE_DIP": rules.MIN_ABSOLUTE_DIP,
        "MAX_TOTAL_POSITIONS": max_positions,
        "USE_MARGIN": True,
        "MAX_MARGIN_PCT": rules.MAX_MARGIN,
        "MARGIN_SAFETY_THRESHOLD": round(rules.BRAKE_LEVERAGE - 1, 4),
        "COLLATERAL_POSITIONS": [],
        "COOLDOWN_HOURS": rules.COOLDOWN_SECONDS / 3600,
        "ORDER_TIMEOUT_MINUTES": 15,
        "LIMIT_OFFSET_PCT": rules.LIMIT_BELOW_ASK,
        "VOLATILE_TICKERS": sorted(rules.VOLATILE),
        "INTRADAY_DROP_THRESHOLD": rules.INTRADAY_DROP,
        "INTRADAY_MULTIPLIER": rules.INTRADAY_MULTIPLIER,
        "TRADE_EXTENDED_HOURS": True,
        "SCAN_INTERVAL_SEC": rules.SCAN_SECONDS,
        "LOG_LEVEL": "INFO",
    }


def write(path: Path, max_positions: int = 20) -> None:
    """Write the file, whole or not at all."""
    lines = [f"{name} = {value!r}" for name, value in settings(max_positions).items()]
    part = path.with_name(path.name + ".part")
    keys = [f"{name} = os.getenv({name!r})" for name in ("ALPACA_KEY", "ALPACA_SECRET")]
    part.write_text("\n".join(["# Settings of the simulated bot.", "import os", "", *keys, *lines, ""]), encoding="utf-8")
    part.replace(path)
