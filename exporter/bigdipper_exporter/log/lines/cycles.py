"""Cycles of the bot, and the market session as it sees it."""

from typing import NamedTuple

from bigdipper_exporter.log.rule import Rule, Tag, Unsigned

SESSIONS = ("regular", "extended", "closed")


class Cycle(NamedTuple):
    """A cycle began. Numbers restart at 1 with the bot."""

    number: int


class CycleTook(NamedTuple):
    """A cycle ended in the normal way."""

    seconds: Unsigned


class Session(NamedTuple):
    """The market session as the bot sees it: by time of day alone, so that weekends look like extended hours."""

    session: str


def _session(session: str, forms: str, pattern: str, *examples: str) -> Rule:
    return Rule(Session, forms, pattern, examples, {"session": session})


RULES = (
    Rule(Cycle, "D 16 17 18", "Cycle #<number>{ - <_>}", ("Cycle #412 - 09:31:00", "Cycle #412")),
    Rule(CycleTook, "16 17 18", "⏱️ Cycle took <seconds>s, sleeping <_>s...", ("⏱️  Cycle took 3.4s, sleeping 56.6s...",)),
    _session("extended", "16 17 18", "🌙 Pre-Market (extended hours)", "🌙 Pre-Market (extended hours)"),
    _session("extended", "16 17 18", "🌙 After-Hours (extended hours)", "🌙 After-Hours (extended hours)"),
    _session("regular", "16 17 18", "☀️ Regular Hours (regular hours)", "☀️ Regular Hours (regular hours)"),
    _session("closed", "16 17 18", "💤 Market closed. Next open: <_>", "💤 Market closed. Next open: 2025-10-17 09:30 ET"),
    _session("extended", "D", "Pre-Market", "Pre-Market"),
    _session("extended", "D", "After-Hours", "After-Hours"),
    _session("regular", "D", "Regular{ Hours}", "Regular"),
    _session("closed", "D", "Market closed{. <_>}", "Market closed"),
)

TAGS = (
    Tag("Cycle #", Cycle),
    Tag("⏱️ Cycle took", CycleTook),
)
