"""A synthetic archive with market prices, and with all that the exporter derives from them.

    python -m tests.grafana.priced FILE YEARS

writes one that ends now, in about a minute a year: for a Grafana in which every board has years to draw.
"""

import random
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from bigdipper_exporter import calendar
from bigdipper_exporter.archive.broker.checkpoint import BrokerCheckpoint
from bigdipper_exporter.archive.price_tables import DailyPriceRow, PriceCoverageRow
from bigdipper_exporter.archive.prices import figures
from bigdipper_exporter.archive.prices.wanted import Scope
from bigdipper_exporter.archive.table import table_of
from bigdipper_exporter.durations import DAY
from tests.grafana import synthetic

BENCHMARK = "SPY"


def archive(path: Path, days: int, until: datetime, *, seed: int = 7) -> Path:
    """Write an archive that ends at `until`, with `days` calendar days before it."""
    synthetic.archive(path, days, until, seed=seed)
    now = until.timestamp()
    with closing(sqlite3.connect(path)) as connection, connection:
        sessions = _sessions(connection)
        for number, symbol in enumerate([*synthetic.SYMBOLS, BENCHMARK]):
            _prices(connection, symbol, sessions, now, random.Random(seed + number))
        replace(BrokerCheckpoint.load(connection), orders_done=True, activities_done=True).save(connection)
        scope = Scope(BENCHMARK, days * DAY, 0.0, tuple(synthetic.SYMBOLS))
        figures.write(connection, figures.derive(connection, scope, now))
        connection.execute("ANALYZE")
    return path


def _sessions(connection: sqlite3.Connection) -> list[str]:
    """The exchange's days; its holidays, of which the synthetic archive knows none, become days without trading."""
    days = [day for (day,) in connection.execute("SELECT date FROM daily_stats ORDER BY date")]
    closed = [(day,) for day in days if not calendar.is_trading_day(date.fromisoformat(day))]
    connection.executemany("UPDATE daily_stats SET trading_day = 0 WHERE date = ?", closed)
    return sorted({*days} - {day for (day,) in closed})


def _prices(connection: sqlite3.Connection, symbol: str, days: list[str], now: float, chance: random.Random) -> None:
    price, rows = chance.uniform(20, 500), []
    for day in days:
        price *= 1 + chance.gauss(0.0004, 0.015)
        bar = (price, 1.01 * price, 0.98 * price, price)
        rows.append(DailyPriceRow(symbol, day, *bar, 1e6, 1000, price, "iex", now, True))
    table_of(DailyPriceRow).write(connection, rows)
    table_of(PriceCoverageRow).write(connection, [PriceCoverageRow(symbol, days[0], days[-1], None, now)])


if __name__ == "__main__":
    file, years = sys.argv[1:]
    print(archive(Path(file), 365 * int(years), datetime.now(UTC)))
