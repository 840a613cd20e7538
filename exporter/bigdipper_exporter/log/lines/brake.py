"""The emergency brake, and the dips that it let pass."""

from typing import NamedTuple

from bigdipper_exporter.log.rule import Rule, Tag, Unsigned


class Brake(NamedTuple):
    """The emergency brake holds in this cycle, by margin (before v2.18) or leverage (v2.18)."""

    margin_percent: float | None = None
    leverage_percent: float | None = None
    limit_percent: float | None = None
    cycle: int | None = None


class BrakeDetail(NamedTuple):
    """Figures that follow a brake line in the same cycle."""

    position_value: float | None = None
    margin_debt: float | None = None
    equity: float | None = None
    reduce: float | None = None
    limit: float | None = None


class Missing(NamedTuple):
    """How many opportunities the brake let pass in this cycle; 0: none qualified."""

    missed: int = 0


class MissedByBrake(NamedTuple):
    """One opportunity that the brake let pass."""

    symbol: str
    dip_percent: float
    score: float
    price: Unsigned


RULES = (
    Rule(
        Brake,
        "18",
        "⚠️ EMERGENCY BRAKE: Leverage <leverage_percent>% > <limit_percent>%",
        ("⚠️  EMERGENCY BRAKE: Leverage 115.7% > 115.0%",),
    ),
    Rule(
        Brake,
        "17",
        "[BRAKE] 🛑 EMERGENCY BRAKE (cycle <cycle>): Margin at <margin_percent>%",
        ("[BRAKE] 🛑 EMERGENCY BRAKE (cycle 3): Margin at 15.73%",),
    ),
    Rule(
        Brake,
        "16",
        "🛑 EMERGENCY BRAKE (cycle <cycle>): Margin at <margin_percent>%",
        ("🛑 EMERGENCY BRAKE (cycle 3): Margin at 15.73%",),
    ),
    Rule(Brake, "D", "[BRAKE] EMERGENCY BRAKE: Margin at <margin_percent>%", ("[BRAKE] EMERGENCY BRAKE: Margin at 15.73%",)),
    Rule(
        BrakeDetail,
        "18",
        " Position value: $<position_value> (<_>% of equity)",
        ("   Position value: $23,048.62 (115.7% of equity)",),
    ),
    Rule(BrakeDetail, "18", " Limit: $<limit> (<_>% of equity)", ("   Limit: $22,904.40 (115% of equity)",)),
    Rule(BrakeDetail, "18", " Must reduce positions by $<reduce>", ("   Must reduce positions by $144.22",)),
    Rule(
        BrakeDetail,
        "16 17",
        " Margin debt: $<margin_debt> / Equity: $<equity>",
        ("   Margin debt: $5,480.82 / Equity: $34,842.64",),
    ),
    Rule(
        BrakeDetail,
        "16 17",
        " 💡 Reduce debt by $<reduce> to resume trading",
        ("   💡 Reduce debt by $254.42 to resume trading",),
    ),
    Rule(
        Missing,
        "16 17",
        "⚠️ MISSING <missed> opportunities due to emergency brake:",
        ("⚠️  MISSING 2 opportunities due to emergency brake:",),
    ),
    Rule(Missing, "18", " Missed <missed> opportunities during brake:", ("   Missed 2 opportunities during brake:",)),
    Rule(
        Missing,
        "16 17 18",
        " ✅ No qualifying opportunities at this time",
        ("   ✅ No qualifying opportunities at this time",),
    ),
    Rule(
        MissedByBrake,
        "16 17",
        " 💎 <symbol> : <dip_percent>% dip (score: <score>x) @ $<price>",
        ("   💎 AMD   : -6.21% dip (score: 1.24x) @ $152.20",),
    ),
)

TAGS = (
    Tag("[BRAKE]", Brake),
    Tag("🛑 EMERGENCY", Brake),
    Tag("⚠️ EMERGENCY", Brake),
    Tag("⚠️ MISSING", Missing),
    Tag(" 💎", MissedByBrake),
)
