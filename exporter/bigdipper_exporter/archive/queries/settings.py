"""The bot's own settings: now, as they were, and what is wrong with them."""

import sqlite3
from dataclasses import dataclass

from bigdipper_exporter.archive.queries.rows import fetch

MOST_CHANGES = 5000


@dataclass(frozen=True, slots=True)
class SettingNow:
    """A setting as the file has it. since: unix seconds of its last change; previous: its value before, None at first.

    author: who changed it, where `bot-config` or the API did.
    """

    setting: str
    value: str
    previous: str | None
    since: float
    author: str | None


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting got a value at `ts` (unix seconds); None: it was removed."""

    ts: float
    setting: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """A finding about the present configuration."""

    severity: str
    setting: str
    message: str


def settings_now(connection: sqlite3.Connection) -> list[SettingNow]:
    """Return every setting that the file has, by name; thresholds one by one as DIP_THRESHOLDS.SYMBOL."""
    sql = """SELECT setting, value, previous, ts AS since, author FROM bot_config
      WHERE id IN (SELECT MAX(id) FROM bot_config GROUP BY setting) AND value IS NOT NULL ORDER BY setting"""
    return fetch(connection, SettingNow, sql)


def history(connection: sqlite3.Connection) -> list[SettingChange]:
    """Return every change in order, the newest MOST_CHANGES."""
    sql = "SELECT * FROM (SELECT id, ts, setting, value FROM bot_config ORDER BY id DESC LIMIT ?) ORDER BY id"
    return [SettingChange(ts, setting, value) for _, ts, setting, value in connection.execute(sql, (MOST_CHANGES,))]


def findings(connection: sqlite3.Connection) -> list[Found]:
    """Return the findings, worst first."""
    sql = """SELECT severity, setting, message FROM bot_config_findings
      ORDER BY CASE severity WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, setting"""
    return fetch(connection, Found, sql)
