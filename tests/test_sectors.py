"""The sector file: the default covers the bot's symbols, a wrong one is one clear line per error."""

from pathlib import Path

import pytest

from bigdipper_exporter.config.yamlfile import ConfigError
from bigdipper_exporter.demo.simulator.market import SYMBOLS
from bigdipper_exporter.sectors import read_sectors


def test_the_default_file_knows_every_symbol_of_the_bot() -> None:
    assert set(SYMBOLS) <= set(read_sectors(None))


def test_an_owners_file_replaces_the_default(tmp_path: Path) -> None:
    file = tmp_path / "sectors.csv"
    file.write_text("symbol,sector\nBRK.B,Insurance\n\nNVDA,Chips\n")
    assert read_sectors(file) == {"BRK.B": "Insurance", "NVDA": "Chips"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("NVDA,Chips\n", ":1: the first line must be `symbol,sector`"),
        ("symbol,sector\nnvda,Chips\n", ":2: 'nvda,Chips'; allowed: a symbol in capitals"),
        ("symbol,sector\nNVDA\n", ":2: 'NVDA'; allowed"),
        ("", ":1: the first line must be"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "sectors.csv"
    file.write_text(text)
    with pytest.raises(ConfigError) as refusal:
        read_sectors(file)
    assert says in refusal.value.problems[0]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_sectors(tmp_path / "none.csv")
