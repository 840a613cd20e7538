"""One literal changes, everything else of the file stays, and what cannot be edited says why."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigdipper_exporter.botconfig import source
from bigdipper_exporter.botconfig.edit import Edited, edit, literal, why_not
from bigdipper_exporter.botconfig.text import EditError
from bigdipper_exporter.botconfig.tree import parsed
from bigdipper_exporter.demo.simulator import botconfig as simulated
from tests.alpaca.test_bot_config import GOOD

PLAIN = """# Grenzen – für „meinen“ Bot → nicht ändern ohne Nachdenken 🐻
MAX_MARGIN_PCT      = 0.20   # hard limit
MARGIN_SAFETY_THRESHOLD = .15
USE_MARGIN = True; COOLDOWN_HOURS = 3
LOG_LEVEL = 'INFO'
DIP_THRESHOLDS = {
\t"DEFAULT": 0.05,   # 5 %
\t'PLTR'   : 0.07,
}
"""


def one(text: str | bytes, name: str, value: str) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return edit(data, [(name, value)]).after


def refused(text: str, name: str, value: str = "0.18") -> str:
    with pytest.raises(EditError) as error:
        edit(text.encode(), [(name, value)])
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "before", "after"),
    [
        ("MAX_MARGIN_PCT", "0.18", "= 0.20   # hard", "= 0.18   # hard"),
        ("MARGIN_SAFETY_THRESHOLD", "0.125", "= .15", "= 0.125"),
        ("USE_MARGIN", "false", "= True; COOL", "= False; COOL"),
        ("COOLDOWN_HOURS", "2.5", "HOURS = 3", "HOURS = 2.5"),
        ("COOLDOWN_HOURS", "12", "HOURS = 3", "HOURS = 12"),
        ("LOG_LEVEL", "debug", "'INFO'", "'DEBUG'"),
        ("DIP_THRESHOLDS.PLTR", "0.065", "'PLTR'   : 0.07", "'PLTR'   : 0.065"),
        ("DIP_THRESHOLDS.DEFAULT", "0.06", '"DEFAULT": 0.05,', '"DEFAULT": 0.06,'),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_only_the_literal_changes(name: str, value: str, before: str, after: str, end: str, mark: bytes) -> None:
    assert PLAIN.count(before) == 1
    data = mark + PLAIN.replace("\n", end).encode()
    assert one(data, name, value) == mark + PLAIN.replace(before, after).replace("\n", end).encode()


WATCHED = 'SYMBOLS = ["PLTR", "AMD", "BRK.B"]\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"DEFAULT": 0.05, "PLTR": 0.07}', '{"DEFAULT": 0.05, "PLTR": 0.07, "AMD": 0.06}'),
        ("{'DEFAULT': 0.05,}", "{'DEFAULT': 0.05, 'AMD': 0.06,}"),
        ("{'DEFAULT': 0.05  # the rest\n}", "{'DEFAULT': 0.05,  # the rest\n'AMD': 0.06,\n}"),
        (
            "{\n    'DEFAULT': 0.05,  # a, b\n    'X': 0.1, 'PLTR': 0.07  # 7, deep\n    # more\n}  # end",
            "{\n    'DEFAULT': 0.05,  # a, b\n    'X': 0.1, 'PLTR': 0.07,  # 7, deep\n    # more\n    'AMD': 0.06,\n}  # end",
        ),
        ("{\n\t'DEFAULT': 0.05,\n\t'PLTR': 0.07}", "{\n\t'DEFAULT': 0.05,\n\t'PLTR': 0.07, 'AMD': 0.06}"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_watched_symbol_gets_a_threshold_of_its_own(before: str, after: str, end: str) -> None:
    old, new = (f"{WATCHED}DIP_THRESHOLDS = {text}\nLOOKBACK_DAYS = 20\n".replace("\n", end) for text in (before, after))
    assert why_not(parsed(old.encode()), "DIP_THRESHOLDS.AMD") is None
    assert literal(parsed(old.encode()), "DIP_THRESHOLDS.AMD") == "0.05"
    edited = edit(old.encode(), [("DIP_THRESHOLDS.AMD", "0.06")])
    assert edited.after.decode() == new
    assert edited.changed == ("DIP_THRESHOLDS.AMD: DEFAULT (0.05) -> 0.06",)


@pytest.mark.parametrize(
    ("thresholds", "reason"),
    [
        ("{'DEFAULT': 0.05}", "TSLA: is not in SYMBOLS"),
        ("{}", "is not written as a dict"),
        ("dict({'DEFAULT': 0.05})", "is not written as a dict"),
        ("{**BASE, 'DEFAULT': 0.05}", "parts of it are computed"),
    ],
)
def test_where_no_threshold_can_be_added_it_says_why(thresholds: str, reason: str) -> None:
    assert reason in refused(f"BASE = {{}}\n{WATCHED}DIP_THRESHOLDS = {thresholds}\n", "DIP_THRESHOLDS.TSLA", "0.06")


def test_a_file_without_final_line_end_and_with_form_feeds_stays_so() -> None:
    text = "x = 1\n\x0c\nMAX_MARGIN_PCT = 0.2 \x0c # end"
    assert one(text, "MAX_MARGIN_PCT", "0.18") == text.replace("0.2 ", "0.18 ").encode()


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "cp1252"])
def test_the_encoding_of_the_file_is_kept(encoding: str) -> None:
    text = f"# -*- coding: {encoding} -*-\nNAME = 'größer'; MAX_MARGIN_PCT = 0.2  # für\n"
    assert one(text.encode(encoding), "MAX_MARGIN_PCT", "0.18") == text.replace("0.2 ", "0.18 ").encode(encoding)


def test_fields_of_a_dataclass_and_what_is_computed_from_them() -> None:
    edited = edit(GOOD.encode(), [("MAX_MARGIN_PCT", "0.25"), ("DIP_THRESHOLDS.AMD", "0.07"), ("COOLDOWN_HOURS", "4")])
    assert edited.changed == (
        "DIP_THRESHOLDS.AMD: 0.06 -> 0.07",
        "MAX_MARGIN_PCT: 0.2 -> 0.25",
        "MARGIN_SAFETY_THRESHOLD: 0.15000000000000002 -> 0.2",
        "COOLDOWN_HOURS: 3 -> 4",
    )
    lines = [line for line in edited.diff("config.py").splitlines() if line[:1] in "+-"]
    assert lines[:2] == ["--- a/config.py", "+++ b/config.py"]
    assert len(lines) == 8
    assert edited.before == GOOD.encode()


def test_every_setting_of_the_demo_that_is_a_plain_value_can_be_edited(tmp_path: Path) -> None:
    simulated.write(tmp_path / "config.py")
    file = parsed((tmp_path / "config.py").read_bytes())
    for name, value in simulated.settings().items():
        reason = why_not(file, name)
        assert (reason is None) == (isinstance(value, int | float | str) and name != "PAPER"), (name, reason)
        if reason is None:
            assert ast.literal_eval(literal(file, name)) == value


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("MAX_MARGIN_PCT = 0.2\nMAX_MARGIN_PCT = 0.3\n", "MAX_MARGIN_PCT", "is set more than once (lines 1, 2)"),
        (
            "class A:\n  MAX_MARGIN_PCT = 0.2\nclass B:\n  MAX_MARGIN_PCT = 0.2\n",
            "MAX_MARGIN_PCT",
            "more than once (lines 2, 4)",
        ),
        ("if x:\n  MAX_MARGIN_PCT = 0.2\n", "MAX_MARGIN_PCT", "under a condition"),
        ("MAX_MARGIN_PCT = 0.2\nMAX_MARGIN_PCT += 0.1\n", "MAX_MARGIN_PCT", "step by step"),
        (
            "MAX_MARGIN_PCT = 0.2\ndef f(self):\n  self.MAX_MARGIN_PCT = 1\n",
            "MAX_MARGIN_PCT",
            "under a condition or in a function",
        ),
        ("import os\nMAX_MARGIN_PCT = float(os.getenv('M', '0.2'))\n", "MAX_MARGIN_PCT", "comes from the environment (M)"),
        ("B = 2\nMAX_MARGIN_PCT = B / 10\n", "MAX_MARGIN_PCT", "is computed (B / 10)"),
        ("MAX_MARGIN_PCT = A = 0.2\n", "MAX_MARGIN_PCT", "together with another name"),
        ("MAX_MARGIN_PCT, A = 0.2, 1\n", "MAX_MARGIN_PCT", "step by step (line 1)"),
        ("A = 1\n", "MAX_MARGIN_PCT", "is not set in the file"),
        ("MAX_MARGIN_PCT = 0.2\n", "MAX_MARGIN_PCTT", "did you mean MAX_MARGIN_PCT?"),
        ("ALPACA_KEY = 'x'\n", "ALPACA_KEY", "is secret"),
        ("PAPER = True\n", "PAPER", "whether real money is traded"),
        ("SYMBOLS = ['A']\n", "SYMBOLS", "is a list"),
        ("DIP_THRESHOLDS = {'DEFAULT': 0.05}\n", "DIP_THRESHOLDS", "name one symbol"),
        ("DIP_THRESHOLDS = {'DEFAULT': 0.05}\n", "DIP_THRESHOLDS.AMD", "is not in SYMBOLS"),
        ("DIP_THRESHOLDS = {'DEFAULT': 0.05, 'A': 0.1, 'A': 0.2}\n", "DIP_THRESHOLDS.A", "is set 2 times"),
        ("X = {'A': 0.1}\nDIP_THRESHOLDS = {'DEFAULT': 0.05, **X}\n", "DIP_THRESHOLDS.A", "parts of it are computed"),
        (
            "DIP_THRESHOLDS = {'DEFAULT': 0.05}\nDIP_THRESHOLDS['A'] = 0.1\n",
            "DIP_THRESHOLDS.DEFAULT",
            "changed step by step (line 2)",
        ),
        (
            "DIP_THRESHOLDS = {'DEFAULT': 0.05}\nDIP_THRESHOLDS.update(A=1)\n",
            "DIP_THRESHOLDS.DEFAULT",
            "changed step by step (line 2)",
        ),
        (
            "DIP_THRESHOLDS = {'DEFAULT': 0.05}\ndel DIP_THRESHOLDS['A']\n",
            "DIP_THRESHOLDS.DEFAULT",
            "changed step by step (line 2)",
        ),
        ("DIP_THRESHOLDS = {'DEFAULT': 1 / 20}\n", "DIP_THRESHOLDS.DEFAULT", "is computed"),
        ("MAX_MARGIN_PCT = 0.2\n", "MAX_MARGIN_PCT.A", "only DIP_THRESHOLDS has parts"),
    ],
)
def test_what_cannot_be_edited_says_why(text: str, name: str, reason: str) -> None:
    assert reason in refused(text, name)
    assert reason in str(why_not(parsed(text.encode()), name))


def test_a_file_that_is_not_python_says_where() -> None:
    assert "the file cannot be read: line 1: it is not Python" in refused("class", "MAX_MARGIN_PCT")
    assert refused("# coding: klingon\n", "MAX_MARGIN_PCT").startswith("the file cannot be read")


def test_a_damaged_encoding_can_be_undone() -> None:
    for damaged in (b"# coding: klingon\nX = 1\n", b"# \xff\nX = 1\n"):
        assert "+X = 2" in Edited(damaged, b"X = 2\n", (), ()).diff("config.py").splitlines()


@pytest.mark.parametrize("value", ["03", "00", "-01", "020", "007.5"])
@pytest.mark.parametrize("name", ["COOLDOWN_HOURS", "LOOKBACK_DAYS", "DIP_THRESHOLDS.PLTR", "DIP_THRESHOLDS.AMD"])
def test_leading_zeros_are_refused(name: str, value: str) -> None:
    text = f"{WATCHED}COOLDOWN_HOURS = 3\nLOOKBACK_DAYS = 20\nDIP_THRESHOLDS = {{'DEFAULT': 0.05, 'PLTR': 0.07}}\n"
    assert "is not a plain number such as 0.05; allowed: " in refused(text, name, value)


def test_a_layout_that_an_entry_cannot_be_added_to_says_so() -> None:
    text = f"{WATCHED}DIP_THRESHOLDS = {{'DEFAULT': (0.05)}}\n"
    said = "DIP_THRESHOLDS.AMD: the change would touch more than its value; edit the file by hand"
    assert refused(text, "DIP_THRESHOLDS.AMD", "0.06") == said
    assert one(text, "DIP_THRESHOLDS.DEFAULT", "0.06") == text.replace("0.05", "0.06").encode()


@pytest.mark.parametrize(
    "value",
    ["", "x", "nan", "inf", "1e-2", "1_0", "0x1", "-0.1", "20", "0.2 # or 1", "0.1\n", "１", "__import__('os')", "9" * 40],
)
def test_values_that_are_not_allowed_say_what_is(value: str) -> None:
    said = (
        refused("MAX_MARGIN_PCT = 0.2\n", "MAX_MARGIN_PCT", value)
        if value.strip() != "0.1"
        else "allowed: at least 0, at most 1"
    )
    assert "allowed: at least 0, at most 1" in said


@pytest.mark.parametrize(
    ("text", "name", "value", "said"),
    [
        ("USE_MARGIN = True\n", "USE_MARGIN", "1", "neither True nor False"),
        ("LOG_LEVEL = 'INFO'\n", "LOG_LEVEL", "LOUD", "allowed: DEBUG, INFO"),
        ("LOG_LEVEL = 'INFO'\n", "LOG_LEVEL", "WARNING", "the log holds nothing that can be monitored"),
        ("LOOKBACK_DAYS = 20\n", "LOOKBACK_DAYS", "20.5", "at least 2, at most 250"),
        ("DIP_THRESHOLDS = {'DEFAULT': 0.05}\n", "DIP_THRESHOLDS.DEFAULT", "0", "above 0, at most 0.5"),
        ("BASE_POSITION_PCT = 0.02\nMAX_POSITION_PCT = 0.1\n", "MAX_POSITION_PCT", "0.01", "the bot will not start"),
        ("MARGIN_SAFETY_THRESHOLD = 0.1\nMAX_MARGIN_PCT = 0.2\n", "MARGIN_SAFETY_THRESHOLD", "0.3", "never acts before it"),
    ],
)
def test_changes_that_would_harm_are_refused(text: str, name: str, value: str, said: str) -> None:
    assert said in refused(text, name, value)


def test_all_changes_or_none() -> None:
    assert "is not set" in refused("MAX_MARGIN_PCT = 0.2\n", "LOOKBACK_DAYS", "30")
    with pytest.raises(EditError, match="MAX_MARGIN_PCT: is given more than once"):
        edit(b"MAX_MARGIN_PCT = 0.2\n", [("MAX_MARGIN_PCT", "0.1"), ("MAX_MARGIN_PCT", "0.3")])
    both = edit(
        b"MAX_MARGIN_PCT = 0.2\nMARGIN_SAFETY_THRESHOLD = 0.1\n",
        [("MARGIN_SAFETY_THRESHOLD", "0.3"), ("MAX_MARGIN_PCT", "0.4")],
    )
    assert both.after == b"MAX_MARGIN_PCT = 0.4\nMARGIN_SAFETY_THRESHOLD = 0.3\n"


@given(st.decimals(min_value="0.001", max_value="0.5", places=3), st.text(alphabet="# aé→\t", max_size=8))
def test_the_new_file_means_the_new_value_and_nothing_else_changed(value: object, comment: str) -> None:
    text = f"A = 1 #{comment}\nDIP_THRESHOLDS = {{'DEFAULT': 0.05, 'é': 0.1, 'PLTR': 0.2}} #{comment}\n"
    after = one(text, "DIP_THRESHOLDS.PLTR", str(value))
    assert source.read(after)["DIP_THRESHOLDS"].value["PLTR"] == float(str(value))
    assert after.decode().replace(f"'PLTR': {value}", "'PLTR': 0.2") == text


def test_what_was_wrong_before_is_kept_apart_from_the_change() -> None:
    text = "DIP_THRESHOLDS = {'AMD': 0.05}\nMAX_MARGIN_PCT = 0.2\n"
    edited = edit(text.encode(), [("MAX_MARGIN_PCT", "0.18")])
    assert [finding.setting for finding in edited.earlier] == ["DIP_THRESHOLDS"]
    assert edited.findings == ()
