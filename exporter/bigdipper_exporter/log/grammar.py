"""The grammar of the bot's log, one table: each kind of line is an entry, and its examples are its tests.

A pattern is written like the line itself. `<name>` is a field of the event, `{...}` is optional, `<n>` matches a number, `<_>`
matches any text, and a run of spaces matches any run of spaces. A pattern matches a whole message, so that a line that was cut
short is no event. Log versions: D is the design document's, 16, 17 and 18 are releases. Order matters only among patterns that
match the same line.
"""

from typing import NamedTuple

from bigdipper_exporter.log import events as e
from bigdipper_exporter.log.events import Event


class Rule(NamedTuple):
    """One kind of line: its event, the log versions that print it, its pattern, its examples, and constant fields."""

    event: type[Event]
    forms: str
    pattern: str
    examples: tuple[str, ...]
    fixed: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default is never mutated


def _skip(reason: str, forms: str, pattern: str, *examples: str) -> Rule:
    return Rule(e.Skip, forms, pattern, examples, {"reason": reason})


def _session(session: str, forms: str, pattern: str, *examples: str) -> Rule:
    return Rule(e.Session, forms, pattern, examples, {"session": session})


RULES: tuple[Rule, ...] = (
    # -- skips first: at DEBUG they are nine lines in ten
    _skip(
        "below_absolute_min",
        "17 18",
        "[SKIP] <symbol> Dip <n>% < absolute min <_>%",
        "[SKIP] NVDA Dip -4.2% < absolute min 5.0%",
    ),
    _skip("below_absolute_min", "16", "<symbol>: Dip <n>% < absolute min <_>%", "NVDA: Dip -4.2% < absolute min 5.0%"),
    _skip("below_threshold", "17 18", "[SKIP] <symbol> Dip <n>% < threshold <_>%", "[SKIP] PLTR Dip -5.1% < threshold 6.0%"),
    _skip("below_threshold", "16", "<symbol>: Dip <n>% < threshold <_>%", "PLTR: Dip -5.1% < threshold 6.0%"),
    _skip("cooldown", "16 17 18", "<symbol>: Cooldown active (local cache)", "AMD: Cooldown active (local cache)"),
    _skip("cooldown", "17 18", "[SKIP] <symbol> Cooldown: <_>h < <_>h", "[SKIP] AMD Cooldown: 1.2h < 3h"),
    _skip("cooldown", "D", "[SKIP] <symbol> cooldown{ (<_>)}", "[SKIP] AMD cooldown"),
    _skip("position_at_max", "17 18", "[SKIP] <symbol> Position $<_> at max $<_>", "[SKIP] META Position $5132 at max $5250"),
    _skip("position_at_max", "16", "<symbol>: Position $<_> at max $<_>", "META: Position $5132 at max $5250"),
    _skip(
        "leverage_limit",
        "16 17 18",
        "<symbol>: Would exceed <kind> limit (<_>)",
        "ISRG: Would exceed leverage limit (121.3% > 120.0%)",
        "ISRG: Would exceed margin limit (25.02% > 20.00%)",
    ),
    _skip(
        "buying_power",
        "16 17 18",
        "<symbol>: Insufficient buying power{ (<_>)}",
        "ISRG: Insufficient buying power (need $1,700.00, have $12.00)",
    ),
    _skip("too_small", "16 17 18", "<symbol>: Position size too small{ (<_>)}", "AMD: Position size too small (0.0041 shares)"),
    _skip(
        "wash_sale_conflict",
        "D 17 18",
        "[SKIP] <symbol> wash_sale_conflict{ (<_>)}",
        "[SKIP] TER wash_sale_conflict (opposite order exists)",
        "[SKIP] MP wash_sale_conflict",
    ),
    _skip(
        "wash_sale_conflict",
        "16",
        "❌ Failed to place order for <symbol>: <_>potential wash trade<_>",
        '❌ Failed to place order for TER: {"code": 40310000, "message": "potential wash trade detected."}',
    ),
    _skip(
        "not_fractionable",
        "D 17 18",
        "[SKIP] <symbol> not_fractionable{ (<_>)}",
        "[SKIP] FIGR not_fractionable (use whole shares)",
    ),
    _skip(
        "not_fractionable",
        "16",
        "❌ Failed to place order for <symbol>: <_>not fractionable<_>",
        r'❌ Failed to place order for FIGR: {"code": 40310000, "message": "asset \"FIGR\" is not fractionable"}',
    ),
    _skip("no_quote", "16 17 18", "<symbol>: No quote available", "AMD: No quote available"),
    _skip("no_quote", "16 17 18", "<symbol>: No valid quote price{ (<_>)}", "AMD: No valid quote price (0.0)"),
    _skip(
        "order_failed",
        "16 17 18",
        "❌ Failed to place order for <symbol>: <_>",
        '❌ Failed to place order for AMD: {"message": "internal server error"}',
    ),
    _skip("order_failed", "16 17 18", "<symbol>: Execution error - <_>", "AMD: Execution error - timed out"),
    _skip("other", "D 17 18", "[SKIP] <symbol> <_>", "[SKIP] AMD the moon is full"),
    # -- opportunities and what became of them
    Rule(
        e.Opportunity,
        "D 17 18",
        "[OPPORTUNITY] <symbol> <dip_percent>% @ $<price> score=<score>x{ QUALIFIED}",
        ("[OPPORTUNITY] AMD -6.21% @ $152.20 score=1.24x QUALIFIED", "[OPPORTUNITY] MP -1.41% @ $53.34 score=0.28x"),
    ),
    Rule(
        e.Opportunity,
        "16 17 18",
        "💎 <symbol> BUY: <dip_percent>% dip @ $<price> (score: <score>x)",
        ("💎 AMD BUY: -6.21% dip @ $152.20 (score: 1.24x)",),
    ),
    Rule(
        e.Filters,
        "16 17 18",
        " 📊 Filters: VolAdj <volatility_factor>x, Threshold: <threshold_percent>%"
        "{, Intraday: <intraday_percent>% → <size_factor>x size}",
        (
            "   📊 Filters: VolAdj 0.9x, Threshold: 5.00%, Intraday: -6.80% → 1.5x size",
            "   📊 Filters: VolAdj 0.9x, Threshold: 5.00%",
        ),
    ),
    Rule(
        e.Scan,
        "16 17 18",
        "🔍 Scan complete: <found> opportunities found{ | Largest dip: <symbol> <dip_percent>% | Priority: <_>}",
        (
            "🔍 Scan complete: 3 opportunities found | Largest dip: TER -9.44% | Priority: TER(2.36x), AMD(1.24x)",
            "🔍 Scan complete: 0 opportunities found",
        ),
    ),
    Rule(
        e.Trade,
        "17 18",
        "[TRADE] BUY <symbol>: <quantity> shares @ $<price> = $<total> (order <order_id>)",
        ("[TRADE] BUY MSFT: 10.0000 shares @ $483.08 = $4,830.80 (order 6f1c2a9e-0000-4000-8000-000000000001)",),
    ),
    Rule(
        e.Trade,
        "16",
        "✅ BUY <symbol>: <quantity> shares @ $<price> = $<total> (order <order_id>)",
        ("✅ BUY BRK.B: 2.5000 shares @ $1,034.50 = $2,586.25 (order 6f1c2a9e-0000-4000-8000-000000000002)",),
    ),
    Rule(e.Trade, "D", "[TRADE] BUY <symbol> <quantity> @ $<price> = $<total>", ("[TRADE] BUY MSFT 10 @ $483.08 = $4830.80",)),
    Rule(
        e.CapitalExhausted,
        "16 17 18",
        "💰 CAPITAL EXHAUSTED: Skipped <skipped> opportunities after deploying $<deployed> this cycle:",
        ("💰 CAPITAL EXHAUSTED: Skipped 2 opportunities after deploying $2,996.59 this cycle:",),
    ),
    Rule(
        e.LeftOut,
        "16 17 18",
        " ⏭️ <symbol> : <dip_percent>% dip (score: <score>x)",
        ("   ⏭️  TER   : -9.44% dip (score: 2.36x)",),
    ),
    # -- the account
    Rule(
        e.Account,
        "18",
        "[ACCOUNT] equity=$<equity> cash=$<cash> leverage=<leverage_percent>%"
        "{ margin_debt=$<margin_debt> pl=$<pl> pl_pct=<pl_percent>%}",
        (
            "[ACCOUNT] equity=$34829.87 cash=$-2817.43 leverage=108.1% margin_debt=$0.00 pl=$-342.10 pl_pct=-0.98%",
            "[ACCOUNT] equity=$20000.00 cash=$20000.00 leverage=0.0%",
        ),
    ),
    Rule(
        e.Account,
        "D 17",
        "[ACCOUNT] equity=$<equity> cash=$<cash> margin=<margin_percent>%{ pl=$<pl> pl_pct=<pl_percent>%}",
        (
            "[ACCOUNT] equity=$35000.12 cash=$2500.00 margin=0.00% pl=$+342.10 pl_pct=+0.98%",
            "[ACCOUNT] equity=$20000.00 cash=$20000.00 margin=0.00%",
        ),
    ),
    Rule(
        e.Account,
        "16 17",
        "💰 Account: $<equity> equity, $<cash> cash, Margin: <margin_percent>%/<_>%",
        ("💰 Account: $34,842.64 equity, $-5,480.82 cash, Margin: 15.73%/20.00%",),
    ),
    Rule(
        e.Account,
        "16 17",
        "💰 Account: $<equity> equity, $<cash> cash (<_>%)",
        ("💰 Account: $34,842.64 equity, $5,480.82 cash (12.50%)",),
    ),
    Rule(
        e.Positions,
        "16 17 18",
        "📊 Positions: <stocks> stocks, $<invested> invested (<_>%)",
        ("📊 Positions: 18 stocks, $32,297.46 invested (92.73%)",),
    ),
    Rule(e.Positions, "16 17 18", "📊 Positions: None", ("📊 Positions: None",)),
    Rule(e.Movers, "D 17 18", " Winners: <movers>", ("   Winners: MSFT +14.2%, BLV +9.8%",), {"side": "winners"}),
    Rule(e.Movers, "D 17 18", " Losers: <movers>", ("   Losers: KTOS -7.6%",), {"side": "losers"}),
    # -- the cycle and the session
    Rule(e.Cycle, "D 16 17 18", "Cycle #<number>{ - <_>}", ("Cycle #412 - 09:31:00", "Cycle #412")),
    Rule(e.CycleTook, "16 17 18", "⏱️ Cycle took <seconds>s, sleeping <_>s...", ("⏱️  Cycle took 3.4s, sleeping 56.6s...",)),
    _session("extended", "16 17 18", "🌙 Pre-Market (extended hours)", "🌙 Pre-Market (extended hours)"),
    _session("extended", "16 17 18", "🌙 After-Hours (extended hours)", "🌙 After-Hours (extended hours)"),
    _session("regular", "16 17 18", "☀️ Regular Hours (regular hours)", "☀️ Regular Hours (regular hours)"),
    _session("closed", "16 17 18", "💤 Market closed. Next open: <_>", "💤 Market closed. Next open: 2025-10-17 09:30 ET"),
    _session("extended", "D", "Pre-Market", "Pre-Market"),
    _session("extended", "D", "After-Hours", "After-Hours"),
    _session("regular", "D", "Regular{ Hours}", "Regular"),
    _session("closed", "D", "Market closed{. <_>}", "Market closed"),
    # -- the brake
    Rule(
        e.Brake,
        "18",
        "⚠️ EMERGENCY BRAKE: Leverage <leverage_percent>% > <limit_percent>%",
        ("⚠️  EMERGENCY BRAKE: Leverage 115.7% > 115.0%",),
    ),
    Rule(
        e.Brake,
        "17",
        "[BRAKE] 🛑 EMERGENCY BRAKE (cycle <cycle>): Margin at <margin_percent>%",
        ("[BRAKE] 🛑 EMERGENCY BRAKE (cycle 3): Margin at 15.73%",),
    ),
    Rule(
        e.Brake,
        "16",
        "🛑 EMERGENCY BRAKE (cycle <cycle>): Margin at <margin_percent>%",
        ("🛑 EMERGENCY BRAKE (cycle 3): Margin at 15.73%",),
    ),
    Rule(e.Brake, "D", "[BRAKE] EMERGENCY BRAKE: Margin at <margin_percent>%", ("[BRAKE] EMERGENCY BRAKE: Margin at 15.73%",)),
    Rule(
        e.BrakeDetail,
        "18",
        " Position value: $<position_value> (<_>% of equity)",
        ("   Position value: $23,048.62 (115.7% of equity)",),
    ),
    Rule(e.BrakeDetail, "18", " Limit: $<limit> (<_>% of equity)", ("   Limit: $22,904.40 (115% of equity)",)),
    Rule(e.BrakeDetail, "18", " Must reduce positions by $<reduce>", ("   Must reduce positions by $144.22",)),
    Rule(
        e.BrakeDetail,
        "16 17",
        " Margin debt: $<margin_debt> / Equity: $<equity>",
        ("   Margin debt: $5,480.82 / Equity: $34,842.64",),
    ),
    Rule(
        e.BrakeDetail,
        "16 17",
        " 💡 Reduce debt by $<reduce> to resume trading",
        ("   💡 Reduce debt by $254.42 to resume trading",),
    ),
    Rule(
        e.Missing,
        "16 17",
        "⚠️ MISSING <missed> opportunities due to emergency brake:",
        ("⚠️  MISSING 2 opportunities due to emergency brake:",),
    ),
    Rule(e.Missing, "18", " Missed <missed> opportunities during brake:", ("   Missed 2 opportunities during brake:",)),
    Rule(
        e.Missing,
        "16 17 18",
        " ✅ No qualifying opportunities at this time",
        ("   ✅ No qualifying opportunities at this time",),
    ),
    Rule(
        e.MissedByBrake,
        "16 17",
        " 💎 <symbol> : <dip_percent>% dip (score: <score>x) @ $<price>",
        ("   💎 AMD   : -6.21% dip (score: 1.24x) @ $152.20",),
    ),
    # -- halts and errors
    Rule(e.Halting, "16 17 18", " HALTING ALL TRADING this cycle", ("   HALTING ALL TRADING this cycle",)),
    Rule(
        e.Halting, "16 17 18", "⏸️ HALTING ALL TRADING this cycle for safety", ("⏸️  HALTING ALL TRADING this cycle for safety",)
    ),
    Rule(
        e.Halt,
        "16 17 18",
        "❌ POSITION TRACKING FAILED{<_>}",
        ("❌ POSITION TRACKING FAILED - SDK validation error",),
        {"cause": "positions_unavailable"},
    ),
    Rule(
        e.Halt,
        "16 17 18",
        "❌ UNEXPECTED ERROR getting positions: <_>",
        ("❌ UNEXPECTED ERROR getting positions: 'score'",),
        {"cause": "unexpected_error"},
    ),
    Rule(
        e.Halt,
        "16 17 18",
        "❌ CRITICAL: Account equity is $<_>",
        ("❌ CRITICAL: Account equity is $-12.00 (≤ 0) - halting trading",),
        {"cause": "equity_not_positive"},
    ),
    Rule(e.Error, "16 17 18", "❌ Cycle error: <_>", ("❌ Cycle error: connection reset",), {"kind": "cycle"}),
    Rule(e.Error, "16 17 18", "<symbol>: Scan error - <_>", ("AMD: Scan error - no bars",), {"kind": "scan"}),
    Rule(
        e.Error, "16 17 18", "Order management error: <_>", ("Order management error: timed out",), {"kind": "order_management"}
    ),
    Rule(e.Error, "16 17 18", "Fatal error: <_>", ("Fatal error: no credentials",), {"kind": "fatal"}),
    Rule(e.Error, "16 17 18", "❌ Fatal error: <_>", ("❌ Fatal error: no credentials",), {"kind": "fatal"}),
    Rule(
        e.Pause,
        "16 17 18",
        "⏸️ Pausing <seconds>s before retry (attempt <attempt>)...",
        ("⏸️  Pausing 10s before retry (attempt 1)...",),
    ),
    # -- start and stop
    Rule(e.Start, "17 18", "🌟 Big Dipper v<version> started in <mode> mode", ("🌟 Big Dipper v2.16 started in PAPER mode",)),
    Rule(e.Start, "16", "🌙 Little Dipper started in <mode> mode", ("🌙 Little Dipper started in PAPER mode",)),
    Rule(e.Watching, "16 17 18", "📊 Watching <_> symbols: <symbols>", ("📊 Watching 3 symbols: NVDA, AVGO, BRK.B",)),
    Rule(e.Stop, "16 17 18", "👋 Shutting down gracefully...", ("👋 Shutting down gracefully...",)),
    # The bot prints a line break before it, so that its header is on a line of its own.
    Rule(e.Stop, "16 17 18", "\n👋 Shutting down gracefully...", ("\n👋 Shutting down gracefully...",)),
)

# Tags of the bot's lines. A line with one of them that no rule matches is malformed, and counted under this kind.
TAGS: tuple[tuple[str, str], ...] = (
    ("[TRADE]", "trade"),
    ("✅ BUY ", "trade"),
    ("[SKIP]", "skip"),
    ("[OPPORTUNITY]", "opportunity"),
    ("💎 ", "opportunity"),
    (" 📊 Filters:", "filters"),
    ("🔍 Scan complete:", "scan"),
    ("[ACCOUNT]", "account"),
    ("💰 Account:", "account"),
    ("💰 CAPITAL EXHAUSTED", "capital_exhausted"),
    (" ⏭️", "left_out"),
    ("📊 Positions:", "positions"),
    ("📊 Watching", "watching"),
    ("Cycle #", "cycle"),
    ("⏱️ Cycle took", "cycle_took"),
    ("[BRAKE]", "brake"),
    ("🛑 EMERGENCY", "brake"),
    ("⚠️ EMERGENCY", "brake"),
    ("⚠️ MISSING", "missing"),
    (" 💎", "missed_by_brake"),
    ("❌ Failed to place order", "skip"),
    ("🌟 Big Dipper", "start"),
)
