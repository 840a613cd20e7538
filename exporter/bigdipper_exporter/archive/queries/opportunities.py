"""Dips that qualified, dips that were missed, and how deep they were."""

import sqlite3
from dataclasses import dataclass

from bigdipper_exporter.archive.bot_tables import OpportunityRow, SkipRow
from bigdipper_exporter.archive.queries.rows import Listing, columns_of, fetch

OPPORTUNITIES = Listing(OpportunityRow, "opportunities")
MISSED = Listing(SkipRow, "skips")


@dataclass(frozen=True, slots=True)
class Reason:
    """How many trades were missed for one reason."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Dips of `from_percent` up to one percent deeper, by what became of them. Percent, negative."""

    from_percent: int
    submitted: int
    not_bought: int


def best_scores(connection: sqlite3.Connection, since: float, limit: int) -> list[OpportunityRow]:
    """Return the dips with the highest scores since a time (unix seconds)."""
    sql = f"""SELECT {columns_of(OpportunityRow)} FROM opportunities
      WHERE ts >= ? AND score IS NOT NULL ORDER BY score DESC, ts DESC LIMIT ?"""
    return fetch(connection, OpportunityRow, sql, (since, limit))


def missed_by_reason(connection: sqlite3.Connection, since: float) -> list[Reason]:
    """Return missed trades since a time by reason, most first; `brake` are those that the brake's own lines counted."""
    sql = """SELECT reason, SUM(missed) AS count FROM (
        SELECT reason, 1 AS missed FROM skips WHERE ts >= :since
        UNION ALL SELECT 'brake', missed_opportunities FROM brake_events WHERE started >= :since AND missed_opportunities > 0)
      GROUP BY reason ORDER BY count DESC, reason"""
    return fetch(connection, Reason, sql, {"since": since})


def dip_distribution(connection: sqlite3.Connection, since: float) -> list[Bin]:
    """Return how deep the dips since a time were, in steps of one percent, the shallowest first; empty steps included."""
    sql = """WITH RECURSIVE
        dips AS (
          SELECT CAST(dip_percent AS INT) AS bin, outcome FROM opportunities WHERE ts >= :since AND dip_percent IS NOT NULL),
        bins(bin) AS (
          SELECT MAX(bin) FROM dips
          UNION ALL SELECT bin - 1 FROM bins WHERE bin > (SELECT MIN(bin) FROM dips) LIMIT 201)
      SELECT bin AS from_percent, COUNT(*) FILTER (WHERE outcome = 'submitted') AS submitted,
        COUNT(*) FILTER (WHERE outcome <> 'submitted') AS not_bought
      FROM bins LEFT JOIN dips USING (bin) WHERE bin IS NOT NULL GROUP BY bin ORDER BY bin DESC"""
    return fetch(connection, Bin, sql, {"since": since})
