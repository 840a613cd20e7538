"""A simulated world against what it must agree with: the real bot's log, its own broker's JSON, plain arithmetic."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import QueryOrderStatus
from alpaca.trading.requests import GetOrdersRequest

from bigdipper_exporter import calendar
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator import queries
from bigdipper_exporter.demo.simulator.incidents import INCIDENTS
from bigdipper_exporter.demo.simulator.orders import TERMINAL
from bigdipper_exporter.demo.simulator.world import World, start_of_history

SAMPLE = Path(__file__).parent.parent / "samples" / "big_dipper_v2.18.log"
FRIDAY_EVENING = datetime(2026, 11, 20, 17, 30, tzinfo=NEW_YORK).timestamp()
MONDAY = datetime(2026, 11, 16, 4, tzinfo=NEW_YORK).timestamp()
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[([A-Z]+)\] ")
HISTORY_DAYS = 14


class Run:
    """A finished history and its log."""

    def __init__(self, folder: Path, seed: int, days: int, level: str) -> None:
        self.path = folder / "big_dipper.log"
        self.world = World(seed, start_of_history(FRIDAY_EVENING, days), log_path=self.path, level=level)
        self.world.history(FRIDAY_EVENING)
        self.world.log.close()
        self.log = self.path.read_text()
        self.truth = self.world.truth()

    def ask(self, path: str, **query: str) -> Any:
        """The broker's JSON, without the socket."""
        return json.loads(json.dumps(queries.answer(self.world.ledger, path, query, self.world.now)))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("info"), seed=3, days=HISTORY_DAYS, level="INFO")


@pytest.fixture(scope="module")
def debug_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("debug"), seed=3, days=3, level="DEBUG")


# -- the log's form ---------------------------------------------------------------------------------------------------


def shape(line: str) -> str:
    """A line without what varies: stamps, ids, lists of symbols, numbers."""
    line = UUID.sub("UUID", line)
    line = re.sub(r"(Priority|Winners|Losers|symbols): .*", r"\1: LIST", line)
    line = re.sub(r"\b(?!DEBUG|INFO|WARNING|ERROR|BUY|SKIP|TRADE|ACCOUNT)[A-Z]{2,5}(\.[A-Z])?(?=[: ]|\b ) *", "SYM ", line)
    line = re.sub(r"[-+]?\$?[-+]?\d[\d,]*(\.\d+)?", "#", line)
    return line.rstrip("\n")


# Lines the published rules print that happen not to be in the sample, as the log's description has them.
DESCRIBED = """\
2025-11-04 09:31:00 [INFO]    📊 Filters: VolAdj 0.9x, Threshold: 5.00%, Intraday: -6.80% → 1.5x size
2025-11-04 09:31:00 [WARNING] [SKIP] FIGR not_fractionable (use whole shares)
2025-11-04 09:31:00 [WARNING] ISRG: Insufficient buying power (need $1,700.00, have $12.00)
2025-11-04 09:31:00 [DEBUG] AMD: Position size too small (0.0041 shares)
2025-11-04 09:31:00 [DEBUG] [SKIP] META Position $5132 at max $5250
2025-11-04 09:31:00 [ERROR] ❌ Failed to place order for AMD: {"code": 50010000, "message": "internal server error"}
2025-11-04 09:31:00 [ERROR] ❌ POSITION TRACKING FAILED (likely due to options positions)
2025-11-04 09:31:00 [ERROR]    SDK error: {"code": 50010000, "message": "internal server error"}
2025-11-04 09:31:00 [ERROR] ⏸️  HALTING ALL TRADING this cycle to prevent over-allocation
2025-11-04 09:31:00 [ERROR]    System will automatically resume when positions load successfully
2025-11-04 09:31:00 [ERROR] ❌ Cycle error: {"code": 50310000, "message": "service unavailable"}
requests.exceptions.HTTPError: 503 Server Error: None for url: https://paper-api.alpaca.markets/v2/clock
alpaca.common.exceptions.APIError: {"code": 50310000, "message": "service unavailable"}
👋 Shutting down gracefully...
2025-11-04 09:31:00 [INFO] 🌙 Little Dipper stopped
"""


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_every_line_has_a_shape_of_the_real_log(run: Run, debug_run: Run, level: str) -> None:
    known = {shape(line) for line in SAMPLE.read_text().splitlines()} | {shape(x) for x in DESCRIBED.splitlines()}
    written = (run if level == "INFO" else debug_run).log.translate(str.maketrans("123456789", "000000000"))
    strange = {shape(line): line for line in set(written.splitlines()) if shape(line) not in known}
    assert strange == {}


def kinds(log: str) -> list[str]:
    """Each cycle as a string of one letter a line; the head of the first cycle is dropped with the start-up lines."""
    letters = [
        ("h", r"Cycle #"),
        ("c", r"💤"),
        ("z", r"Sleeping"),
        ("s", r"🌙 (?:Pre|Aft)|☀️"),
        ("p", r"📊 Positions:"),
        ("a", r"\[ACCOUNT\]"),
        ("w", r"   Winners"),
        ("l", r"   Losers"),
        ("d", r"\S+: \S+ from 20d"),
        ("k", r"\[SKIP\] \S+ (?:Dip|Pos)|\S+: Cooldown"),
        ("o", r"\[OPPORTUNITY\]"),
        ("n", r"🔍"),
        ("b", r"💎"),
        ("f", r"   📊 Filters"),
        ("t", r"\[TRADE\]"),
        ("r", r"\[SKIP\] \S+ (?:wash|not_)|❌ Failed"),
        ("m", r"\S+: (?:Would|Insuff)"),
        ("g", r"  (?:Current|Pending|This)"),
        ("x", r"💰 CAPITAL"),
        ("y", r"   ⏭️"),
        ("v", r"   💡"),
        ("q", r"✅ Order"),
        ("e", r"⏱️"),
        ("B", r"⚠️"),
        ("1", r"   Position value"),
        ("2", r"   Limit:"),
        ("3", r"   Must"),
        ("H", r"   HALTING"),
        ("S", r"📊 Scanning"),
        ("M", r"   Missed"),
        ("U", r"❌ UNEXP"),
        ("W", r"⏸️  HALTING ALL TRADING this cycle for safety"),
        ("N", r"   Next retry"),
        ("E", r"❌ Cycle error"),
        ("P", r"⏸️  Pausing"),
        ("T", r"❌ POSITION"),
        ("i", r"\S+: Position size"),
        ("R", r"   (?:SDK|System)"),
        ("V", r"⏸️  HALTING ALL TRADING this cycle to prevent"),
    ]
    any_kind = re.compile("|".join(f"({pattern})" for _, pattern in letters))
    cycles = [""]
    for line in log.splitlines():
        if not (stamp := STAMP.match(line)):
            continue
        message = line[stamp.end() :]
        if message in ("", "=" * 60) or message.startswith(("🌟", "📉", "🚀", "📊 Watching", "🌙 Little")):
            continue
        kind = any_kind.match(message)
        assert kind, line
        assert kind.lastindex
        letter = letters[kind.lastindex - 1][0]
        if letter == "h":
            cycles.append("")
        else:
            cycles[-1] += letter
    return cycles[1:]


CYCLE = re.compile(
    r"cz|EP"  # closed market; error
    r"|s(S?B123(H|MUWN)"  # brake, and the bug in its every tenth cycle
    r"|TRVRN"  # positions unavailable
    r"|paw?l?(d[ko]|d)*n(i|mg*|bf[tr])*(xy{1,3}v)?q*e)"  # a whole cycle
)


def test_the_lines_of_a_cycle_come_in_the_real_bots_order(run: Run, debug_run: Run) -> None:
    sample = [cycle for cycle in kinds(SAMPLE.read_text()) if cycle]
    assert [cycle for cycle in sample if not CYCLE.fullmatch(cycle)] == []  # the rule itself is right
    for log in (run.log, debug_run.log):
        assert [cycle for cycle in kinds(log) if not CYCLE.fullmatch(cycle)] == []
    kinds_of_cycles = {re.sub(r"(.)\1+", r"\1", c) for c in kinds(run.log)}
    assert {"cz", "EP", "sB123H", "sSB123MUWN", "sTRVRN"} <= kinds_of_cycles


def test_a_debug_cycle_says_why_each_of_44_symbols_is_not_bought(debug_run: Run) -> None:
    cycles = re.split(r"Cycle #\d+", debug_run.log)
    whole = [c for c in cycles if "Regular Hours" in c and "Scan complete" in c]
    assert whole
    for cycle in whole:
        looked = re.findall(r"\[DEBUG\] (\S+): -\S+ from 20d high", cycle)
        judged = re.findall(r"\[DEBUG\] \[(?:SKIP|OPPORTUNITY)\] (\S+)|\[DEBUG\] (\S+): Cooldown", cycle)
        assert len(looked) == 44
        assert [a or b for a, b in judged] == looked


def test_the_first_lines_are_the_samples_first_lines(run: Run) -> None:
    def messages(text: str) -> list[str]:
        return [STAMP.sub("", line) for line in text.splitlines()[:4]]

    assert messages(run.log) == messages(SAMPLE.read_text())


@pytest.mark.parametrize(("zone", "expected"), [("UTC", "2026-11-16 09:00:"), ("Asia/Tokyo", "2026-11-16 18:00:")])
def test_the_log_is_stamped_in_the_zone_of_the_bots_machine(tmp_path: Path, zone: str, expected: str) -> None:
    world = World(1, MONDAY, log_path=tmp_path / "log", zone=zone)
    world.step()
    world.close()
    assert (tmp_path / "log").read_text().startswith(expected)


# -- the books --------------------------------------------------------------------------------------------------------


def test_the_account_balances_to_the_last_digit_at_every_minute_and_with_every_activity() -> None:
    world = World(3, MONDAY, incidents=[i for i in INCIDENTS if i.name in ("brake", "manual-sale", "deposit")])
    events = {340 + 20 * n: "dip" for n in range(12)} | {620: "manual-sale", 640: "deposit", 1900: "brake", 3300: "manual-sale"}
    cash, seen = Decimal(0), 0
    for minute in range(3 * 1440):
        world.step()
        if events.get(minute) == "dip":
            world.market.shock(world.quiet_symbol(), -0.1)
        elif minute in events:
            world.trigger(events[minute])
        account = queries.answer(world.ledger, "/v2/account", {}, world.now)
        held = queries.answer(world.ledger, "/v2/positions", {}, world.now)
        figures = {k: Decimal(account[k]) for k in ("equity", "cash", "long_market_value", "short_market_value")}
        assert figures["equity"] == figures["cash"] + figures["long_market_value"] + figures["short_market_value"]
        assert figures["long_market_value"] == sum((Decimal(p["market_value"]) for p in held), Decimal(0))
        for activity in world.ledger.activities[seen:]:
            body = activity.body
            if activity.type == "FILL":
                sign = -1 if body["side"] == "buy" else 1
                cash += sign * Decimal(body["qty"]) * Decimal(body["price"])
            else:
                cash += Decimal(body["net_amount"])
            seen += 1
        assert figures["cash"] == cash
        for p in held:
            assert Decimal(p["market_value"]) == Decimal(p["qty"]) * Decimal(p["current_price"])
            assert Decimal(p["unrealized_pl"]) == Decimal(p["market_value"]) - Decimal(p["cost_basis"])
    assert seen > 20
    assert {a.body.get("side") for a in world.ledger.fills()} == {"buy", "sell"}


def test_quantities_held_are_what_was_bought_less_what_was_sold(run: Run) -> None:
    held: Counter[str] = Counter()
    for activity in run.world.ledger.fills():
        sign = 1 if activity.body["side"] == "buy" else -1
        held[activity.body["symbol"]] += sign * Decimal(activity.body["qty"])  # type: ignore[assignment]
    assert {symbol: qty for symbol, qty in held.items() if qty} == run.truth["positions"]


def test_orders_end_as_their_fills_say(run: Run) -> None:
    filled: Counter[str] = Counter()
    for activity in run.world.ledger.fills():
        filled[activity.body["order_id"]] += Decimal(activity.body["qty"])  # type: ignore[assignment]
    statuses: Counter[str] = Counter()
    for order in run.world.ledger.orders.values():
        row = run.ask(f"/v2/orders/{order.id}")
        statuses[row["status"]] += 1
        assert Decimal(row["filled_qty"]) == filled[order.id]
        assert (row["status"] == "filled") == (row["filled_qty"] == row["qty"])
        assert (row["filled_at"] is not None) == (row["status"] == "filled")
        assert (order.id in run.world.ledger.open_orders) == (row["status"] not in TERMINAL)
        if row["filled_avg_price"] is not None and row["limit_price"] is not None:
            below = Decimal(row["filled_avg_price"]) <= Decimal(row["limit_price"])
            assert below if row["side"] == "buy" else not below or row["filled_avg_price"] == row["limit_price"]
    assert {"filled", "expired", "canceled"} <= set(statuses)
    assert any(a.body["type"] == "partial_fill" for a in run.world.ledger.fills())


def test_nothing_fills_while_the_exchange_is_closed(run: Run) -> None:
    for activity in run.world.ledger.fills():
        order = run.world.ledger.orders[activity.body["order_id"]]
        session = calendar.session(activity.at / 1e9)
        assert session == "regular" or (session == "extended" and order.extended_hours)


def test_the_profit_of_the_days_and_the_deposits_make_the_equity(run: Run) -> None:
    days = run.truth["days"]
    assert list(days) == sorted(days)
    assert len(days) == HISTORY_DAYS
    last = list(days.values())[-1]["equity"]
    assert Decimal(35_000) + sum(d["pl"] + d["cash_flow"] for d in days.values()) == last
    history = run.ask("/v2/account/portfolio/history", period="3M")
    assert history["equity"] == [round(float(d["equity"]), 2) for d in days.values()][:-1]  # a day counts from 20:00


# -- the log, the broker and the truth agree --------------------------------------------------------------------------


def test_every_trade_line_is_an_order_at_the_broker_and_the_other_way_round(run: Run) -> None:
    lines = re.findall(r"\[TRADE\] BUY (\S+): (\S+) shares @ \$(\S+) = \$(\S+) \(order (\S+)\)", run.log)
    rows = {o.id: run.ask(f"/v2/orders/{o.id}") for o in run.world.ledger.orders.values()}
    assert {line[4] for line in lines} == {i for i, row in rows.items() if row["source"] == "access_key"}
    for symbol, qty, price, total, order_id in lines:
        row = rows[order_id]
        assert (row["symbol"], row["side"]) == (symbol, "buy")
        assert Decimal(row["qty"]) == Decimal(qty)
        assert Decimal(row["limit_price"]) == Decimal(price.replace(",", ""))
        assert abs(Decimal(total.replace(",", "")) - Decimal(row["qty"]) * Decimal(row["limit_price"])) <= Decimal("0.005")


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_the_truth_counts_what_the_log_tells(run: Run, debug_run: Run, level: str) -> None:
    done = run if level == "INFO" else debug_run
    log, truth = done.log, done.truth

    def found(pattern: str) -> Counter[str]:
        return Counter(re.findall(pattern, log))

    assert truth["cycles"] == len(re.findall(r"Cycle #\d+ - ", log))
    assert truth["starts"] == len(re.findall("🌟", log))
    assert truth["trades"] == found(r"\[TRADE\] BUY (\S+):")
    if level == "INFO":
        assert truth["opportunities"] == found(r"💎 (\S+) BUY") + found(r"   ⏭️  (\S+) *:")
    else:
        assert truth["opportunities"] == found(r"\[OPPORTUNITY\] (\S+)")
    patterns = {
        "wash_sale_conflict": r"\[SKIP\] (\S+) wash",
        "not_fractionable": r"\[SKIP\] (\S+) not_",
        "leverage_limit": r"\] (\S+): Would exceed",
        "buying_power": r"\] (\S+): Insufficient",
        "order_failed": r"❌ Failed to place order for (\S+):",
        "below_absolute_min": r"\[SKIP\] (\S+) Dip \S+ < abs",
        "below_threshold": r"\[SKIP\] (\S+) Dip \S+ < thr",
        "cooldown": r"\] (\S+): Cooldown",
        "position_at_max": r"\[SKIP\] (\S+) Position",
        "too_small": r"\] (\S+): Position size",
    }
    told = Counter({(s, reason): n for reason, p in patterns.items() for s, n in found(p).items()})
    assert truth["skips"] == told
    assert truth["errors"]["cycle"] == len(re.findall("❌ Cycle error", log))
    assert truth["halts"]["brake"] == len(re.findall("EMERGENCY BRAKE", log))
    assert truth["halts"]["positions_unavailable"] == len(re.findall("❌ POSITION TRACKING", log))


def _time_of(line: str) -> int:
    return int(datetime.fromisoformat(line[:19]).replace(tzinfo=NEW_YORK).timestamp())


def test_brake_episodes_run_from_the_first_brake_line_to_the_first_cycle_that_gets_past_it(run: Run) -> None:
    episodes: list[tuple[int, int | None, int]] = []
    for line in run.log.splitlines():
        if "EMERGENCY BRAKE" in line:
            if not episodes or episodes[-1][1] is not None:
                episodes.append((_time_of(line), None, 0))
            episodes[-1] = (*episodes[-1][:2], episodes[-1][2] + 1)
        elif "📊 Positions:" in line and episodes and episodes[-1][1] is None:
            episodes[-1] = (episodes[-1][0], _time_of(line), episodes[-1][2])
    assert episodes
    assert run.truth["brake_episodes"] == episodes
    now = int(run.world.now)
    assert run.truth["brake_seconds"] == sum((e if e is not None else now) - s for s, e, _ in episodes)


def test_the_bots_account_line_is_the_brokers_account(run: Run) -> None:
    equity, cash = re.findall(r"\[ACCOUNT\] equity=\$(\S+) cash=\$(\S+)", run.log)[-1]
    account = run.ask("/v2/account")  # Friday 17:30: the market trades on a little between the line and now
    assert abs(float(equity) - float(account["equity"])) < 50
    assert abs(float(cash) - float(account["cash"])) < 0.01


def test_a_history_has_every_incident_of_the_table(run: Run) -> None:
    within = {incident.name for incident in INCIDENTS if any(map(incident.due, range(HISTORY_DAYS)))}
    assert len(within) >= 10
    assert {name for _, name in run.truth["incidents"]} == within


def test_the_sdk_reads_a_whole_history_over_the_socket(run: Run) -> None:
    with run.world.broker as broker:
        # Any: the SDK's methods say that they may return raw data, which it does only when it is asked for.
        sdk: Any = TradingClient("PKSIMULATED", "simulated-secret", url_override=broker.url)
        assert Decimal(sdk.get_account().equity) == run.truth["equity"]
        assert {p.symbol: Decimal(p.qty) for p in sdk.get_all_positions()} == run.truth["positions"]
        statuses: Counter[str] = Counter()
        until = None
        while page := sdk.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, limit=500, until=until)):
            statuses.update(order.status.value for order in page)
            until = page[-1].submitted_at
        assert statuses == run.truth["orders"]
        fills: Counter[tuple[str, str]] = Counter()
        page_token: dict[str, str] = {}
        while rows := sdk.get("/account/activities/FILL", {"direction": "asc", **page_token}):
            fills.update((row["symbol"], row["side"]) for row in rows)
            page_token = {"page_token": rows[-1]["id"]}
        assert fills == run.truth["fills"]
        assert broker.writes == 0
        sdk._session.close()


# -- reproducible -----------------------------------------------------------------------------------------------------


def small(path: Path, seed: int, step: bool = False) -> tuple[bytes, str]:
    world = World(seed, MONDAY, log_path=path)
    until = MONDAY + 1.4 * 86400
    if step:
        while world.now < until:
            world.step()
    else:
        world.history(until)
    world.close()
    answers = [queries.answer(world.ledger, p, {"status": "all"}, world.now) for p in queries.PATHS]
    return path.read_bytes(), json.dumps(answers)


def test_the_same_seed_gives_the_same_log_and_json_and_another_seed_others(tmp_path: Path) -> None:
    first, again = small(tmp_path / "a", 5), small(tmp_path / "b", 5)
    assert first == again
    other = small(tmp_path / "c", 6)
    assert first[0] != other[0]
    assert first[1] != other[1]


def test_minute_by_minute_or_in_one_go_is_the_same(tmp_path: Path) -> None:
    assert small(tmp_path / "a", 5) == small(tmp_path / "b", 5, step=True)


def test_progress_reaches_one_and_never_steps_back() -> None:
    heard: list[float] = []
    World(1, MONDAY).history(MONDAY + 3 * 86400, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_a_history_of_sixty_days_begins_sixty_trading_days_before_its_end() -> None:
    start = start_of_history(FRIDAY_EVENING, 60)
    first, last = calendar.trading_day(start), date(2026, 11, 20)
    days = [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)]
    assert sum(map(calendar.is_trading_day, days)) == 60
    assert calendar.is_trading_day(first)


def test_the_owner_turns_debug_on_one_morning_and_the_books_count_what_the_log_then_tells(tmp_path: Path) -> None:
    path, tuesday = tmp_path / "big_dipper.log", MONDAY + 86_400
    world = World(3, MONDAY, log_path=path, debug_from=tuesday - 3600)
    world.history(MONDAY + 2 * 86_400)
    world.log.close()
    lines = path.read_text().splitlines()
    told = [line for line in lines if "[DEBUG]" in line]
    assert told[0].startswith("2026-11-17 04:")
    assert lines[0].startswith("2026-11-16 04:")
    skips = Counter(line.split()[4] for line in told if "[SKIP]" in line and "absolute min" in line)
    counted = Counter({symbol: n for (symbol, reason), n in world.truth()["skips"].items() if reason == "below_absolute_min"})
    assert skips == counted
    assert len(skips) > 20
