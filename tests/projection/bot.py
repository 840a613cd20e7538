"""What the bot says, as it says it."""

from tests.oracle import unix

DAY = "2025-10-17"
ACCOUNT = "[ACCOUNT] equity=$20000.00 cash=$-500.00 leverage=102.5% margin_debt=$0.00 pl=$-342.10 pl_pct=-0.98%"
BRAKE = "⚠️  EMERGENCY BRAKE: Leverage 115.7% > 115.0%"
HALTING = "   HALTING ALL TRADING this cycle"
REGULAR = "☀️ Regular Hours (regular hours)"
OPPORTUNITY = "[OPPORTUNITY] AMD -6.21% @ $152.20 score=1.24x QUALIFIED"
BUY = (
    "💎 AMD BUY: -6.21% dip @ $152.20 (score: 1.24x)",
    "   📊 Filters: VolAdj 0.9x, Threshold: 5.00%, Intraday: -6.80% → 1.5x size",
)
TRADE = "[TRADE] BUY AMD: 10.0000 shares @ $152.35 = $1,523.50 (order 6f1c2a9e-0000-4000-8000-000000000001)"


def lines(time: str, *messages: str, level: str = "INFO", day: str = DAY) -> list[str]:
    """Messages of one moment, as the bot logs them."""
    return [f"{day} {time} [{level}] {message}" for message in messages]


def cycle(time: str, *messages: str, number: int = 1, day: str = DAY) -> list[str]:
    """A cycle as the bot logs it: its frame, and messages."""
    frame = [f"{day} {time} [INFO] ", "=" * 60]
    return frame + lines(time, f"Cycle #{number} - {time}", "=" * 60, *messages, day=day)


def at(time: str, day: str = DAY) -> float:
    return unix(f"{day} {time}")
