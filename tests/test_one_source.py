"""Figures of the business have one definition: boards and rules read them, they do not compute them from their parts.

Arithmetic between two metrics in a panel or a rule is listed here with its reason; a new one fails until it moves into the
exporter (formulas are in `money/`) or gets a reason.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from tests.grafana.asked import BOARDS
from tests.grafana.test_promql import TARGETS, parsed, selectors

ROOT = Path(__file__).resolve().parent.parent
ALERTS_AND_RECORDS = sorted((ROOT / "prometheus" / "rules").rglob("*.yml"))

# (operator, metrics on the left, metrics on the right) without the prefix -> why it is not a figure of its own.
REASONS = {
    ("/", "limit_level_ratio", "limit_ratio"): "a gauge's needle: how much of a limit is used",
    ("/", "bot_cash_usd", "bot_equity_usd"): "the log's own margin of v2.18, which prints none",
    (
        "*",
        "brake_active limit_level_ratio",
        "bot_equity_usd",
    ): "log only: the debt of the brake's own line, which prints a share",
    ("/", "account_maintenance_margin_usd", "account_equity_usd"): "the requirement beside others, as a share",
    ("/", "position_market_value_usd", "account_equity_usd"): "a position's share, sorted by Prometheus",
    (
        "/",
        "alpaca_info position_market_value_usd",
        "alpaca_info position_market_value_usd",
    ): "a symbol's share of what several accounts hold, which no exporter knows",
    ("/", "account_unrealized_pl_usd", "account_equity_usd"): "open losses by equity, from the broker",
    ("/", "bot_unrealized_pl_usd", "bot_equity_usd"): "the same from the log",
    ("*", "bot_config_setting", "threshold"): "a threshold from the bot's configuration",
    ("+", "account_equity_usd", "threshold"): "0 times the equity gives the threshold the labels of the account",
    ("/", "bot_cycle_duration_seconds_sum", "bot_cycle_duration_seconds_count"): "the mean of a histogram",
    ("+", "alpaca_up", "exporter_start_timestamp_seconds"): "an age where nothing was answered yet",
    ("-", "account_equity_usd", "account_maintenance_margin_usd"): "said in dollars in the message of the margin call",
    ("/", "alpaca_rate_limit_remaining", "alpaca_rate_limit"): "how much of the rate limit is left",
}


def names(node: Any) -> str:
    found = {
        selector.name.removeprefix("bigdipper_").removeprefix("bigdipper:") for selector in selectors(node) if selector.name
    }
    return " ".join(sorted(found))


def arithmetic(node: Any) -> Iterator[tuple[str, str, str]]:
    """Every operation between two expressions that both read metrics."""
    if isinstance(node, promql_parser.BinaryExpr) and str(node.op) in "+-*/%^":
        left, right = names(node.lhs), names(node.rhs)
        if left and right:
            yield str(node.op), left, right
    inner = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "param")] + list(getattr(node, "args", None) or [])
    for child in inner:
        if child is not None and not isinstance(child, str | float):
            yield from arithmetic(child)


def rules() -> list[tuple[str, str]]:
    found = []
    for path in ALERTS_AND_RECORDS:
        document = yaml.safe_load(path.read_text("utf-8"))
        for group in document.get("groups", ()) if isinstance(document, dict) else ():
            found += [(rule.get("alert") or rule["record"], rule["expr"]) for rule in group["rules"]]
    return found


EXPRESSIONS = [*TARGETS, *((name, str(expression)) for name, expression in rules())]


def test_rules_and_panels_are_found() -> None:
    assert len(rules()) > 50
    assert len(TARGETS) > 50


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS, ids=[where for where, _ in EXPRESSIONS])
def test_no_panel_or_rule_computes_a_figure_of_its_own(where: str, expression: str) -> None:
    for operation in arithmetic(parsed(expression)):
        assert operation in REASONS, f"{where} computes {operation}: define it in money/ and expose it, or give a reason"


def test_every_reason_is_still_needed() -> None:
    needed = {operation for _, expression in EXPRESSIONS for operation in arithmetic(parsed(expression))}
    assert set(REASONS) - needed == set()


# Columns of money whose combination is a figure: profit, return, drawdown, P&L by cost.
COLUMNS = (
    "equity cash starting_equity ending_equity peak_equity last_equity unrealized_pl cost_basis cash_flow deposits withdrawals"
)
MONEY = rf"(?:\w+\.)?(?:{'|'.join(COLUMNS.split())})"
COMPUTED = re.compile(rf"{MONEY}\s*[-+*/]\s*{MONEY}")


@pytest.mark.parametrize("board", BOARDS)
def test_no_sql_of_a_board_computes_a_figure_from_columns_of_money(board: str) -> None:
    found = [
        match[0]
        for panel in BOARDS[board]["panels"]
        for target in panel.get("targets", [])
        for match in COMPUTED.finditer(target.get("rawQueryText", ""))
    ]
    assert found == []
