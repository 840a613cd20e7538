"""Dips that qualified, and the orders that were submitted."""

from typing import NamedTuple

from bigdipper_exporter.log.rule import Rule, Tag, Unsigned


class Opportunity(NamedTuple):
    """A dip that qualified (DEBUG) or is about to be ordered (INFO): one and the same per cycle and symbol."""

    symbol: str
    dip_percent: float
    price: Unsigned
    score: float


class Filters(NamedTuple):
    """Why the opportunity just named qualified, and by how much its size was adapted."""

    volatility_factor: float
    threshold_percent: float
    intraday_percent: float | None = None
    size_factor: float | None = None


class Scan(NamedTuple):
    """A scan over all symbols ended."""

    found: int
    symbol: str | None = None
    dip_percent: float | None = None


class Trade(NamedTuple):
    """An order was submitted. Not a fill."""

    symbol: str
    quantity: Unsigned
    price: Unsigned
    total: Unsigned
    order_id: str | None = None


class CapitalExhausted(NamedTuple):
    """Capital ran out in this cycle; up to three of the skipped are listed after it."""

    skipped: int
    deployed: Unsigned


class LeftOut(NamedTuple):
    """One opportunity that was left out for lack of capital."""

    symbol: str
    dip_percent: float
    score: float


RULES = (
    Rule(
        Opportunity,
        "D 17 18",
        "[OPPORTUNITY] <symbol> <dip_percent>% @ $<price> score=<score>x{ QUALIFIED}",
        ("[OPPORTUNITY] AMD -6.21% @ $152.20 score=1.24x QUALIFIED", "[OPPORTUNITY] MP -1.41% @ $53.34 score=0.28x"),
    ),
    Rule(
        Opportunity,
        "16 17 18",
        "💎 <symbol> BUY: <dip_percent>% dip @ $<price> (score: <score>x)",
        ("💎 AMD BUY: -6.21% dip @ $152.20 (score: 1.24x)",),
    ),
    Rule(
        Filters,
        "16 17 18",
        " 📊 Filters: VolAdj <volatility_factor>x, Threshold: <threshold_percent>%"
        "{, Intraday: <intraday_percent>% → <size_factor>x size}",
        (
            "   📊 Filters: VolAdj 0.9x, Threshold: 5.00%, Intraday: -6.80% → 1.5x size",
            "   📊 Filters: VolAdj 0.9x, Threshold: 5.00%",
        ),
    ),
    Rule(
        Scan,
        "16 17 18",
        "🔍 Scan complete: <found> opportunities found{ | Largest dip: <symbol> <dip_percent>% | Priority: <_>}",
        (
            "🔍 Scan complete: 3 opportunities found | Largest dip: TER -9.44% | Priority: TER(2.36x), AMD(1.24x)",
            "🔍 Scan complete: 0 opportunities found",
        ),
    ),
    Rule(
        Trade,
        "17 18",
        "[TRADE] BUY <symbol>: <quantity> shares @ $<price> = $<total> (order <order_id>)",
        ("[TRADE] BUY MSFT: 10.0000 shares @ $483.08 = $4,830.80 (order 6f1c2a9e-0000-4000-8000-000000000001)",),
    ),
    Rule(
        Trade,
        "16",
        "✅ BUY <symbol>: <quantity> shares @ $<price> = $<total> (order <order_id>)",
        ("✅ BUY BRK.B: 2.5000 shares @ $1,034.50 = $2,586.25 (order 6f1c2a9e-0000-4000-8000-000000000002)",),
    ),
    Rule(Trade, "D", "[TRADE] BUY <symbol> <quantity> @ $<price> = $<total>", ("[TRADE] BUY MSFT 10 @ $483.08 = $4830.80",)),
    Rule(
        CapitalExhausted,
        "16 17 18",
        "💰 CAPITAL EXHAUSTED: Skipped <skipped> opportunities after deploying $<deployed> this cycle:",
        ("💰 CAPITAL EXHAUSTED: Skipped 2 opportunities after deploying $2,996.59 this cycle:",),
    ),
    Rule(
        LeftOut,
        "16 17 18",
        " ⏭️ <symbol> : <dip_percent>% dip (score: <score>x)",
        ("   ⏭️  TER   : -9.44% dip (score: 2.36x)",),
    ),
)

TAGS = (
    Tag("[TRADE]", Trade),
    Tag("✅ BUY ", Trade),
    Tag("[OPPORTUNITY]", Opportunity),
    Tag("💎 ", Opportunity),
    Tag(" 📊 Filters:", Filters),
    Tag("🔍 Scan complete:", Scan),
    Tag("💰 CAPITAL EXHAUSTED", CapitalExhausted),
    Tag(" ⏭️", LeftOut),
)
