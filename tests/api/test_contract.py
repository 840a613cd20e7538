"""Every endpoint against plain SQL on the same archive."""

import math
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient

from bigdipper_exporter import calendar
from bigdipper_exporter.api.routes.opportunities import Reason
from bigdipper_exporter.archive.queries.rows import Cursor
from bigdipper_exporter.log.lines.skips import MISSED_REASONS
from bigdipper_exporter.money.returns import WINDOWS
from tests.api.conftest import NOW, Opened
from tests.cli.asked import here

DAYS = {period: length for period, length in WINDOWS.items() if length is not None}
TODAY = calendar.trading_day(NOW)


def get(api: TestClient, path: str) -> Any:
    answer = api.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def unix(text: str | None) -> float | None:
    """Seconds of an RFC 3339 time; it must name its zone."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo is not None
    return moment.timestamp()


def first_day(period: str) -> str:
    return (TODAY - timedelta(days=DAYS[period] - 1)).isoformat() if period in DAYS else ""


def start(period: str) -> float:
    return calendar.day_start(date.fromisoformat(first_day(period))) if period in DAYS else 0.0


def one(sql: sqlite3.Connection, query: str, *values: object) -> Any:
    return sql.execute(query, values).fetchone()[0]


def all_pages(api: TestClient, path: str) -> list[dict[str, Any]]:
    """Every row of a list, following `next`."""
    rows: list[dict[str, Any]] = []
    following: str | None = f"/api/v1/{path}"
    while following:
        answer = api.get(following)
        assert answer.status_code == 200, answer.text
        rows += answer.json()["items"]
        following = answer.json()["next"]
    return rows


def test_the_account_is_the_newest_row_of_the_broker(api: TestClient, sql: sqlite3.Connection) -> None:
    row = sql.execute("SELECT * FROM account_history WHERE source = 'alpaca' ORDER BY ts DESC LIMIT 1").fetchone()
    found = get(api, "account/current")
    assert found["source"] == "alpaca"
    assert unix(found["time"]) == pytest.approx(row["ts"], abs=1e-3)
    for name in ("equity", "cash", "margin_debt", "last_equity", "maintenance_margin"):
        assert found[name] == row[name], name
    profit = row["equity"] - row["last_equity"]
    assert found["day_profit"] == pytest.approx(profit)
    assert found["day_return_percent"] == pytest.approx(100 * profit / row["last_equity"])
    held = sql.execute(
        "SELECT SUM(unrealized_pl) FROM position_snapshots WHERE ts = (SELECT MAX(ts) FROM position_snapshots)"
    ).fetchone()[0]
    assert found["unrealized_profit"] == pytest.approx(held)


def test_the_dashboard_holds_what_the_others_say(api: TestClient, sql: sqlite3.Connection) -> None:
    found = get(api, "dashboard")
    assert found["bot"] == "bot1"
    assert found["account"] == get(api, "account/current")
    assert found["brake"] == get(api, "brake/current")
    assert found["positions"] == len(get(api, "positions/current")["items"])
    assert found["trades_today"] == one(sql, "SELECT COUNT(*) FROM trades WHERE date = ?", TODAY.isoformat())
    assert found["market"]["open"] is False  # a Friday after the close
    assert datetime.fromisoformat(found["market"]["next_open"]) == datetime(2026, 3, 9, 13, 30, tzinfo=UTC)
    assert unix(found["last_update"]) == pytest.approx(one(sql, "SELECT MAX(ts) FROM account_history"), abs=1e-3)


@pytest.mark.parametrize("period", WINDOWS)
@pytest.mark.parametrize("points", [1, 100])
def test_history_is_the_last_row_of_each_span(api: TestClient, sql: sqlite3.Connection, period: str, points: int) -> None:
    since = max(start(period), one(sql, "SELECT MIN(ts) FROM account_history"))
    step = max(1, math.ceil((NOW + 1 - since) / points))
    newest: dict[int, sqlite3.Row] = {}
    rows = sql.execute(
        "SELECT * FROM account_history WHERE ts >= ? AND ts < ? ORDER BY source = 'alpaca', ts", (since, since + points * step)
    )
    for row in rows:
        newest[int((row["ts"] - since) / step)] = row
    found = get(api, f"account/history?period={period}&points={points}")
    assert unix(found["since"]) == pytest.approx(since)
    assert len(found["items"]) <= points
    wanted = sorted(newest.values(), key=lambda row: row["ts"])
    assert [unix(point["time"]) for point in found["items"]] == pytest.approx([row["ts"] for row in wanted])
    assert [(p["equity"], p["source"]) for p in found["items"]] == [(row["equity"], row["source"]) for row in wanted]


@pytest.mark.parametrize("period", WINDOWS)
def test_performance_is_computed_from_the_days(api: TestClient, sql: sqlite3.Connection, period: str) -> None:
    days = sql.execute("SELECT * FROM daily_stats WHERE date >= ? ORDER BY date", (first_day(period),)).fetchall()
    found = get(api, f"account/performance?period={period}")
    product = 1.0
    for day in days:
        product *= 1 + day["return_ratio"]
    assert found["days"] == len(days)
    assert (found["first_day"], found["last_day"]) == (days[0]["date"], days[-1]["date"])
    assert (found["start_equity"], found["end_equity"]) == (days[0]["starting_equity"], days[-1]["ending_equity"])
    assert found["profit"] == pytest.approx(sum(day["profit"] for day in days))
    assert found["return_percent"] == pytest.approx(100 * (product - 1))
    assert found["peak_equity"] == days[-1]["adjusted_peak"]
    assert found["max_drawdown_percent"] == pytest.approx(100 * min(day["drawdown_ratio"] for day in days))
    assert (found["sharpe"] is not None) == (len(days) >= 20)


def test_profit_and_return_are_of_the_same_days(open_api: Opened, lived: Path, tmp_path: Path) -> None:
    """Days that only the log knows have no return: beside days of the broker they are in neither figure."""
    copy = tmp_path / "archive.db"
    copy.write_bytes(lived.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("UPDATE daily_stats SET equity_source = 'log', return_ratio = NULL WHERE date < '2026-02-20'")
        connection.commit()
        days = connection.execute("SELECT profit, return_ratio FROM daily_stats WHERE return_ratio IS NOT NULL").fetchall()
        found = get(open_api(copy), "account/performance?period=all")
        assert found["profit"] == pytest.approx(sum(profit for profit, _ in days))
        assert found["return_percent"] == pytest.approx(100 * (math.prod(1 + ratio for _, ratio in days) - 1))
        connection.execute("UPDATE daily_stats SET equity_source = 'log', return_ratio = NULL")
        connection.commit()
        (everything,) = connection.execute("SELECT sum(profit) FROM daily_stats").fetchone()
    alone = get(open_api(copy), "account/performance?period=all")
    assert (alone["profit"], alone["return_percent"]) == (pytest.approx(everything), None)


def test_the_benchmark_is_that_of_the_days_that_both_have(open_api: Opened, lived: Path, tmp_path: Path) -> None:
    assert get(open_api(lived), "account/performance?period=all")["benchmark"] is None
    copy = tmp_path / "archive.db"
    copy.write_bytes(lived.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        for date, account, index in (("2026-03-04", 0.01, 0.02), ("2026-03-05", 0.03, -0.01), ("2026-03-06", -0.02, 0.04)):
            row = (date, 0.0, 100.0, 100.0, 1.0, None, account, index)
            connection.execute("INSERT INTO benchmark_days VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.commit()
    api = open_api(copy)
    found = get(api, "account/performance?period=all")["benchmark"]
    market, mine = 1.02 * 0.99 * 1.04 - 1, 1.01 * 1.03 * 0.98 - 1
    assert (found["symbol"], found["days"]) == ("SPY", 3)
    assert found["return_percent"] == pytest.approx(100 * market)
    assert found["excess_percent"] == pytest.approx(100 * (mine - market))
    assert get(api, "account/performance?period=1d")["benchmark"]["return_percent"] == pytest.approx(4.0)


def test_positions_are_the_newest_snapshots(api: TestClient, sql: sqlite3.Connection) -> None:
    rows = sql.execute("SELECT * FROM position_snapshots WHERE ts = (SELECT MAX(ts) FROM position_snapshots)").fetchall()
    found = {p["symbol"]: p for p in get(api, "positions/current")["items"]}
    assert set(found) == {row["symbol"] for row in rows}
    for row in rows:
        one_of = found[row["symbol"]]
        assert one_of["market_value"] == row["market_value"]
        assert one_of["unrealized_profit"] == row["unrealized_pl"]
        assert one_of["unrealized_profit_percent"] == row["unrealized_pl_pct"]
        assert one_of["day_profit"] == row["intraday_pl"]
        assert (one_of["average_entry_price"], one_of["price"]) == (row["avg_entry_price"], row["current_price"])


@pytest.mark.parametrize("period", ["1d", "1w", "all"])
def test_history_of_a_position_is_every_snapshot_once(api: TestClient, sql: sqlite3.Connection, period: str) -> None:
    symbol = one(sql, "SELECT MIN(symbol) FROM position_snapshots")
    rows = sql.execute(
        "SELECT ts, quantity FROM position_snapshots WHERE symbol = ? AND ts >= ? ORDER BY ts DESC", (symbol, start(period))
    ).fetchall()
    found = all_pages(api, f"positions/history/{symbol}?period={period}&limit=37")
    assert [unix(position["time"]) for position in found] == pytest.approx([row["ts"] for row in rows])
    assert [position["quantity"] for position in found] == [row["quantity"] for row in rows]


PLACES = (Cursor(1.5, "BRK.B"), Cursor(-2.0, "BTC/USD"), Cursor(1795629568.813649, 1 << 60 >> 8), Cursor(0.0, -7))


@pytest.mark.parametrize("cursor", PLACES)
def test_every_place_of_a_list_can_be_sent_back(cursor: Cursor) -> None:
    assert Cursor.parse(str(cursor)) == cursor


def test_allocation_is_the_value_by_symbol_and_sector(api: TestClient, sql: sqlite3.Connection) -> None:
    held = {p["symbol"]: abs(p["market_value"]) for p in get(api, "positions/current")["items"]}
    found = get(api, "positions/allocation")
    assert {share["name"]: share["value"] for share in found["by_symbol"]} == held
    assert sum(share["percent"] for share in found["by_symbol"]) == pytest.approx(100)
    sectors: dict[str, float] = {}
    known = dict(sql.execute("SELECT symbol, sector FROM sectors").fetchall())
    for symbol, value in held.items():
        sectors[known[symbol]] = sectors.get(known[symbol], 0.0) + value
    assert {share["name"]: share["value"] for share in found["by_sector"]} == pytest.approx(sectors)


TRADES = """SELECT t.*, o.status FROM trades AS t LEFT JOIN orders AS o ON o.order_id = t.order_id {}
  ORDER BY t.ts DESC, t.id DESC"""


def test_orders_come_newest_first_page_by_page(api: TestClient, sql: sqlite3.Connection) -> None:
    rows = sql.execute(TRADES.format("")).fetchall()
    found = all_pages(api, "trades/recent?limit=101")
    assert [(t["id"], t["symbol"], t["value"], t["status"]) for t in found] == [
        (str(row["id"]), row["symbol"], row["total_value"], row["status"]) for row in rows
    ]
    assert {t["result"] for t in found} == {"filled", "unfilled"}


def test_orders_of_one_symbol(api: TestClient, sql: sqlite3.Connection) -> None:
    symbol = one(sql, "SELECT symbol FROM trades LIMIT 1")
    rows = sql.execute(TRADES.format("WHERE t.symbol = ?"), (symbol,)).fetchall()
    assert [t["id"] for t in all_pages(api, f"trades/by-symbol/{symbol}?limit=3")] == [str(row["id"]) for row in rows]
    assert get(api, "trades/by-symbol/BTC/USD") == {"items": [], "next": None}


def test_the_summary_of_a_day_is_its_row(api: TestClient, sql: sqlite3.Connection) -> None:
    row = sql.execute("SELECT * FROM daily_stats WHERE date = '2026-03-03'").fetchone()
    found = get(api, "trades/daily-summary?date=2026-03-03")
    assert (found["orders"], found["deployed"], found["fills"]) == (
        row["trades_count"],
        row["total_deployed"],
        row["fills_count"],
    )
    assert (found["profit"], found["missed"]) == (row["profit"], row["missed_trades"])
    assert found["return_percent"] == pytest.approx(100 * row["return_ratio"])
    assert found["known"] is True
    assert sum(symbol["orders"] for symbol in found["by_symbol"]) == row["trades_count"]
    assert sum(symbol["value"] for symbol in found["by_symbol"]) == pytest.approx(row["total_deployed"])
    assert get(api, "trades/daily-summary")["date"] == TODAY.isoformat()


def test_a_day_without_a_row_is_unknown_and_not_zero(api: TestClient) -> None:
    found = get(api, "trades/daily-summary?date=2019-07-04")
    assert (found["known"], found["trading_day"], found["by_symbol"]) == (False, False, [])
    assert {value for name, value in found.items() if name not in ("date", "known", "trading_day", "by_symbol")} == {None}


@pytest.mark.parametrize("period", WINDOWS)
def test_brake_episodes_that_touch_the_period(api: TestClient, sql: sqlite3.Connection, period: str) -> None:
    rows = sql.execute("SELECT * FROM brake_events WHERE ended >= ? ORDER BY started DESC", (start(period),)).fetchall()
    found = all_pages(api, f"brake/history?period={period}&limit=2")
    assert [(e["id"], unix(e["started"]), unix(e["ended"])) for e in found] == [
        (str(row["id"]), row["started"], row["ended"]) for row in rows
    ]
    for episode, row in zip(found, rows, strict=True):
        assert (episode["cause"], episode["level_ratio"]) == ("leverage", row["leverage_ratio"])
        assert (episode["dips_missed"], episode["open"]) == (row["missed_opportunities"], False)


def test_bots_are_listed_with_what_can_be_read(open_api: Any, lived: Any, tmp_path: Any) -> None:
    api = open_api(lived, tmp_path / "none.db")
    first, second = get(api, "bots")["items"]
    assert (first["name"], first["available"], first["problem"]) == ("bot1", True, None)
    assert (second["name"], second["available"]) == ("bot2", False)
    assert "there is no archive" in second["problem"]
    assert get(api, "dashboard?bot=bot1") == get(api, "dashboard")
    assert api.get("/api/v1/dashboard?bot=bot2").status_code == 503


def test_dips_come_newest_first_with_their_outcome(api: TestClient, sql: sqlite3.Connection) -> None:
    rows = sql.execute("SELECT * FROM opportunities ORDER BY ts DESC, id DESC").fetchall()
    found = all_pages(api, "opportunities/recent?limit=400")
    assert [(dip["id"], dip["dip_percent"], dip["outcome"], dip["reason"]) for dip in found] == [
        (str(row["id"]), row["dip_percent"], row["outcome"], row["reason"]) for row in rows
    ]
    assert all(dip["executed"] == (dip["outcome"] == "submitted") for dip in found)


@pytest.mark.parametrize("reason", [None, *MISSED_REASONS])
def test_missed_trades_by_reason(api: TestClient, sql: sqlite3.Connection, reason: str | None) -> None:
    rows = sql.execute(
        "SELECT * FROM skips WHERE ts >= ? AND (? IS NULL OR reason = ?) ORDER BY ts DESC, id DESC",
        (start("1m"), reason, reason),
    ).fetchall()
    path = "opportunities/missed?period=1m" + (f"&reason={reason}" if reason else "")
    assert [skip["id"] for skip in all_pages(api, path)] == [str(row["id"]) for row in rows]
    counts = {row["reason"]: row["count"] for row in get(api, path)["by_reason"]}
    for name in MISSED_REASONS:
        assert counts.get(name, 0) == one(sql, "SELECT COUNT(*) FROM skips WHERE ts >= ? AND reason = ?", start("1m"), name)
    by_brake = one(sql, "SELECT SUM(missed_opportunities) FROM brake_events WHERE started >= ?", start("1m"))
    assert counts["brake"] == by_brake


def test_every_reason_of_the_log_can_be_asked_for() -> None:
    assert get_args(Reason) == MISSED_REASONS


def test_the_best_scores_are_the_highest(api: TestClient, sql: sqlite3.Connection) -> None:
    rows = sql.execute("SELECT score FROM opportunities WHERE ts >= ? ORDER BY score DESC LIMIT 5", (start("1w"),)).fetchall()
    found = get(api, "opportunities/best-scores?period=1w&limit=5")["items"]
    assert [dip["score"] for dip in found] == [row["score"] for row in rows]


def test_wash_sales_are_the_rows_of_the_archive(api: TestClient, sql: sqlite3.Connection) -> None:
    rows = sql.execute("SELECT * FROM wash_sales WHERE sold >= ? ORDER BY sold DESC", (start("1y"),)).fetchall()
    found = all_pages(api, "analytics/wash-sales?limit=1")
    assert rows
    assert [(s["id"], s["loss"], unix(s["window_end"]), s["bought_after"], s["known"]) for s in found] == [
        (row["activity_id"], row["loss"], row["window_end"], row["bought_after"], row["status"] == "known") for row in rows
    ]
    refused = get(api, "analytics/wash-sales?period=1m")["refusals"]
    assert sum(symbol["count"] for symbol in refused) == one(
        sql, "SELECT COUNT(*) FROM skips WHERE reason = 'wash_sale_conflict' AND ts >= ?", start("1m")
    )


@pytest.mark.parametrize("period", WINDOWS)
def test_the_win_rate_is_that_of_the_fills(api: TestClient, sql: sqlite3.Connection, period: str) -> None:
    by_order: dict[str, float] = {}
    for row in sql.execute("SELECT * FROM fills WHERE realized_pl IS NOT NULL AND ts >= ?", (start(period),)):
        order = row["order_id"] or row["activity_id"]
        by_order[order] = by_order.get(order, 0.0) + row["realized_pl"]
    gains = list(by_order.values())
    found = get(api, f"analytics/win-rate?period={period}")
    assert found["sales"] == len(gains)
    assert found["win_rate_percent"] == pytest.approx(100 * sum(gain > 0 for gain in gains) / len(gains))
    assert found["profit_factor"] == pytest.approx(sum(g for g in gains if g > 0) / -sum(g for g in gains if g < 0))
    assert found["realized_profit"] == pytest.approx(sum(gains))


@pytest.mark.parametrize("period", WINDOWS)
def test_dips_by_depth_are_all_dips(api: TestClient, sql: sqlite3.Connection, period: str) -> None:
    counts: dict[tuple[int, bool], int] = {}
    for row in sql.execute("SELECT dip_percent, outcome FROM opportunities WHERE ts >= ?", (start(period),)):
        place = int(row["dip_percent"]), row["outcome"] == "submitted"
        counts[place] = counts.get(place, 0) + 1
    found = get(api, f"analytics/dip-distribution?period={period}")["items"]
    bins = [step["from_percent"] for step in found]
    assert bins == list(range(max(bins), min(bins) - 1, -1))
    for step in found:
        assert step["submitted"] == counts.pop((step["from_percent"], True), 0)
        assert step["not_bought"] == counts.pop((step["from_percent"], False), 0)
    assert counts == {}


def test_settings_are_the_newest_rows(api: TestClient, sql: sqlite3.Connection) -> None:
    found = get(api, "config/current")
    settings = {setting["name"]: setting for setting in found["settings"]}
    assert set(settings) == {row["setting"] for row in sql.execute("SELECT setting FROM bot_config")}
    newest = settings["MAX_POSITION_PCT"]
    assert (newest["value"], newest["previous"], newest["allowed"]) == ("0.20", "0.15", "above 0, at most 1")
    assert unix(newest["since"]) == unix(found["changed"]) == NOW - 7200
    assert [finding["severity"] for finding in found["findings"]] == ["warning"]


def check(api: TestClient, text: str) -> Any:
    answer = api.post("/api/v1/config/validate", json={"text": text})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_config_is_checked_and_never_executed(api: TestClient, tmp_path: Path) -> None:
    bad = check(api, f"class Config:\n    MAX_MARGIN_PCT = 20\n    X = open({str(tmp_path / 'made')!r}, 'w')\n")
    assert bad["valid"] is False
    assert ("error", "MAX_MARGIN_PCT") in [(finding["severity"], finding["setting"]) for finding in bad["findings"]]
    assert not (tmp_path / "made").exists()
    assert check(api, "class")["findings"][0]["setting"] == "file"
    good = check(api, "MAX_MARGIN_PCT = 0.2\nMARGIN_SAFETY_THRESHOLD = 0.15\n")
    assert good["valid"] is True
    secret = check(api, 'ALPACA_KEY = "PKSECRETSECRET"\n')
    assert "PKSECRETSECRET" not in str(secret)
    assert api.post("/api/v1/config/validate", content=b"x" * (3 << 20)).status_code == 413
    assert api.post("/api/v1/config/validate", json={"txt": ""}).status_code == 422
    assert api.post("/api/v1/config/validate", content=b"{").status_code == 422


def test_a_bot_that_has_fallen_silent_is_not_said_to_run(open_api: Opened, tmp_path: Path) -> None:
    log, archive = tmp_path / "bot.log", tmp_path / "a.db"
    log.write_text(
        "2025-10-17 09:30:00 [INFO] 🌟 Big Dipper v2.18 started in PAPER mode\n2025-10-17 09:30:01 [INFO] Cycle #1\n"
    )
    assert here("ingest", "--log.path", log, "--archive.path", archive, "--log.timezone", "UTC")[0] == 0
    cycle = datetime(2025, 10, 17, 9, 30, 1, tzinfo=UTC).timestamp()
    assert get(open_api(archive, now=cycle + 60), "dashboard")["running"] is True
    assert get(open_api(archive, now=cycle + 3600), "dashboard")["running"] is None
