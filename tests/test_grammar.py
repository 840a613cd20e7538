"""The grammar: every rule reads its own examples, nothing else does, and damage never passes for an event."""

import re
from collections import Counter
from pathlib import Path

import pytest

from bigdipper_exporter.log.compile import SYMBOLS_KEPT, PerSymbol, read_message
from bigdipper_exporter.log.grammar import RULES, TAGS
from bigdipper_exporter.log.rule import Malformed, Rule, defaults_of, kind_of

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.log"))
EXAMPLES = [(rule, example) for rule in RULES for example in rule.examples]


@pytest.mark.parametrize(("rule", "example"), EXAMPLES, ids=[example for _, example in EXAMPLES])
def test_each_rule_reads_its_examples(rule: Rule, example: str) -> None:
    read = read_message(example.encode())
    assert read is not None
    event, forms = read
    assert type(event) is rule.event
    assert forms == rule.forms
    assert {name: getattr(event, name) for name in rule.fixed} == rule.fixed
    # Every number and word that a field took stands in the line, as it was printed.
    for name, value in event._asdict().items():
        if isinstance(value, float | int):
            printed = [float(text.replace(",", "")) for text in re.findall(r"[-+]?\d[\d,]*(?:\.\d+)?", example)]
            assert value in printed or value == defaults_of(rule.event).get(name)


@pytest.mark.parametrize(
    "message",
    [
        "note [TRADE] BUY MSFT 10 @ $483.08 = $4830.80",
        "[type=enum, input_value='ACCOUNT_CLOSED_PENDING'] [ACCOUNT] equity=$1.00 cash=$1.00 leverage=0.0%",
        "============================================================",
        "",
        "NVDA: -3.74% from 20d high (need -5.00%)",
        "📉 Default dip: 4.00%, Range: 3.0%-8.0%, Base position: 2.50%",
        "🚀 Starting main loop...",
        "Sleeping 300 seconds...",
        "✅ Order completed: ORCL 973721c1-a2df-a030-7d81-5c639cdb4e05",
        "  Pending this cycle: $996.90",
    ],
)
def test_other_lines_are_no_event(message: str) -> None:
    assert read_message(message.encode()) is None


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("[TRADE] BUY MSFT: 10.0000 shares @ $483.08 = $4,8", "trade"),
        ("[TRADE] SELL MSFT: 10.0000 shares @ $483.08 = $4,830.80 (order x)", "trade"),
        ("[TRADE] BUY msft 10 @ $483.08 = $4830.80", "trade"),
        ("[TRADE] BUY A2345678901234567 10 @ $483.08 = $4830.80", "trade"),
        ("[ACCOUNT] equity=$nan cash=$1 leverage=0.0%", "account"),
        ("[SKIP] not-a-symbol cooldown", "skip"),
        ("Cycle #abc", "cycle"),
        ("⚠️  EMERGENCY BRAKE: Leverage lots", "brake"),
        ("💎 AMD BUY: -6.21% dip", "opportunity"),
    ],
)
def test_a_known_tag_that_cannot_be_read_is_malformed(message: str, kind: str) -> None:
    read = read_message(message.encode())
    assert read is not None
    assert read[0] == Malformed(kind)


def test_ever_new_symbols_in_the_log_do_not_make_what_is_kept_of_them_grow() -> None:
    kept = PerSymbol(bytes.decode)
    for number in range(3 * SYMBOLS_KEPT):
        assert kept[b"S%d" % number] == f"S{number}"
        assert len(kept) <= SYMBOLS_KEPT


def test_every_tag_has_a_kind_that_the_metric_knows() -> None:
    from bigdipper_exporter.metrics.counters import MALFORMED

    assert {kind_of(tag.event) for tag in TAGS} <= set(MALFORMED)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_no_line_of_the_real_logs_is_malformed_and_each_form_is_recognised_by_its_own_lines(path: Path) -> None:
    forms: Counter[str] = Counter()
    for line in path.read_bytes().split(b"\n"):
        if line[19:21] != b" [":
            continue
        read = read_message(line[line.index(b"] ") + 2 :])
        if read is not None:
            assert not isinstance(read[0], Malformed), line
            forms[read[1]] += 1
    own = {"design": "D", "16": "16", "17": "17", "18": "18"}[re.search(r"design|1\d", path.name).group()]  # type: ignore[union-attr]
    single = {form for form in forms if " " not in form}
    assert single == {own} or (own == "16" and single <= {"16"})
