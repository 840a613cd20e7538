"""Start and stop of the bot, and what it watches."""

from typing import NamedTuple

from bigdipper_exporter.log.rule import Rule, Tag


class Start(NamedTuple):
    """The bot started. The version may be wrong (v2.18 prints v2.16)."""

    version: str = "unknown"
    mode: str = "unknown"


class Watching(NamedTuple):
    """The symbols that the bot scans, separated by commas."""

    symbols: str


class Stop(NamedTuple):
    """The bot shut down in order."""


RULES = (
    Rule(Start, "17 18", "🌟 Big Dipper v<version> started in <mode> mode", ("🌟 Big Dipper v2.16 started in PAPER mode",)),
    Rule(Start, "16", "🌙 Little Dipper started in <mode> mode", ("🌙 Little Dipper started in PAPER mode",)),
    Rule(Watching, "16 17 18", "📊 Watching <_> symbols: <symbols>", ("📊 Watching 3 symbols: NVDA, AVGO, BRK.B",)),
    Rule(Stop, "16 17 18", "👋 Shutting down gracefully...", ("👋 Shutting down gracefully...",)),
    # The bot prints a line break before it, so that its header is on a line of its own.
    Rule(Stop, "16 17 18", "\n👋 Shutting down gracefully...", ("\n👋 Shutting down gracefully...",)),
)

TAGS = (
    Tag("📊 Watching", Watching),
    Tag("🌟 Big Dipper", Start),
)
