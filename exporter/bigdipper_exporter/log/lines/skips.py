"""Symbols that were not bought, with the reason."""

from typing import NamedTuple

from bigdipper_exporter.log.rule import Rule, Tag

# The bot prints these at DEBUG only, for the same symbols in every cycle: the log level must not change what counts as missed.
ROUTINE_REASONS = ("below_absolute_min", "below_threshold", "position_at_max", "cooldown", "too_small")
MISSED_REASONS = (
    "leverage_limit",
    "buying_power",
    "wash_sale_conflict",
    "not_fractionable",
    "no_quote",
    "order_failed",
    "other",
)
REASONS = ROUTINE_REASONS + MISSED_REASONS


class Skip(NamedTuple):
    """A symbol was not bought: `reason` is one of REASONS, `detail` the message (missed trades only).

    The hard limit, where the line names it: as margin (20.0) or as leverage (120.0), which are the same debt.
    """

    symbol: str
    reason: str
    dip_percent: float | None = None
    detail: str = ""
    margin_limit_percent: float | None = None
    leverage_limit_percent: float | None = None


def _skip(reason: str, forms: str, pattern: str, *examples: str) -> Rule:
    return Rule(Skip, forms, pattern, examples, {"reason": reason})


RULES = (
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
        "18",
        "<symbol>: Would exceed leverage limit (<_>% > <leverage_limit_percent>%)",
        "ISRG: Would exceed leverage limit (121.3% > 120.0%)",
    ),
    _skip(
        "leverage_limit",
        "16 17",
        "<symbol>: Would exceed margin limit (<_>% > <margin_limit_percent>%)",
        "ISRG: Would exceed margin limit (25.02% > 20.00%)",
    ),
    _skip("leverage_limit", "16 17 18", "<symbol>: Would exceed <kind> limit (<_>)", "ISRG: Would exceed leverage limit (n/a)"),
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
)

TAGS = (
    Tag("[SKIP]", Skip),
    Tag("❌ Failed to place order", Skip),
)
