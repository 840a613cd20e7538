"""The simulated bot's `config.py`, under the names of the real one's settings: the bot and the monitor read it."""

from pathlib import Path

from bigdipper_exporter.demo.simulator.rules import Settings

PUBLISHED = Settings()
MAX_POSITIONS = "MAX_TOTAL_POSITIONS"


def settings() -> dict[str, object]:
    """Name -> value. Ratios are ratios, durations are in the unit of the name."""
    return {
        "PAPER": True,
        "SYMBOLS": list(PUBLISHED.symbols),
        "DIP_THRESHOLDS": {"DEFAULT": PUBLISHED.default_threshold, **PUBLISHED.thresholds},
        "LOOKBACK_DAYS": 20,
        "BASE_POSITION_PCT": PUBLISHED.base_position,
        "MAX_POSITION_PCT": PUBLISHED.max_position,
        "DIP_MULTIPLIER": PUBLISHED.dip_multiplier,
        "MIN_ABSOLUTE_DIP": PUBLISHED.min_absolute_dip,
        MAX_POSITIONS: 20,
        "USE_MARGIN": True,
        "MAX_MARGIN_PCT": PUBLISHED.max_margin,
        "MARGIN_SAFETY_THRESHOLD": PUBLISHED.brake_margin,
        "COLLATERAL_POSITIONS": [],
        "COOLDOWN_HOURS": PUBLISHED.cooldown_hours,
        "ORDER_TIMEOUT_MINUTES": 15,
        "LIMIT_OFFSET_PCT": PUBLISHED.limit_below_ask,
        "VOLATILE_TICKERS": sorted(PUBLISHED.volatile),
        "INTRADAY_DROP_THRESHOLD": PUBLISHED.intraday_drop,
        "INTRADAY_MULTIPLIER": PUBLISHED.intraday_multiplier,
        "TRADE_EXTENDED_HOURS": True,
        "SCAN_INTERVAL_SEC": PUBLISHED.scan_seconds,
        "LOG_LEVEL": "INFO",
    }


def write(path: Path) -> None:
    """Write the file, whole or not at all."""
    lines = [f"{name} = {value!r}" for name, value in settings().items()]
    keys = [f"{name} = os.getenv({name!r})" for name in ("ALPACA_KEY", "ALPACA_SECRET")]
    _replace(path, "\n".join(["# Settings of the simulated bot.", "import os", "", *keys, *lines, ""]))


def owner_changes(path: Path) -> None:
    """Let the owner raise one limit, so that there is a change to see; whatever else was edited meanwhile stays."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    _replace(path, "".join(f"{MAX_POSITIONS} = 25\n" if line.startswith(MAX_POSITIONS) else line for line in lines))


def _replace(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
