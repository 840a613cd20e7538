"""An archive by the real schema, filled with an invented but consistent life of a bot: for panels, counts and speed."""

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = sorted((ROOT / "exporter" / "bigdipper_exporter" / "archive" / "migrations").glob("*.sql"))
NEW_YORK = ZoneInfo("America/New_York")
SECTORS = [
    tuple(line.split(","))
    for line in (ROOT / "exporter" / "bigdipper_exporter" / "sectors.csv").read_text("utf-8").splitlines()[1:]
]
SYMBOLS = [symbol for symbol, _ in SECTORS[:44]]
MISSED = ("leverage_limit", "buying_power", "wash_sale_conflict", "not_fractionable", "order_failed")
ROUTINE = ("below_absolute_min", "below_threshold", "cooldown", "too_small")
OUTCOMES = ("submitted", "rejected", "capital", "too_small", "missed_brake")


@dataclass
class Life:
    """What goes on from day to day. Money in dollars."""

    chance: random.Random
    equity: float = 35_000.0
    peak: float = 1.0
    growth: float = 1.0
    ids: int = 0

    def number(self) -> int:
        """A new row id."""
        self.ids += 1
        return self.ids


def archive(path: Path, days: int, until: datetime, *, broker: bool = True, seed: int = 7) -> Path:
    """Writes an archive that ends at `until`, with `days` calendar days before it (weekends stay empty)."""
    connection = empty(path)
    life = Life(random.Random(seed))
    with connection:
        connection.executemany("INSERT INTO sectors VALUES (?, ?)", SECTORS)
        for back in range(days, -1, -1):
            day = until.astimezone(NEW_YORK).date() - timedelta(days=back)
            if day.weekday() < 5:
                _day(connection, life, day, until.timestamp(), broker)
        _settings(connection, until.timestamp())
    connection.execute("ANALYZE")
    connection.close()
    return path


def empty(path: Path) -> sqlite3.Connection:
    """A new archive by the project's own migrations."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    for migration in MIGRATIONS:
        connection.executescript(migration.read_text("utf-8"))
    return connection


def _insert(connection: sqlite3.Connection, table: str, rows: list[dict[str, object]]) -> None:
    if rows:
        names = ", ".join(rows[0])
        places = ", ".join(f":{name}" for name in rows[0])
        connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)


def _moments(day: date, until: float, step: int) -> Iterator[tuple[int, float]]:
    """Numbers and times from 04:00 to 20:00 New York."""
    start = datetime(day.year, day.month, day.day, 4, tzinfo=NEW_YORK).timestamp()
    for number in range(16 * 3600 // step):
        if start + number * step > until:
            return
        yield number, start + number * step


def _day(connection: sqlite3.Connection, life: Life, day: date, until: float, broker: bool) -> None:
    chance, text, opened = life.chance, day.isoformat(), life.equity
    drift = chance.gauss(0.0004, 0.009)
    account: list[dict[str, object]] = []
    scans: list[dict[str, object]] = []
    for number, ts in _moments(day, until, 60):
        life.equity = opened * (1 + drift * number / 960 + chance.gauss(0, 0.0004))
        cash = -0.08 * life.equity
        common = {
            "date": text,
            "equity": round(life.equity, 2),
            "cash": round(cash, 2),
            "margin_ratio": 0.08,
            "leverage_ratio": 1.08 + 0.05 * drift * number / 10,
            "margin_debt": -round(cash, 2),
            "pl_dollar": round(life.equity - opened, 2),
            "pl_percent": 100 * (life.equity / opened - 1),
        }
        own = {"last_equity": None, "long_market_value": None, "maintenance_margin": None}
        account.append(common | own | {"id": life.number(), "ts": ts, "source": "log", "cycle_number": number})
        if broker:
            more = {
                "last_equity": opened,
                "long_market_value": 1.08 * life.equity,
                "maintenance_margin": 0.3 * life.equity,
            }
            account.append(common | more | {"id": -life.number(), "ts": ts + 7.5, "source": "alpaca", "cycle_number": None})
        dips = {"largest_dip_symbol": "TER", "largest_dip_percent": chance.uniform(-9, -1)}
        scans.append({"id": life.number(), "ts": ts, "date": text, "cycle_number": number, "found": number % 40 == 0} | dips)
    _insert(connection, "account_history", account)
    _insert(connection, "scans", scans)
    if account:
        _events(connection, life, day, until, broker)
        if broker:
            _holdings(connection, life, day, until)
        _close(connection, life, day, float(str(account[0]["ts"])), opened, account, broker)


def _events(connection: sqlite3.Connection, life: Life, day: date, until: float, broker: bool) -> None:
    """Dips, trades with their orders and fills, skips, brakes, starts."""
    chance, text = life.chance, day.isoformat()
    rows: dict[str, list[dict[str, object]]] = {
        name: []
        for name in (
            "opportunities",
            "trades",
            "orders",
            "fills",
            "skips",
            "brake_events",
            "bot_events",
            "discrepancies",
            "activities",
            "wash_sales",
        )
    }
    for number, ts in _moments(day, until, 1500):
        symbol = chance.choice(SYMBOLS)
        price, dip = round(chance.uniform(20, 500), 2), round(chance.uniform(-12, -5), 2)
        outcome = "submitted" if number % 2 else chance.choice(OUTCOMES)
        base = {"ts": ts, "date": text, "cycle_number": number, "symbol": symbol}
        reason = chance.choice(MISSED) if outcome == "rejected" else None
        rows["opportunities"].append(
            base
            | {
                "id": life.number(),
                "dip_percent": dip,
                "price": price,
                "score": round(-dip / 5, 2),
                "outcome": outcome,
                "reason": reason,
            }
        )
        if outcome == "submitted":
            order = f"order-{text}-{number}"
            rows["trades"].append(
                base | {"id": life.number(), "quantity": 10.0, "price": price, "total_value": 10 * price, "order_id": order}
            )
            if broker:
                _order(rows, life, text, ts, symbol, price, order, number)
        elif outcome != "missed_brake":
            rows["skips"].append(
                base | {"id": life.number(), "reason": reason or "buying_power", "detail": "made up", "dip_percent": dip}
            )
    start = next(ts for _, ts in _moments(day, until, 60))
    rows["bot_events"].append(
        {"id": life.number(), "ts": start, "date": text, "kind": "start", "cause": "start", "detail": "v2.18 PAPER"}
    )
    if day.day % 6 == 0:
        rows["brake_events"].append(
            {
                "id": life.number(),
                "started": start + 20_000,
                "ended": start + 23_600,
                "date": text,
                "duration_seconds": 3600.0,
                "cycles": 60,
                "margin_ratio": None,
                "leverage_ratio": 1.157,
                "peak_ratio": 1.162,
                "margin_debt": 5480.82,
                "equity": life.equity,
                "position_value": 1.157 * life.equity,
                "reduce_usd": 144.22,
                "missed_opportunities": 2,
                "last_seen": start + 23_540,
            }
        )
        rows["bot_events"].append(
            {
                "id": life.number(),
                "ts": start + 9000,
                "date": text,
                "kind": "error",
                "cause": "cycle",
                "detail": "made up",
            }
        )
    if broker and day.day == 15:
        rows["activities"].append(
            {
                "activity_id": f"dividend-{text}",
                "ts": start,
                "date": text,
                "type": "DIV",
                "symbol": "XYL",
                "net_amount": 12.5,
                "status": "executed",
                "description": "made up",
            }
        )
        rows["discrepancies"].append(
            {
                "ts": start,
                "date": text,
                "kind": "fill_without_log",
                "symbol": "XYL",
                "order_id": f"lost-{text}",
                "detail": "made up",
            }
        )
        rows["wash_sales"].append(
            {
                "activity_id": f"sale-{text}",
                "symbol": "XYL",
                "sold": start,
                "date": text,
                "quantity": 10.0,
                "loss": 25.0,
                "window_end": start + 30 * 86400,
                "bought_before": 0.0,
                "bought_after": 5.0,
                "status": "known",
            }
        )
    for table, new in rows.items():
        _insert(connection, table, new)
    counts = [
        (int(ts) // 3600 * 3600, symbol, reason, 60)
        for _, ts in _moments(day, until, 3600)
        for symbol in SYMBOLS
        for reason in ROUTINE[:2]
    ]
    connection.executemany("INSERT OR IGNORE INTO skip_counts VALUES (?, ?, ?, ?)", counts)


def _order(
    rows: dict[str, list[dict[str, object]]],
    life: Life,
    text: str,
    ts: float,
    symbol: str,
    price: float,
    order: str,
    number: int,
) -> None:
    """What the broker made of a trade: most fill, some end without; now and then the position is sold again."""
    filled = number % 5 != 0
    took = life.chance.uniform(1, 600)
    got = round(price * (1 - life.chance.uniform(0, 0.001)), 2)
    rows["orders"].append(
        {
            "order_id": order,
            "symbol": symbol,
            "side": "buy",
            "type": "limit",
            "quantity": 10.0,
            "limit_price": price,
            "filled_quantity": 10.0 if filled else 0.0,
            "filled_avg_price": got if filled else None,
            "status": "filled" if filled else "expired",
            "date": text,
            "submitted": ts,
            "updated": ts + took,
            "filled": ts + took if filled else None,
            "ended": ts + took,
            "time_to_fill_seconds": took if filled else None,
            "slippage_bps": 10_000 * (got / price - 1) if filled else None,
            "extended_hours": 0,
            "in_log": 1,
        }
    )
    for side, gain in (("buy", None), ("sell", life.chance.gauss(8, 60))) if filled else ():
        rows["fills"].append(
            {
                "activity_id": f"{side}-{order}",
                "ts": ts + took + (60 if gain else 0),
                "date": text,
                "symbol": symbol,
                "side": side,
                "quantity": 10.0,
                "price": got,
                "value": 10 * got,
                "order_id": order,
                "realized_pl": round(gain, 2) if gain else None,
            }
        )


def _holdings(connection: sqlite3.Connection, life: Life, day: date, until: float) -> None:
    rows: list[dict[str, object]] = []
    for _, ts in _moments(day, until, 900):
        for place, symbol in enumerate(SYMBOLS[:18]):
            value, pl = (
                life.equity * (0.02 + 0.005 * place),
                life.equity * 0.06 * life.chance.gauss(0.02 * (place % 5 - 2), 0.01),
            )
            rows.append(
                {
                    "ts": ts,
                    "symbol": symbol,
                    "date": day.isoformat(),
                    "asset_class": "us_equity",
                    "quantity": 10.0 + place,
                    "market_value": value,
                    "cost_basis": value - pl,
                    "unrealized_pl": pl,
                    "unrealized_pl_pct": 100 * pl / (value - pl),
                    "intraday_pl": pl / 10,
                    "avg_entry_price": (value - pl) / (10 + place),
                    "current_price": value / (10 + place),
                }
            )
    _insert(connection, "position_snapshots", rows)


def _close(
    connection: sqlite3.Connection,
    life: Life,
    day: date,
    start: float,
    opened: float,
    account: list[dict[str, object]],
    broker: bool,
) -> None:
    """The day's line; every sum is what the day's rows say."""
    text = day.isoformat()

    def one(sql: str) -> float:
        return float(connection.execute(sql, (text,)).fetchone()[0])

    equities = [float(str(row["equity"])) for row in account]
    change = life.equity / opened - 1
    life.growth *= 1 + change
    life.peak = max(life.peak, life.growth)
    realized = one("SELECT TOTAL(realized_pl) FROM fills WHERE date = ?") if broker else None
    dividends = one("SELECT TOTAL(net_amount) FROM activities WHERE date = ?") if broker else None
    _insert(
        connection,
        "daily_stats",
        [
            {
                "date": text,
                "ts": start,
                "trading_day": 1,
                "cycles": len(account) // (2 if broker else 1),
                "trades_count": one("SELECT COUNT(*) FROM trades WHERE date = ?"),
                "total_deployed": one("SELECT TOTAL(total_value) FROM trades WHERE date = ?"),
                "equity_source": "alpaca" if broker else "log",
                "starting_equity": opened,
                "ending_equity": life.equity,
                "profit": life.equity - opened,
                "adjusted_peak": life.equity * life.peak / life.growth,
                "peak_equity": max(equities),
                "trough_equity": min(equities),
                "max_margin_ratio": 0.08,
                "max_leverage_ratio": 1.1,
                "brake_events": one("SELECT COUNT(*) FROM brake_events WHERE date = ?"),
                "brake_seconds": one("SELECT TOTAL(duration_seconds) FROM brake_events WHERE date = ?"),
                "missed_trades": one("SELECT COUNT(*) FROM skips WHERE date = ?"),
                "wash_trade_rejections": one("SELECT COUNT(*) FROM skips WHERE date = ? AND reason = 'wash_sale_conflict'"),
                "opportunities": one("SELECT COUNT(*) FROM opportunities WHERE date = ?"),
                "fills_count": one("SELECT COUNT(*) FROM fills WHERE date = ?"),
                "realized_pl": realized,
                "unrealized_change": None
                if realized is None or dividends is None
                else life.equity - opened - realized - dividends,
                "dividends": dividends,
                "fees": 0.0 if broker else None,
                "interest": 0.0 if broker else None,
                "cash_flow": 0.0 if broker else None,
                "other": 0.0 if broker else None,
                "return_ratio": change,
                "drawdown_ratio": life.growth / life.peak - 1,
            }
        ],
    )


def _settings(connection: sqlite3.Connection, now: float) -> None:
    """A configuration that changed once, and something wrong with it."""
    rows: list[dict[str, object]] = [
        {"ts": now - 86400, "setting": "MAX_POSITION_PCT", "value": "0.15", "previous": None},
        {"ts": now - 7200, "setting": "MAX_POSITION_PCT", "value": "0.20", "previous": "0.15"},
        {"ts": now - 86400, "setting": "USE_MARGIN", "value": "True", "previous": None},
        {"ts": now - 86400, "setting": "DIP_THRESHOLDS.NVDA", "value": "0.06", "previous": None},
    ]
    _insert(connection, "bot_config", rows)
    _insert(
        connection,
        "bot_config_findings",
        [{"ts": now - 7200, "severity": "warning", "setting": "MAX_POSITION_PCT", "message": "made up"}],
    )
