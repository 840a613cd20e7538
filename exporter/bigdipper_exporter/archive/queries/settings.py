"""The bot's own settings: now, as they were, and what is wrong with them."""

import sqlite3
from dataclasses import dataclass

from bigdipper_exporter.archive.queries.rows import fetch


@dataclass(frozen=True, slots=True)
class SettingNow:
    """A setting as the file has it. since: unix seconds of its last change; previous: its value before, None at first."""

    setting: str
    value: str
    previous: str | None
    since: float


@dataclass(frozen=True, slots=True)
class Found:
    """A finding about the present configuration."""

    severity: str
    setting: str
    message: str


def settings_now(connection: sqlite3.Connection) -> list[SettingNow]:
    """Return every setting that the file has, by name; thresholds one by one as DIP_THRESHOLDS.SYMBOL."""
    sql = """SELECT setting, value, previous, ts AS since FROM bot_config
      WHERE id IN (SELECT MAX(id) FROM bot_config GROUP BY setting) AND value IS NOT NULL ORDER BY setting"""
    return fetch(connection, SettingNow, sql)


def findings(connection: sqlite3.Connection) -> list[Found]:
    """Return the findings, worst first."""
    sql = """SELECT severity, setting, message FROM bot_config_findings
      ORDER BY CASE severity WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, setting"""
    return fetch(connection, Found, sql)
