"""The bot's settings as the archive holds them: text by name, read back into values."""

import ast
import sqlite3
from collections.abc import Iterable
from dataclasses import replace

from bigdipper_exporter.archive.queries.settings import SettingNow, history, settings_now
from bigdipper_exporter.botconfig.expressions import Value
from bigdipper_exporter.botconfig.reader import BotConfigView, Reading, view
from bigdipper_exporter.botconfig.rules import RULES, THRESHOLDS


def archived_limits(connection: sqlite3.Connection) -> BotConfigView | None:
    """Return the view of the newest settings in the archive; None when no config.py was ever read."""
    rows = settings_now(connection)
    if not rows:
        return None
    changed = max(row.since for row in rows)
    return replace(view(Reading((), values_of(rows)), changed), history=tuple(history(connection)))


def values_of(rows: Iterable[SettingNow]) -> dict[str, Value]:
    """Read rows of the archive back into the values of known settings; what cannot be read back has a problem."""
    values: dict[str, Value] = {}
    thresholds: dict[str, object] = {}
    for row in rows:
        name, dot, symbol = row.setting.partition(".")
        if dot and name == THRESHOLDS:
            thresholds[symbol] = _literal(row.value)
        elif name in RULES:
            value = row.value.split(", ") if RULES[name].kind == "symbols" and row.value else _literal(row.value)
            values[name] = Value(value, 0, problem="not readable" if value is None else None)
    if thresholds:
        values[THRESHOLDS] = Value(thresholds, 0)
    return values


def _literal(text: str) -> object:
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, int | float | bool) else None
