"""`big-dipper-exporter backfill`: the archive's past as blocks for Prometheus, whose graphs then begin before its start."""

import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.store import connect_readonly

LABELS = {"bot": "big-dipper", "instance": "exporter:10077", "job": "bigdipper"}


@dataclass(frozen=True)
class Past:
    """Where the past of a metric stands: rows of (unix seconds, value, label values ...), in order of labels, then time."""

    name: str
    sql: str
    labels: tuple[str, ...] = ()
    counter: bool = False


def _account(name: str, column: str, source: str) -> Past:
    where = f"source = '{source}' AND {column} IS NOT NULL AND ts < :until"
    return Past(name, f"SELECT ts, {column} FROM account_history WHERE {where} ORDER BY ts")


def _position(name: str, column: str) -> Past:
    where = f"{column} IS NOT NULL AND quantity <> 0 AND ts < :until"
    return Past(name, f"SELECT ts, {column}, symbol FROM position_snapshots WHERE {where} ORDER BY symbol, ts", ("symbol",))


def _running(name: str, table: str, amount: str, column: str = "symbol", time: str = "ts") -> Past:
    total = f"sum({amount}) OVER (PARTITION BY {column} ORDER BY {time}, rowid)"
    sql = f"SELECT {time}, {total}, {column} FROM {table} WHERE {time} < :until ORDER BY {column}, {time}"
    return Past(name, sql, (column,), counter=True)


PAST = (
    _account("bigdipper_bot_equity_usd", "equity", "log"),
    _account("bigdipper_bot_cash_usd", "cash", "log"),
    _account("bigdipper_bot_margin_ratio", "margin_ratio", "log"),
    _account("bigdipper_bot_leverage_ratio", "leverage_ratio", "log"),
    _account("bigdipper_bot_unrealized_pl_usd", "pl_dollar", "log"),
    _account("bigdipper_account_equity_usd", "equity", "alpaca"),
    _account("bigdipper_account_cash_usd", "cash", "alpaca"),
    _account("bigdipper_account_margin_ratio", "margin_ratio", "alpaca"),
    _account("bigdipper_account_leverage_ratio", "leverage_ratio", "alpaca"),
    _position("bigdipper_position_market_value_usd", "market_value"),
    _position("bigdipper_position_unrealized_pl_usd", "unrealized_pl"),
    _running("bigdipper_trades_total", "trades", "1"),
    _running("bigdipper_trade_value_usd_total", "trades", "total_value"),
    _running("bigdipper_missed_trades_total", "skips", "1", "reason"),
)


def write_openmetrics(connection: sqlite3.Connection, out: IO[str], until: float, labels: dict[str, str]) -> int:
    """Write every metric of PAST up to `until` (unix seconds) in OpenMetrics text; the number of samples."""
    fixed = [f'{name}="{value}"' for name, value in sorted(labels.items())]
    samples = 0
    for past in PAST:
        family = past.name.removesuffix("_total") if past.counter else past.name
        out.write(f"# TYPE {family} {'counter' if past.counter else 'gauge'}\n")
        for line in _lines(connection, past, until, fixed):
            out.write(line)
            samples += 1
    out.write("# EOF\n")
    return samples


def _lines(connection: sqlite3.Connection, past: Past, until: float, fixed: list[str]) -> Iterator[str]:
    last: tuple[object, ...] | None = None
    for ts, value, *values in connection.execute(past.sql, {"until": until}):
        # Two rows of one millisecond would be two samples at one moment: Prometheus refuses that.
        moment = (round(ts, 3), *values)
        if moment == last:
            continue
        last = moment
        own = [f'{name}="{text}"' for name, text in zip(past.labels, values, strict=True)]
        yield f"{past.name}{{{','.join([*own, *fixed])}}} {value} {ts:.3f}\n"


def backfill(archive: Path, out: Path, until: float, labels: dict[str, str]) -> str:
    """Make Prometheus blocks in the folder `out`; a line that says what was made. ArchiveError says what is missing."""
    promtool = shutil.which("promtool")
    if promtool is None:
        raise ArchiveError("backfill needs promtool, which comes with Prometheus: install it, or run this where it is")
    if out.exists() and any(out.iterdir()):
        raise ArchiveError(f"backfill: --out {out} is not empty; name a new folder")
    with closing(connect_readonly(archive)) as connection, tempfile.NamedTemporaryFile("w", suffix=".om") as file:
        samples = write_openmetrics(connection, file, until, labels)
        file.flush()
        command = [promtool, "tsdb", "create-blocks-from", "openmetrics", file.name, str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ArchiveError(f"backfill: promtool failed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    blocks = sum(1 for path in out.iterdir() if (path / "meta.json").is_file())
    return f"{samples:,} samples in {blocks} blocks under {out}: move them into Prometheus' data folder and restart it"
