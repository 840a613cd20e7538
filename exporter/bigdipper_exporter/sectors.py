"""Which sector a symbol belongs to: a CSV file that the owner can edit, loaded into the archive for the dashboards."""

import csv
from importlib import resources
from pathlib import Path

from bigdipper_exporter.config.yamlfile import ConfigError
from bigdipper_exporter.files import read_regular
from bigdipper_exporter.symbols import is_symbol

MOST_BYTES = 4 << 20
HEADER = ["symbol", "sector"]


def read_sectors(path: Path | None) -> dict[str, str]:
    """Symbol -> sector from `path`, or from the file that comes with the exporter. ConfigError names file and line."""
    text = _text(path)
    name = path or "sectors.csv"
    rows = list(csv.reader(text.splitlines()))
    if not rows or rows[0] != HEADER:
        raise ConfigError([f"sectors.file: {name}:1: the first line must be `symbol,sector`"])
    problems = [
        f"sectors.file: {name}:{line}: {','.join(row)!r}; allowed: a symbol in capitals, a comma, its sector"
        for line, row in enumerate(rows[1:], 2)
        if row and not (len(row) == 2 and is_symbol(row[0]) and 0 < len(row[1].strip()) <= 60)
    ]
    if problems:
        raise ConfigError(problems)
    return {row[0]: row[1].strip() for row in rows[1:] if row}


def _text(path: Path | None) -> str:
    if path is None:
        return (resources.files("bigdipper_exporter") / "sectors.csv").read_text(encoding="utf-8")
    try:
        return read_regular(path, MOST_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError([f"sectors.file: {path} cannot be read: {reason}"]) from None
