"""The bot's config.py: read without running it, checked, watched, archived."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigdipper_exporter.botconfig import reader, source
from bigdipper_exporter.botconfig.reader import BotConfig, check
from bigdipper_exporter.botconfig.rules import RULES
from bigdipper_exporter.botconfig.source import APART, CHANGED, PROBLEMS, UNNAMED, UNSURE
from bigdipper_exporter.counters import Counters

GOOD = """
import os
from dataclasses import dataclass, field
from typing import List

SECONDS = 60

@dataclass
class Config:
    ALPACA_KEY: str = os.getenv("ALPACA_KEY", "")
    ALPACA_SECRET: str = os.getenv("ALPACA_SECRET", "")
    PAPER: bool = os.getenv("ALPACA_PAPER", "true").lower() == "true"
    SYMBOLS: List[str] = field(default_factory=lambda: ["AMD", "MSFT", "BRK.B"])
    DIP_THRESHOLDS: dict = field(default_factory=lambda: {"DEFAULT": 0.05, "AMD": 0.06, "MSFT": 3 / 100, "BRK.B": 0.05})
    LOOKBACK_DAYS: int = 20
    BASE_POSITION_PCT: float = 0.025
    MAX_POSITION_PCT: float = BASE_POSITION_PCT * 6
    DIP_MULTIPLIER: float = 1.75
    MIN_ABSOLUTE_DIP: float = 0.05
    MAX_TOTAL_POSITIONS: int = 20
    USE_MARGIN: bool = True
    MAX_MARGIN_PCT: float = 0.20
    MARGIN_SAFETY_THRESHOLD: float = MAX_MARGIN_PCT - 0.05
    COLLATERAL_POSITIONS: List[str] = field(default_factory=lambda: ["BIL"])
    COOLDOWN_HOURS: int = 3
    ORDER_TIMEOUT_MINUTES: int = 15
    LIMIT_OFFSET_PCT: float = 0.005
    VOLATILE_TICKERS: List[str] = field(default_factory=list)
    INTRADAY_DROP_THRESHOLD: float = 0.06
    INTRADAY_MULTIPLIER: float = 1.5
    TRADE_EXTENDED_HOURS: bool = True
    SCAN_INTERVAL_SEC: int = SECONDS
    LOG_LEVEL: str = os.getenv("LOG_LEVEL", "INFO")

    def validate(self) -> bool:
        if not self.ALPACA_KEY:
            raise ValueError("must be set")
        return True


config = Config()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.py"
    path.write_text(GOOD)
    return path


def worst(path: Path) -> set[tuple[str, str]]:
    return {(f.severity, f.setting) for f in check(path) if f.severity in ("error", "warning")}


def test_a_good_file_has_a_line_for_every_setting_and_nothing_wrong(file: Path) -> None:
    findings = check(file)
    assert worst(file) == set()
    assert set(RULES) <= {f.setting for f in findings}
    assert all("allowed: " in next(f.message for f in findings if f.setting == name) for name in RULES)


def test_values_are_computed_and_environment_defaults_are_marked(file: Path) -> None:
    settings = source.read(file.read_bytes())
    assert settings["MAX_POSITION_PCT"].value == pytest.approx(0.15)
    assert settings["MARGIN_SAFETY_THRESHOLD"].value == pytest.approx(0.15)
    assert settings["PAPER"].value is True
    assert settings["PAPER"].environment == ("ALPACA_PAPER",)
    assert settings["SCAN_INTERVAL_SEC"].value == 60
    assert settings["DIP_THRESHOLDS"].value["MSFT"] == 0.03


def test_nothing_in_the_file_is_ever_executed(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    path = tmp_path / "config.py"
    path.write_text(
        f"import pathlib\npathlib.Path({str(touched)!r}).touch()\n"
        f"class Config:\n    SCAN_INTERVAL_SEC = pathlib.Path({str(touched)!r}).touch() or 60\n"
        f"    LOOKBACK_DAYS = __import__('os').system('touch {touched}')\n    COOLDOWN_HOURS = (lambda: 3)()\n"
        "    MIN_ABSOLUTE_DIP = [1 for _ in range(3)]\n"
    )
    settings = source.read(path.read_bytes())
    assert all(settings[n].problem for n in ("SCAN_INTERVAL_SEC", "LOOKBACK_DAYS", "COOLDOWN_HOURS", "MIN_ABSOLUTE_DIP"))
    check(path)
    assert not touched.exists()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("MAX_MARGIN_PCT - 0.05", "0.25", ("error", "MARGIN_SAFETY_THRESHOLD")),
        ("MAX_MARGIN_PCT - 0.05", "MAX_MARGIN_PCT", ("warning", "MARGIN_SAFETY_THRESHOLD")),
        ("COOLDOWN_HOURS: int = 3", "COOLDOWN_HOURS: int = -1", ("error", "COOLDOWN_HOURS")),
        ("BASE_POSITION_PCT * 6", "0.02", ("error", "MAX_POSITION_PCT")),
        ('"DEFAULT": 0.05, ', "", ("error", "DIP_THRESHOLDS")),
        ('"AMD": 0.06', '"AMD": 6', ("error", "DIP_THRESHOLDS")),
        ('"AMD": 0.06', '"TSLA": 0.06', ("warning", "DIP_THRESHOLDS")),
        ('["AMD", "MSFT", "BRK.B"]', '["AMD", "amd"]', ("error", "SYMBOLS")),
        ('["AMD", "MSFT", "BRK.B"]', "[]", ("error", "SYMBOLS")),
        ('["AMD", "MSFT", "BRK.B"]', '["AMD", "AMD", "MSFT", "BRK.B"]', ("warning", "SYMBOLS")),
        ('["BIL"]', '["BIL", "AMD"]', ("warning", "COLLATERAL_POSITIONS")),
        ("default_factory=list", 'default_factory=lambda: ["XYZ"]', ("warning", "VOLATILE_TICKERS")),
        ("LOOKBACK_DAYS: int = 20", "LOOKBACK_DAYS: int = 20.5", ("error", "LOOKBACK_DAYS")),
        ("LOOKBACK_DAYS: int = 20", "LOOKBACK_DAYS: int = True", ("error", "LOOKBACK_DAYS")),
        ("LOOKBACK_DAYS: int = 20", 'LOOKBACK_DAYS: int = float("nan")', ("error", "LOOKBACK_DAYS")),
        ("LOOKBACK_DAYS: int = 20", "LOOKBACK_DAYS: int = days()", ("warning", "LOOKBACK_DAYS")),
        ("    LOOKBACK_DAYS: int = 20\n", "", ("warning", "LOOKBACK_DAYS")),
        ("USE_MARGIN: bool = True", "USE_MARGIN: bool = 'no'", ("error", "USE_MARGIN")),
        ("SECONDS = 60", "SECONDS = 5", ("warning", "SCAN_INTERVAL_SEC")),
        ('os.getenv("LOG_LEVEL", "INFO")', '"LOUD"', ("error", "LOG_LEVEL")),
        ('os.getenv("LOG_LEVEL", "INFO")', '"ERROR"', ("error", "LOG_LEVEL")),
        ('os.getenv("ALPACA_KEY", "")', '"PKLEAKED"', ("warning", "ALPACA_KEY")),
        ("config = Config()", "config = Config()\nif config:\n    config.MAX_MARGIN_PCT = 0.9", ("warning", "MAX_MARGIN_PCT")),
    ],
)
def test_what_is_wrong_is_named(file: Path, old: str, new: str, expected: tuple[str, str]) -> None:
    assert old in GOOD
    file.write_text(GOOD.replace(old, new))
    assert expected in worst(file)
    assert "PKLEAKED" not in "".join(map(str, check(file)))


@pytest.mark.parametrize(
    "name",
    [
        "BASE_POSITION_PCT",
        "MAX_POSITION_PCT",
        "DIP_MULTIPLIER",
        "ORDER_TIMEOUT_MINUTES",
        "INTRADAY_DROP_THRESHOLD",
        "INTRADAY_MULTIPLIER",
        "SCAN_INTERVAL_SEC",
    ],
)
def test_0_is_an_error_where_the_bot_would_do_nothing_or_everything_with_it(file: Path, name: str) -> None:
    file.write_text(f"{GOOD}config.{name} = 0\n")
    assert ("error", name) in {(f.severity, f.setting) for f in check(file) if "above 0" in f.message}


def test_a_later_assignment_on_the_object_counts(file: Path) -> None:
    file.write_text(GOOD + "config.COOLDOWN_HOURS = 4 + 1\n")
    assert source.read(file.read_bytes())["COOLDOWN_HOURS"].value == 5


@pytest.mark.parametrize("source", [b"def broken(:\n", b"\xff\xfe\x00", b"a = " + b"(" * 5000, b"x" * 2_000_000, b"\x00"])
def test_a_file_that_is_no_python_is_one_error(tmp_path: Path, source: bytes) -> None:
    path = tmp_path / "config.py"
    path.write_bytes(source)
    (finding,) = check(path)
    assert finding.severity == "error"
    assert str(path) in finding.message


def test_a_missing_file_is_one_error(tmp_path: Path) -> None:
    (finding,) = check(tmp_path / "nowhere.py")
    assert "No such file" in finding.message


@given(st.text(max_size=200))
def test_any_expression_is_a_value_or_a_problem(text: str) -> None:
    with contextlib.suppress(ValueError):
        source.read(f"class Config:\n    SCAN_INTERVAL_SEC = {text}\n".encode(errors="replace"))


class Turns:
    """What the main loop does with the source."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.source, self.connection = BotConfig(path, connection), connection
        self.source._look._patience = 30.0  # a busy machine may take longer than the 0.2 s that a look waits

    def turn(self) -> bool:
        self.source._look_at = 0.0
        if not self.source.pending():
            return False
        self.source.write(self.connection, Counters())
        self.source.commit()
        return True

    @property
    def view(self) -> Any:
        return self.source.view

    def rows(self) -> list[tuple[Any, ...]]:
        return self.connection.execute("SELECT setting, value, previous FROM bot_config ORDER BY id").fetchall()


def rewrite(path: Path, text: str) -> None:
    path.write_text(text)
    os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns + 1_000_000_000))


def test_the_file_is_archived_once_and_then_only_what_changes(file: Path, archive: sqlite3.Connection) -> None:
    turns = Turns(file, archive)
    assert turns.turn()
    first = turns.rows()
    assert ("DIP_THRESHOLDS.AMD", "0.06", None) in first
    assert ("SYMBOLS", "AMD, MSFT, BRK.B", None) in first
    assert not [r for r in first if "KEY" in r[0] or "SECRET" in r[0]]
    assert not turns.turn()
    rewrite(file, GOOD + "\n# a comment\n")
    assert turns.turn()
    assert turns.rows() == first, "another file, the same settings"
    rewrite(file, GOOD.replace("COOLDOWN_HOURS: int = 3", "COOLDOWN_HOURS: int = 4").replace(', "AMD": 0.06', ""))
    assert turns.turn()
    assert set(turns.rows()[len(first) :]) == {("DIP_THRESHOLDS.AMD", None, "0.06"), ("COOLDOWN_HOURS", "4", "3")}
    again = Turns(file, archive)
    before = again.rows()
    assert again.turn()
    assert again.rows() == before, "a restart is no change"


def test_the_view_carries_what_the_bot_really_uses(file: Path, archive: sqlite3.Connection) -> None:
    turns = Turns(file, archive)
    turns.turn()
    view = turns.view
    assert (view.up, view.brake, view.hard, view.uses_margin) == (True, pytest.approx(0.15), 0.20, True)
    assert view.thresholds == {"AMD": 0.06, "MSFT": 0.05, "BRK.B": 0.05}, "the absolute minimum counts for MSFT"
    assert view.numbers["MAX_POSITION_PCT"] == pytest.approx(0.15)
    assert view.numbers["USE_MARGIN"] == 1
    assert len(view.hash) == 12
    assert view.changed == pytest.approx(time.time(), abs=60)


def test_what_is_not_allowed_or_not_readable_is_not_shown_as_a_limit(file: Path, archive: sqlite3.Connection) -> None:
    file.write_text(GOOD.replace("PCT: float = 0.20", "PCT: float = 20").replace('lambda: ["AMD", "MSFT", "BRK.B"]', "symbols"))
    turns = Turns(file, archive)
    turns.turn()
    assert (turns.view.up, turns.view.hard, turns.view.brake) == (True, None, None)
    assert turns.view.thresholds["AMD"] == 0.06


def test_a_file_that_breaks_keeps_the_last_values_and_says_down(file: Path, archive: sqlite3.Connection) -> None:
    turns = Turns(file, archive)
    turns.turn()
    rewrite(file, "half a fi(")
    assert turns.turn()
    assert (turns.view.up, turns.view.hard, turns.view.counts["error"]) == (False, 0.20, 1)
    file.unlink()
    assert turns.turn()
    assert not turns.view.up
    file.write_text(GOOD)
    assert turns.turn()
    assert turns.view.up
    assert archive.execute("SELECT count(*) FROM bot_config_findings WHERE severity = 'error'").fetchone() == (0,)


def test_half_a_surrogate_pair_in_a_literal_harms_nobody(file: Path, archive: sqlite3.Connection) -> None:
    odd = GOOD.replace('"AMD": 0.06', '"\\ud800": "\\ud800"')
    file.write_text(odd.replace('"INFO"', '"\\ud800"') + "config.X2 = '\\ud800'\n")
    turns = Turns(file, archive)
    assert turns.turn()
    assert ("X2", "?", None) in turns.rows()


def test_rows_never_hold_a_secret(file: Path) -> None:
    file.write_text(GOOD.replace('os.getenv("ALPACA_SECRET", "")', '"s3cr3t"') + "config.MY_TOKEN = 's3cr3t'\n")
    reading = reader.read(file)
    assert reading.settings is not None
    assert "s3cr3t" not in repr(reader.flat(reading.settings)) + "".join(map(str, reading.findings))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("SYMBOLS += ['TER']", CHANGED),
        ("SYMBOLS.append('TER')", CHANGED),
        ("list.append(SYMBOLS, 'TER')", CHANGED),
        ("SYMBOLS.__iadd__(['TER'])", CHANGED),
        ("SYMBOLS[0] = 'TER'", CHANGED),
        ("del SYMBOLS[0]", CHANGED),
        ("del SYMBOLS", CHANGED),
        ("SYMBOLS, OTHER = ['TER'], 1", CHANGED),
        ("OTHER = (SYMBOLS := ['TER'])", CHANGED),
        ("OTHER = [(SYMBOLS := [n]) for n in ['TER']]", CHANGED),
        ("OTHER = [0 for SYMBOLS[0] in ['TER']]", CHANGED),
        ("OTHER = [0 for Config.SYMBOLS in [['TER']]]", CHANGED),
        ("Config.SYMBOLS.extend(['TER'])", CHANGED),
        ("OTHER = SYMBOLS; OTHER.append('TER')", CHANGED),
        ("setattr(Config, 'SYMBOLS', ['TER'])", CHANGED),
        ("Config.__setattr__('SYMBOLS', ['TER'])", CHANGED),
        ("delattr(Config, 'SYMBOLS')", CHANGED),
        ("globals()['SYMBOLS'] = ['TER']", CHANGED),
        ("del globals()['SYMBOLS']", CHANGED),
        ("globals()['SYMBOLS'][0] = 'TER'", CHANGED),
        ("vars(Config)['SYMBOLS'] = ['TER']", CHANGED),
        ("config.__dict__['SYMBOLS'] = ['TER']", CHANGED),
        ("globals().update(SYMBOLS=['TER'])", CHANGED),
        ("globals().update({'SYMBOLS': ['TER']})", CHANGED),
        ("globals().pop('SYMBOLS')", CHANGED),
        ("for SYMBOLS in (['TER'],): pass", UNSURE),
        ("async def f():\n        async for SYMBOLS in g(): pass", UNSURE),
        ("with open('x') as SYMBOLS: pass", UNSURE),
        ("with open('x') as (SYMBOLS, OTHER): pass", UNSURE),
        ("try: pass\n    except OSError as SYMBOLS: pass", UNSURE),
        ("match OTHER:\n        case SYMBOLS: pass", UNSURE),
        ("match OTHER:\n        case [1, *SYMBOLS]: pass", UNSURE),
        ("match OTHER:\n        case {1: 2, **SYMBOLS}: pass", UNSURE),
        ("match OTHER:\n        case (1 | 2) as SYMBOLS: pass", UNSURE),
        ("def change(): SYMBOLS.append('TER')", UNSURE),
        ("if OTHER: SYMBOLS, OTHER = ['TER'], 1", UNSURE),
        ("while OTHER: del SYMBOLS", UNSURE),
        ("def __post_init__(self): object.__setattr__(self, 'SYMBOLS', ['TER'])", UNSURE),
        ("def SYMBOLS(self): return ['TER']", PROBLEMS["named"]),
        ("class SYMBOLS: pass", PROBLEMS["named"]),
        ("from other import SYMBOLS", PROBLEMS["imported"]),
        ("from other import OTHER as SYMBOLS", PROBLEMS["imported"]),
        ("import other as SYMBOLS", PROBLEMS["imported"]),
        ("import SYMBOLS.other", PROBLEMS["imported"]),
        ("if OTHER: from other import SYMBOLS", PROBLEMS["imported"]),
        ("config = Config(SYMBOLS=['TER'])", PROBLEMS["passed"]),
        ("config = replace(config, SYMBOLS=['TER'])", PROBLEMS["passed"]),
        ("from other import *", UNNAMED),
        ("if OTHER: from other import *", UNNAMED),
        ("setattr(Config, name, ['TER'])", UNNAMED),
        ("setattr(*some)", UNNAMED),
        ("delattr(Config, name)", UNNAMED),
        ("globals()[name] = ['TER']", UNNAMED),
        ("globals().update(some)", UNNAMED),
        ("globals().update(**some)", UNNAMED),
        ("globals().clear()", UNNAMED),
        ("config.__dict__ = some", UNNAMED),
        ("config.__dict__ |= some", UNNAMED),
        ("def load(self, **some): self.__dict__.update(some)", UNNAMED),
        ("exec(some)", UNNAMED),
        ("builtins.exec(some)", UNNAMED),
        ("eval('SYMBOLS.append(1)')", CHANGED),
        ("eval('globals().update(some)')", UNNAMED),
        ("eval('not an expression')", UNNAMED),
        ("g = globals", UNNAMED),
        ("g = globals(); g[name] = ['TER']", UNNAMED),
        ("g: dict = vars(Config)", UNNAMED),
        ("OTHER = (g := config.__dict__)", UNNAMED),
        ("put = setattr", UNNAMED),
        ("list(map(setattr, a, b, c))", UNNAMED),
        ("partial(setattr, Config)(name, ['TER'])", UNNAMED),
        ("operator.setitem(globals(), 'SYMBOLS', ['TER'])", CHANGED),
        ("operator.setitem(globals(), name, ['TER'])", UNNAMED),
        ("operator.setitem(SYMBOLS, 0, 'TER')", CHANGED),
    ],
)
@pytest.mark.parametrize("place", ["top", "class"])
def test_a_setting_that_is_changed_in_another_way_than_by_assignment_is_not_believed(
    change: str, problem: str, place: str
) -> None:
    lines = f"    OTHER = 1\n    SYMBOLS = ['AMD']\n    {change}\n"
    symbols = source.read((dedent(lines) if place == "top" else f"class Config:\n{lines}").encode())["SYMBOLS"]
    assert (symbols.value, symbols.problem) == (None, problem)


@pytest.mark.parametrize(
    "change",
    [
        "from other import *\nSYMBOLS = ['AMD']",
        "setattr(Config, name, ['TER'])\nSYMBOLS = ['AMD']",
        "class SYMBOLS: pass\nSYMBOLS = ['AMD']",
        "import SYMBOLS\nSYMBOLS = ['AMD']",
        "SYMBOLS = ['AMD']\nOTHER = SYMBOLS\nOTHER = ['TER']",
        "SYMBOLS = ['AMD']\nOTHER = {SYMBOLS for SYMBOLS in 'TER'}",
        "SYMBOLS = ['AMD']\nimport os.SYMBOLS",
        "SYMBOLS = ['AMD']\nOTHER = getattr(Config, name), globals().get(name), vars(Config), config.__dict__.items()",
        "class Mode(Enum):\n    SYMBOLS = 1\nmode = Mode(1)\nSYMBOLS = ['AMD']\nOTHER = Mode(1)",
        "SYMBOLS = ['AMD']\nOTHER = dict(TER=1)",
        "SYMBOLS = ['AMD']\nOTHER = eval('1 + 1'), eval(os.getenv('N', '1')), sorted(vars(Config)), cursor.exec(1)",
        "class Config(metaclass=ABCMeta):\n    SYMBOLS = ['AMD']",
        "class Meta(type): pass\nclass Other(metaclass=Meta):\n    LIMIT = 1\nSYMBOLS = ['AMD']",
    ],
)
def test_what_changes_nothing_that_is_known_costs_no_setting(change: str) -> None:
    assert source.read(change.encode())["SYMBOLS"].value == ["AMD"]


@pytest.mark.parametrize(
    ("call", "unknown"),
    [
        ("Config()", set()),
        ("Config(['TER'])", {"SYMBOLS"}),
        ("Config(LIMIT=1)", {"LIMIT"}),
        ("Config(*some)", {"SYMBOLS", "LIMIT"}),
        ("Config(**some)", {"SYMBOLS", "LIMIT"}),
    ],
)
def test_a_field_that_is_passed_where_the_object_is_made_is_not_believed(call: str, unknown: set[str]) -> None:
    text = f"BRAKE = 0.15\nclass Config:\n    SYMBOLS: list = ['AMD']\n    LIMIT: float = BRAKE\nconfig = {call}\n"
    assert {name for name, value in source.read(text.encode()).items() if value.problem} == unknown


@pytest.mark.parametrize("header", ["Config(metaclass=Meta)", "Config(Base, metaclass=other.Meta)"])
def test_what_a_metaclass_may_change_is_not_believed(header: str) -> None:
    limit = source.read(f"OTHER = 1\nclass {header}:\n    LIMIT = 0.2\n".encode())
    assert {name for name, value in limit.items() if value.problem == PROBLEMS["made"]} == {"LIMIT"}


SINGLETON = """
class Meta({bases}):
    made = {{}}
    def {method}(cls, *arguments):
        return super().{method}(*arguments)
class Config(metaclass=Meta):
    LIMIT = 0.2
"""


@pytest.mark.parametrize(
    ("bases", "method", "is_believed"),
    [
        ("type", "__call__", True),
        ("ABCMeta", "__call__", True),
        ("type", "__new__", False),
        ("type", "__getattribute__", False),
        ("Other", "__call__", False),
    ],
)
def test_the_metaclass_of_a_singleton_changes_no_setting(bases: str, method: str, is_believed: bool) -> None:
    limit = source.read(SINGLETON.format(bases=bases, method=method).encode())["LIMIT"]
    assert (limit.value == 0.2) == is_believed


@pytest.mark.parametrize(
    ("body", "is_believed"),
    [
        ("values = vars(self); return values", True),
        ("values = self.__dict__; return {key: one for key, one in values.items()}", True),
        ("values: dict = vars(self)\n        for name in values: print(name, values[name])", True),
        ("values = vars(self); values[name] = 1", False),
        ("values = vars(self); values.update(some)", False),
        ("values = vars(self); change(values)", False),
        ("values = vars(self); values['LIMIT'].append(1)", False),
        ("values = vars(self); other = values; other[name] = 1", False),
        ("global values; values = vars(self)", False),
    ],
)
def test_settings_that_a_method_only_reads_are_believed(body: str, is_believed: bool) -> None:
    limit = source.read(f"class Config:\n    LIMIT = 0.2\n    def to_dict(self):\n        {body}\n".encode())["LIMIT"]
    assert (limit.value, limit.problem) == ((0.2, None) if is_believed else (None, UNNAMED))


def test_fields_that_pydantic_takes_from_the_environment_are_marked() -> None:
    limit = source.read(b"class Config(pydantic.BaseSettings):\n    LIMIT: float = 0.2\n")["LIMIT"]
    assert (limit.value, limit.environment) == (0.2, ("LIMIT",))


TWO = "class Paper:\n    LIMIT = 0.2\n    BRAKE = LIMIT - 0.1\nclass Live{}:\n    LIMIT = 0.1\n"


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (TWO.format("") + "config = Paper()\n", 0.2),
        (TWO.format("") + "config = Live()\n", 0.1),
        (TWO.format("(Paper)") + "config = Live()\n", 0.1),
        (TWO.format("(Paper)"), 0.1),
        (TWO.format("") + "class Own(Paper):\n    pass\nconfig = Own()\n", 0.2),
        (TWO.format("") + "config = Paper()\nconfig.LIMIT = 0.3\n", 0.3),
        (TWO.format("").replace("0.1\n", "0.2\n"), 0.2),
        (TWO.format(""), None),
        (TWO.format("") + "config = Paper() if paper else Live()\n", None),
        (TWO.format("") + "config = {'paper': Paper, 'live': Live}[mode]()\n", None),
        (TWO.format("(Paper)") + "config: Paper = Paper()\n", 0.2),
        (TWO.format("(Paper)") + "config = Paper.of_environment()\n", 0.2),
        (TWO.format("(Paper)") + "config = Live() if live else Paper()\n", None),
        (TWO.format("(Paper)") + "if live:\n    config = Live()\nelse:\n    config = Paper()\n", None),
        (TWO.format("(Paper)") + "config = Live()\ndef test():\n    config = Paper()\n", 0.1),
    ],
)
def test_of_several_classes_the_one_counts_that_the_bot_imports(text: str, limit: float | None) -> None:
    found = source.read(text.encode())["LIMIT"]
    assert (found.value, found.problem) == (limit, None if limit else APART)


def test_what_is_made_of_a_doubtful_setting_is_not_believed_either() -> None:
    read = source.read(b"BRAKE = 0.15\nif OTHER:\n    BRAKE = 0.3\nclass Config:\n    MARGIN_SAFETY_THRESHOLD: float = BRAKE\n")
    assert read["MARGIN_SAFETY_THRESHOLD"].value is None


def test_imports_and_names_of_comprehensions_are_no_settings() -> None:
    text = b"from logging import INFO\nfrom os import X1\nSYMBOLS = ['AMD']\nDIPS = {SYM: 0.05 for SYM in SYMBOLS}\n"
    assert set(source.read(text)) == {"SYMBOLS", "DIPS"}


def test_what_is_assigned_after_a_change_is_known_again() -> None:
    text = b"some = ['AMD']\nsome.append('TER')\nSYMBOLS = some\nsome = ['MP']\nOTHER = some\n"
    read = source.read(text)
    assert (read["SYMBOLS"].value, read["OTHER"].value) == (None, ["MP"])
