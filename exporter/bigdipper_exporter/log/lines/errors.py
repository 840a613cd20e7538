"""Halts for causes other than the brake, and errors."""

from typing import NamedTuple

from bigdipper_exporter.log.rule import Rule, Tag, Unsigned

HALT_CAUSES = ("brake", "positions_unavailable", "unexpected_error", "equity_not_positive")
ERROR_KINDS = ("cycle", "scan", "order", "order_management", "fatal")


class Halting(NamedTuple):
    """`HALTING ALL TRADING`: three causes print it, so it is never a cause itself."""


class Halt(NamedTuple):
    """Trading halted in this cycle for a cause other than the brake."""

    cause: str
    detail: str = ""


class Error(NamedTuple):
    """Something failed in the bot: `kind` is one of ERROR_KINDS."""

    kind: str
    detail: str = ""
    symbol: str | None = None


class Pause(NamedTuple):
    """The bot waits before it tries again after a cycle error."""

    seconds: Unsigned
    attempt: int


RULES = (
    Rule(Halting, "16 17 18", " HALTING ALL TRADING this cycle", ("   HALTING ALL TRADING this cycle",)),
    Rule(Halting, "16 17 18", "⏸️ HALTING ALL TRADING this cycle for safety", ("⏸️  HALTING ALL TRADING this cycle for safety",)),
    Rule(
        Halt,
        "16 17 18",
        "❌ POSITION TRACKING FAILED{<_>}",
        ("❌ POSITION TRACKING FAILED - SDK validation error",),
        {"cause": "positions_unavailable"},
    ),
    Rule(
        Halt,
        "16 17 18",
        "❌ UNEXPECTED ERROR getting positions: <_>",
        ("❌ UNEXPECTED ERROR getting positions: 'score'",),
        {"cause": "unexpected_error"},
    ),
    Rule(
        Halt,
        "16 17 18",
        "❌ CRITICAL: Account equity is $<_>",
        ("❌ CRITICAL: Account equity is $-12.00 (≤ 0) - halting trading",),
        {"cause": "equity_not_positive"},
    ),
    Rule(Error, "16 17 18", "❌ Cycle error: <_>", ("❌ Cycle error: connection reset",), {"kind": "cycle"}),
    Rule(Error, "16 17 18", "<symbol>: Scan error - <_>", ("AMD: Scan error - no bars",), {"kind": "scan"}),
    Rule(
        Error, "16 17 18", "Order management error: <_>", ("Order management error: timed out",), {"kind": "order_management"}
    ),
    Rule(Error, "16 17 18", "Fatal error: <_>", ("Fatal error: no credentials",), {"kind": "fatal"}),
    Rule(Error, "16 17 18", "❌ Fatal error: <_>", ("❌ Fatal error: no credentials",), {"kind": "fatal"}),
    Rule(
        Pause,
        "16 17 18",
        "⏸️ Pausing <seconds>s before retry (attempt <attempt>)...",
        ("⏸️  Pausing 10s before retry (attempt 1)...",),
    ),
)

TAGS: tuple[Tag, ...] = ()
