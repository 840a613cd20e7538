"""Account, positions, winners and losers."""

from typing import NamedTuple

from bigdipper_exporter.log.rule import Rule, Tag, Unsigned


class Account(NamedTuple):
    """One account line; v2.17 prints two in each cycle, which are one snapshot."""

    equity: float
    cash: float
    margin_percent: float | None = None
    leverage_percent: float | None = None
    margin_debt: float | None = None
    pl: float | None = None
    pl_percent: float | None = None
    hard_limit_percent: float | None = None  # as margin


class Positions(NamedTuple):
    """How many stocks the bot holds, and what is invested."""

    stocks: int = 0
    invested: Unsigned = 0.0


class Movers(NamedTuple):
    """Winners or losers, top three: text like `MSFT +14.2%, BLV +9.8%`."""

    side: str
    movers: str


RULES = (
    Rule(
        Account,
        "18",
        "[ACCOUNT] equity=$<equity> cash=$<cash> leverage=<leverage_percent>%"
        "{ margin_debt=$<margin_debt> pl=$<pl> pl_pct=<pl_percent>%}",
        (
            "[ACCOUNT] equity=$34829.87 cash=$-2817.43 leverage=108.1% margin_debt=$0.00 pl=$-342.10 pl_pct=-0.98%",
            "[ACCOUNT] equity=$20000.00 cash=$20000.00 leverage=0.0%",
        ),
    ),
    Rule(
        Account,
        "D 17",
        "[ACCOUNT] equity=$<equity> cash=$<cash> margin=<margin_percent>%{ pl=$<pl> pl_pct=<pl_percent>%}",
        (
            "[ACCOUNT] equity=$35000.12 cash=$2500.00 margin=0.00% pl=$+342.10 pl_pct=+0.98%",
            "[ACCOUNT] equity=$20000.00 cash=$20000.00 margin=0.00%",
        ),
    ),
    Rule(
        Account,
        "16 17",
        "💰 Account: $<equity> equity, $<cash> cash, Margin: <margin_percent>%/<hard_limit_percent>%",
        ("💰 Account: $34,842.64 equity, $-5,480.82 cash, Margin: 15.73%/20.00%",),
    ),
    Rule(
        Account,
        "16 17",
        "💰 Account: $<equity> equity, $<cash> cash (<_>%)",
        ("💰 Account: $34,842.64 equity, $5,480.82 cash (12.50%)",),
    ),
    Rule(
        Positions,
        "16 17 18",
        "📊 Positions: <stocks> stocks, $<invested> invested (<_>%)",
        ("📊 Positions: 18 stocks, $32,297.46 invested (92.73%)",),
    ),
    Rule(Positions, "16 17 18", "📊 Positions: None", ("📊 Positions: None",)),
    Rule(Movers, "D 17 18", " Winners: <movers>", ("   Winners: MSFT +14.2%, BLV +9.8%",), {"side": "winners"}),
    Rule(Movers, "D 17 18", " Losers: <movers>", ("   Losers: KTOS -7.6%",), {"side": "losers"}),
)

TAGS = (
    Tag("[ACCOUNT]", Account),
    Tag("💰 Account:", Account),
    Tag("📊 Positions:", Positions),
)
