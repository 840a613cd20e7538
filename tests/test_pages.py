"""The landing page's sentences, for a snapshot of each kind."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from bigdipper_exporter.archive.broker.view import BrokerView, HistoryDays
from bigdipper_exporter.archive.prices.view import PriceView
from bigdipper_exporter.archive.recent import (
    EquityPoint,
    ErrorLine,
    FillLine,
    GapLine,
    LastOrder,
    MissedLine,
    OrderLine,
    Recent,
)
from bigdipper_exporter.archive.statistics import Statistics
from bigdipper_exporter.broker.models import Account, Position
from bigdipper_exporter.broker.results import REASONS, Reason
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.thresholds import CYCLE_AGE_SECONDS, LOG_AGE_SECONDS
from bigdipper_exporter.web import landing, today
from bigdipper_exporter.web.alerts import MOST_ALERTS, Firing, FiringAlert
from bigdipper_exporter.web.pages import status_page
from bigdipper_exporter.web.sections.broker import FAILURES
from tests.running import Monitor, monitor

STAMP = "2025-11-04 11:18:00"
BRAKE = f"{STAMP} [ERROR] ⚠️  EMERGENCY BRAKE: Leverage 115.7% > 115.0%"


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Monitor]:
    with monitor(tmp_path) as it:
        it.say(f"{STAMP} [INFO] Cycle #7 - 11:18:00", BRAKE)
        yield it


NOTHING = Recent()


def said(
    one: Monitor, snapshot: Snapshot, recent: Recent = NOTHING, firing: Firing | None = None
) -> dict[tuple[str, str], tuple[str, str]]:
    """(heading, name) -> (state, sentence)."""
    sections = status_page(snapshot, one.settings, recent, firing).sections
    return {(heading, name): (state, words) for heading, rows in sections for state, name, words in rows}


def skewed(one: Monitor, seconds: float) -> tuple[str, str]:
    snapshot = one.pipeline.snapshot
    return said(one, replace(snapshot, own=replace(snapshot.own, timestamp_skew=seconds)))["The bot", "cycle"]


def test_a_wrong_zone_is_asked_about_only_where_a_zone_can_explain_the_difference(one: Monitor) -> None:
    state, words = skewed(one, 5 * 3600.0)
    assert (state, "5 h 0 min from our clock: is log.timezone" in words) == ("warn", True)
    state, words = skewed(one, 386 * 86400.0)
    assert (state, "an old log?" in words, "timezone" in words) == ("warn", True, False)


def figures_of(one: Monitor, snapshot: Snapshot) -> dict[str, tuple[str, str]]:
    return {figure.name: (figure.value.text, figure.remark) for figure in status_page(snapshot, one.settings, NOTHING).figures}


def test_a_wrong_zone_is_asked_about_before_the_first_new_line_and_is_no_silence(one: Monitor) -> None:
    now, hours = time.time(), 5 * 3600.0
    bot = replace(one.pipeline.snapshot.bot, cycle_ts=now - hours)
    own = replace(one.pipeline.snapshot.own, timestamp_skew=None, last_line=now - 20, alive_at=now - 20 - hours)
    snapshot = replace(one.pipeline.snapshot, bot=bot, own=own)
    state, words = said(one, snapshot)["The bot", "cycle"]
    assert (state, "5 h 0 min from our clock: is log.timezone" in words) == ("warn", True)
    assert figures_of(one, snapshot)["Bot"] == ("unknown", "its times are 5 h 0 min from our clock")
    quiet = replace(snapshot, own=replace(own, last_line=now - LOG_AGE_SECONDS - 60))
    assert said(one, quiet)["The bot", "cycle"][0] == "bad", "a log that does not grow is silent in any zone"
    assert figures_of(one, quiet)["Bot"][0] == "silent"


def test_while_the_log_is_read_nothing_of_the_bot_is_wrong_yet(one: Monitor) -> None:
    snapshot = one.pipeline.snapshot
    own = replace(snapshot.own, caught_up=False, log_lag=5_718_168, last_line=time.time())
    reading = replace(snapshot, own=own)
    rows = said(one, reading)
    assert ("The bot", "cycle") not in rows
    assert rows["The bot", "log"] == ("off", "The log is being read: what it says of today follows.")
    assert rows["The log", "lag"] == ("warn", "5.7 MB still to be read.")
    assert figures_of(one, reading)["Bot"] == ("–", "its log is being read")
    order = OrderLine(time.time(), "AMD", "buy", 3.0, 100.0, "filled", 1)
    (orders, missed) = status_page(reading, one.settings, Recent(orders=(order,))).tables
    assert [cell.text for cell in orders.rows[0]][-1] == "–", "whose it is depends on lines to come"
    assert missed.none == "The log is being read."


def test_keys_alone_know_no_owner_of_an_order_and_no_brake(one: Monitor) -> None:
    view = BrokerView("paper", account=Account("id", "ACTIVE", equity=900.0), account_at=time.time(), positions=())
    own = replace(one.pipeline.snapshot.own, log_configured=False)
    alone = replace(one.pipeline.snapshot, own=own, broker=view)
    line = OrderLine(time.time(), "AMD", "buy", 3.0, 100.0, "filled", 0)
    fill = FillLine(time.time(), "AMD", "buy", 3.0, 100.0, None, 0)
    page = status_page(alone, one.settings, Recent(orders=(line,), fills=(fill,)))
    assert {table.columns[-1].text for table in page.tables if table.rows} == {"State", "Realized"}
    assert page.about == "Watches one Alpaca account, and never trades."
    assert ("The bot", "limits") not in said(one, alone)


def test_before_the_broker_answers_today_nothing_is_said_not_to_have_happened(one: Monitor) -> None:
    def said_of_none(success: dict[str, float]) -> list[str]:
        snapshot = replace(one.pipeline.snapshot, broker=BrokerView("paper", success=success))
        tables = {table.heading.split()[0]: table for table in status_page(snapshot, one.settings, NOTHING).tables}
        return [tables["Orders"].none, tables["Fills"].none]

    since = one.pipeline.snapshot.day.start + 1
    assert said_of_none({}) == ["The broker has not answered yet today."] * 2
    assert said_of_none({"orders": since, "activities": since}) == ["No order today.", "No fills today."]


@pytest.mark.parametrize("before", [None, 36_000.0])
@pytest.mark.parametrize(
    ("age", "running", "row", "figure", "is_running"),
    [
        (60.0, True, ("ok", "The bot started 1 minute ago; it has begun no cycle yet."), "working", True),
        (3600.0, True, ("bad", "The bot started 1 hour ago; it has begun no cycle yet."), "silent", None),
        (60.0, False, ("bad", "stopped"), "stopped", False),
    ],
)
def test_a_start_and_no_cycle_is_silence_only_once_it_has_lasted(
    one: Monitor, age: float, running: bool, row: tuple[str, str], figure: str, is_running: bool | None, before: float | None
) -> None:
    now = time.time()
    bot = replace(one.pipeline.snapshot.bot, started=now - age, cycle_ts=before and now - before, running=running)
    snapshot = replace(one.pipeline.snapshot, bot=bot)
    state, words = said(one, snapshot)["The bot", "cycle"]
    assert (state, row[1] in words) == (row[0], True), words
    shown = status_page(snapshot, one.settings, NOTHING).figures[0]
    assert (shown.name, shown.value.text) == ("Bot", figure)
    assert snapshot.is_running(now) is is_running


def test_a_bot_whose_last_cycle_is_old_is_silent_wherever_it_is_shown(one: Monitor) -> None:
    now = time.time()
    for age, state, figure in ((CYCLE_AGE_SECONDS - 5, "ok", "working"), (CYCLE_AGE_SECONDS + 5, "bad", "silent")):
        snapshot = replace(one.pipeline.snapshot, bot=replace(one.pipeline.snapshot.bot, cycle_ts=now - age))
        assert said(one, snapshot)["The bot", "cycle"][0] == state
        assert status_page(snapshot, one.settings, NOTHING).figures[0].value.text == figure
        assert snapshot.is_running(now) is (True if figure == "working" else None)


def brake(one: Monitor, snapshot: Snapshot) -> tuple[str, str, str, str]:
    """The brake's state and sentence, and its large figure with the remark."""
    figure = next(figure for figure in today.figures(snapshot) if figure.name == "Emergency brake")
    return *said(one, snapshot)["The bot", "brake"], figure.value.text, figure.remark


def test_a_brake_that_holds_cannot_be_taken_for_one_that_is_over(one: Monitor) -> None:
    one.say(BRAKE.replace(STAMP, f"{datetime.now(NEW_YORK):%Y-%m-%d %H:%M:%S}"))
    state, words, figure, remark = brake(one, one.pipeline.snapshot)
    assert state == "warn"
    assert words.startswith("The emergency brake is on, and the bot buys nothing: it began ")
    assert (figure, remark.startswith("no buying, began ")) == ("ON", True)


def test_the_brake_of_a_silent_log_is_unknown_and_says_since_when(one: Monitor) -> None:
    snapshot = one.pipeline.snapshot
    own = replace(snapshot.own, alive_at=time.time() - 3.5 * 86400)
    state, words, *figure = brake(one, replace(snapshot, own=own))
    assert (state, figure) == ("warn", ["unknown", "on when the log fell silent, 3 days ago"])
    assert words == "Unknown: the emergency brake was on when the bot's log fell silent, 3 days ago."
    state, words, *figure = brake(one, replace(snapshot, own=own, bot=replace(snapshot.bot, brake=None)))
    assert (state, figure) == ("off", ["unknown", "off when the log fell silent, 3 days ago"])


def test_a_day_of_which_the_log_says_nothing_has_no_zeros(one: Monitor) -> None:
    snapshot = replace(one.pipeline.snapshot, day=replace(one.pipeline.snapshot.day, start=time.time() - 3600))
    assert said(one, snapshot)["The bot", "today"][0] == "off"
    living = replace(snapshot, own=replace(snapshot.own, alive_at=time.time()))
    state, words = said(one, living)["The bot", "today"]
    assert (state, words.startswith("0 ordered for $0.00")) == ("ok", True)


def test_every_figure_of_the_log_says_its_age(one: Monitor) -> None:
    one.say(f"{STAMP} [INFO] [ACCOUNT] equity=$1000.00 cash=$10.00 leverage=99.0% margin_debt=$0.00 pl=$-3.10 pl_pct=-0.3%")
    figures = today.figures(one.pipeline.snapshot)
    assert len(figures) == 5
    assert all(re.search(r"\d+ days? ago$", figure.remark) for figure in figures), figures


def test_a_problem_of_the_log_names_its_path_once(one: Monitor) -> None:
    for problem in (f"{one.log} may not be read by user id 1", "the folder is gone"):
        own = replace(one.pipeline.snapshot.own, log_up=False, log_problem=problem)
        state, words = said(one, replace(one.pipeline.snapshot, own=own))["The log", "file"]
        assert (state, words.count(str(one.log))) == ("bad", 1)


def test_what_is_odd_about_the_log_is_said_and_nothing_else(one: Monitor) -> None:
    words = {name: state for (heading, name), (state, _) in said(one, one.pipeline.snapshot).items() if heading == "The log"}
    assert words == {"file": "ok", "last line": "ok"}
    now = time.time()
    one.say(f"{datetime.fromtimestamp(now, NEW_YORK):%Y-%m-%d %H:%M:%S} [INFO] [TRADE] BUY AMD lots")
    own = replace(one.pipeline.snapshot.own, last_line=time.time() - LOG_AGE_SECONDS - 1, log_lag=1_234)
    gaps = (GapLine(now - 60, "truncated", "at 5"), GapLine(now - 90, "unreachable", "of 7"))
    odd = said(one, replace(one.pipeline.snapshot, own=own), Recent(gaps=gaps))
    assert odd["The log", "lag"] == ("warn", "1,234 bytes still to be read.")
    assert odd["The log", "last line"][0] == "warn"
    assert odd["The log", "format"] == (
        "warn",
        "1 line of the last day could not be read: is the log damaged, or did the bot change its form?",
    )
    assert odd["The log", "damaged line"][0] == "warn"
    assert "BUY AMD lots" in odd["The log", "damaged line"][1]
    assert odd["The log", "gaps"] == (
        "warn",
        "Lines may have been lost in 2 places before they could be read (found within the last day).",
    )
    assert odd["The log", "truncated"] == ("warn", "at 5; found 1 minute ago.")


def test_what_was_odd_before_the_last_day_is_not_odd_for_ever(one: Monitor) -> None:
    one.say(f"{STAMP} [INFO] [TRADE] BUY AMD lots")
    snapshot = one.pipeline.snapshot
    assert snapshot.counters["bigdipper_log_malformed_total"]
    found = said(one, snapshot)
    assert ("The log", "format") not in found
    assert found["The log", "damaged line"][0] == "off"


@pytest.mark.parametrize(("times", "state"), [(2, "warn"), (3, "bad")])
def test_a_bot_whose_cycles_fail_is_not_fine(one: Monitor, times: int, state: str) -> None:
    error = ErrorLine("cycle", time.time() - 30, times, "Error in trading cycle: <no> attribute")
    found = said(one, one.pipeline.snapshot, Recent(errors=(error,)))
    assert found["The bot", "errors"] == (state, f"The bot logged {times} errors within the last hour.")
    html = landing.render(status_page(one.pipeline.snapshot, one.settings, Recent(errors=(error,))), ())
    assert "<td>Error in trading cycle: &lt;no&gt; attribute</td>" in html


def test_a_full_page_is_small_and_every_word_in_it_is_escaped(one: Monitor) -> None:
    evil = "<script>alert('&')</script>" * 7
    now = time.time()
    recent = Recent(
        (OrderLine(now, "AMD", evil, 1.0, 2.0, "filled", 1),) * 20,
        (FillLine(now, evil, "buy", 1.0, 2.0, -3.0, 0),) * 20,
        (MissedLine("AMD", evil, 3, now, -5.0),) * 20,
        (ErrorLine("cycle", now, 3, evil),) * 20,
        (GapLine(now, "truncated", evil),) * 20,
        tuple(EquityPoint(number * 86400.0, 1000.0 + number) for number in range(90)),
    )
    positions = tuple(Position(f"S{number}", 1.0, "us_equity", 1.0, 1.0, 1.0, 1.0, -1.0, -0.5, 1.0) for number in range(500))
    view = BrokerView("paper", account=Account("id", "ACTIVE", equity=900.0), account_at=now, positions=positions)
    snapshot = replace(one.pipeline.snapshot, broker=view)
    firing = Firing((FiringAlert("BrakeActive", "critical", "", evil, now, False),) * MOST_ALERTS, now)
    html = landing.render(status_page(snapshot, replace(one.settings, bot_name=evil), recent, firing), ())
    assert "<script" not in html
    assert "and 450 smaller ones" in html
    assert len(html) < 60_000


def test_a_damaged_line_before_any_time_has_no_age(tmp_path: Path) -> None:
    with monitor(tmp_path) as bot:
        bot.say("2026-11-27 05:00:00 hello, this is another program")
        sections = dict(status_page(bot.pipeline.snapshot, bot.settings, NOTHING).sections)
    (said,) = (row[2] for row in sections["The log"] if row[1] == "damaged line")
    assert said.endswith("another program")


def test_the_figures_are_the_brokers_or_the_logs_never_both(one: Monitor) -> None:
    names = [figure.name for figure in status_page(one.pipeline.snapshot, one.settings, NOTHING).figures]
    assert names == ["Bot", "Emergency brake"], "what is not known is not shown"
    one.say(f"{STAMP} [INFO] 💰 Account: $1,000.00 equity, $-50.00 cash, Margin: 5.00%/20.00%")
    account = Account("id", "ACTIVE", equity=900.0, cash=-10.0)
    shown = []
    for broker in (None, BrokerView("live", account=account, day_profit=-12.5)):
        page = status_page(replace(one.pipeline.snapshot, broker=broker), one.settings, NOTHING)
        shown.append({figure.name: figure.value.text for figure in page.figures[2:]})
    assert shown == [
        {"Equity": "$1,000.00", "Cash": "-$50.00"},
        {"Equity": "$900.00", "Profit today": "-$12.50", "Cash": "-$10.00"},
    ]


def test_the_profit_of_the_log_is_todays_or_not_shown(one: Monitor) -> None:
    def shown(day_start: float) -> dict[str, str]:
        snapshot = one.pipeline.snapshot
        day = replace(snapshot.day, start=day_start, previous_equity=1_010.0)
        page = status_page(replace(snapshot, day=day, broker=None), one.settings, NOTHING)
        return {figure.name: figure.value.text for figure in page.figures[2:]}

    one.say(f"{STAMP} [INFO] 💰 Account: $1,000.00 equity, $-50.00 cash, Margin: 5.00%/20.00%")
    said = one.pipeline.snapshot.bot.account_ts
    assert said is not None
    assert shown(said)["Profit today"] == "-$10.00"
    assert "Profit today" not in shown(said + 1), "the account line is of an earlier day"


def test_alerts_are_those_of_this_bot_and_the_others_a_number(one: Monitor) -> None:
    def alert(name: str, bot: str, severity: str = "critical", silenced: bool = False) -> FiringAlert:
        return FiringAlert(name, severity, bot, "Something", time.time() - 60, silenced)

    firing = Firing((alert("A", "main"), alert("B", "second"), alert("C", ""), alert("D", "main", silenced=True)), time.time())
    named = replace(one.settings, bot_name="main")
    rows = {row[1]: row for row in status_page(one.pipeline.snapshot, named, Recent(), firing).sections[0][1]}
    assert set(rows) == {"A", "C", "D", "other bots"}
    assert (rows["A"][0], rows["D"][0]) == ("bad", "ok")
    assert rows["A"][2] == "Something; began 1 minute ago."
    assert rows["other bots"] == ("warn", "other bots", "1 alert of second, 1 critical.")
    assert said(one, one.pipeline.snapshot, firing=firing)["Alerts", "B"] == ("bad", "Something (second); began 1 minute ago.")
    assert said(one, one.pipeline.snapshot, firing=Firing(at=1.0))["Alerts", "none"][0] == "ok"
    assert said(one, one.pipeline.snapshot, firing=Firing(problem="refused"))["Alerts", "Alertmanager"][0] == "warn"


def alerts_of(one: Monitor, firing: Firing, name: str) -> list[landing.Row]:
    """The rows about alerts on the page of the bot `name`."""
    return status_page(one.pipeline.snapshot, replace(one.settings, bot_name=name), Recent(), firing).sections[0][1]


def test_a_bot_that_alerts_know_by_another_name_is_not_fine(one: Monitor) -> None:
    firing = Firing((FiringAlert("BotSilent", "critical", "big-dipper", "Bot silent", time.time(), False),), time.time())
    none, others = alerts_of(one, firing, "my-bot")
    assert none == ("ok", "none", "No alert of my-bot is firing.")
    assert others[0] == "warn"
    assert others[2].startswith("1 alert of big-dipper, 1 critical. Is this bot one of them?")


def test_alerts_of_other_bots_push_none_of_this_one_off_the_page(one: Monitor) -> None:
    others = tuple(FiringAlert("ExporterDown", "critical", f"b{n}", "", time.time(), False) for n in range(MOST_ALERTS))
    own = FiringAlert("MissedTrades", "warning", "mine", "Missed", time.time(), False)
    assert [row[1] for row in alerts_of(one, Firing((*others, own), time.time()), "mine")] == ["MissedTrades", "other bots"]
    many = [row[1] for row in alerts_of(one, Firing((own,) * (MOST_ALERTS + 3), time.time()), "mine")]
    assert many == ["MissedTrades"] * MOST_ALERTS + ["more"]


def test_an_alertmanager_that_has_just_started_may_not_know_all(one: Monitor) -> None:
    now = time.time()
    ((state, name, words),) = alerts_of(one, Firing(at=now, started=now - 180), "mine")
    assert (state, name) == ("off", "Alertmanager"), "every start would be something to look at"
    assert words.startswith("It started 3 minutes ago")
    assert alerts_of(one, Firing(at=now, started=now - 1000), "mine") == [("ok", "none", "No alert is firing.")]


@pytest.mark.parametrize(
    ("states", "overall", "summary"),
    [
        ([], "ok", "everything is fine"),
        (["ok", "off"], "ok", "everything is fine"),
        (["ok", "warn", "off"], "warn", "1 to look at"),
        (["warn", "bad", "bad", "ok"], "bad", "2 problems, 1 to look at"),
    ],
)
def test_the_page_begins_with_the_worst_of_what_it_says(states: list[landing.State], overall: str, summary: str) -> None:
    html = landing.render(
        landing.Page("title", "1", [("heading", [landing.Row(state, "name", "words") for state in states])]), ()
    )
    assert re.search(rf'<p class="overall {overall}">.*</span> {summary}</p>', html)


@pytest.mark.parametrize(
    ("up", "state", "words"),
    [
        ({}, "off", "No poll has finished yet."),
        ({"account": True}, "ok", "Every poll worked."),
        ({"account": True, "orders": False}, "bad", "The last poll failed for: orders."),
    ],
)
def test_the_broker_is_fine_only_after_it_answered(one: Monitor, up: dict[str, bool], state: str, words: str) -> None:
    view = BrokerView("paper", up=up, account_at=time.time())  # type: ignore[arg-type]
    assert said(one, replace(one.pipeline.snapshot, broker=view))["The broker", "Alpaca"] == (state, words)


def test_the_rebuilding_of_the_past_is_shown_until_it_is_done(one: Monitor) -> None:
    view = BrokerView("paper", up={"account": True}, account_at=time.time(), backfill=0.4, history=HistoryDays(66, 40, 12))
    found = said(one, replace(one.pipeline.snapshot, broker=view))["The broker", "history"]
    assert found == ("ok", "Reading the account's history: equity for 40 of 66 days, all figures for 12.")
    done = replace(view, backfill=1.0)
    assert ("The broker", "history") not in said(one, replace(one.pipeline.snapshot, broker=done))
    reading = replace(one.pipeline.snapshot, broker=done, prices=PriceView("SPY"))
    assert ("The broker", "history") in said(one, reading)


@pytest.mark.parametrize("reason", REASONS)
def test_a_failed_poll_says_why_in_plain_words(one: Monitor, reason: Reason) -> None:
    view = BrokerView("paper", up={"account": False, "orders": False, "clock": True}, why={"account": reason, "orders": reason})
    state, words = said(one, replace(one.pipeline.snapshot, broker=view))["The broker", "Alpaca"]
    assert (state, words) == ("bad", f"The last poll failed for: account, orders. {FAILURES[reason]}")


@pytest.mark.parametrize(
    ("flow", "words"),
    [
        (None, "down $100.00 today"),
        (0.0, "down $100.00 today"),
        (-100.0, "unchanged today without $100.00 that was withdrawn"),
        (1500.0, "down $1,600.00 today without $1,500.00 that was deposited"),
        (-500.0, "up $400.00 today without $500.00 that was withdrawn"),
    ],
)
def test_what_the_owner_moved_is_no_result_of_the_day(one: Monitor, flow: float | None, words: str) -> None:
    account = Account("id", "ACTIVE", equity=900.0, last_equity=1000.0)
    view = BrokerView("paper", account=account, account_at=time.time(), cash_flow_today=flow, day_profit=-100 - (flow or 0))
    _, sentence = said(one, replace(one.pipeline.snapshot, broker=view))["The bot", "account"]
    assert sentence.startswith(f"Equity $900.00, {words}, as the broker said ")


def test_an_answer_that_is_not_believed_is_said_to_be_so(one: Monitor) -> None:
    account = Account("id", "ACTIVE", equity=900.0)
    view = BrokerView("paper", account=account, account_at=time.time(), doubts=("sum",))
    state, words = said(one, replace(one.pipeline.snapshot, broker=view))["The bot", "not believed"]
    assert (state, "equity is not the sum of cash and positions" in words) == ("warn", True)


@pytest.mark.parametrize(("free", "state"), [(2_147_000_000, "warn"), (2_148_000_000, "ok"), (None, "ok")])
def test_a_disk_that_is_nearly_full_is_not_fine(one: Monitor, free: int | None, state: str) -> None:
    own = replace(one.pipeline.snapshot.own, archive=Statistics(disk_free=free))
    assert said(one, replace(one.pipeline.snapshot, own=own))["The archive", "file"][0] == state


def test_a_log_without_a_cycle_is_not_fine(one: Monitor) -> None:
    snapshot = one.pipeline.snapshot
    bot = replace(snapshot.bot, cycle_ts=None)
    found = said(one, replace(snapshot, bot=bot, own=replace(snapshot.own, last_line=None)))
    assert found["The bot", "cycle"][0] == "warn"
    assert found["The log", "last line"] == ("warn", "No line was read yet.")


@pytest.mark.parametrize(("status", "state"), [("filled", "filled"), ("new", "open"), ("done_for_day", "done for day")])
def test_a_phone_shows_the_side_of_an_order_its_state_and_whose_it_is(one: Monitor, status: str, state: str) -> None:
    sold = OrderLine(time.time(), "KTOS", "sell", 119.1407, 53.75, status, 1)
    tables = status_page(one.pipeline.snapshot, one.settings, Recent((sold,))).tables
    (row,) = next(table.rows for table in tables if table.heading.startswith("Orders today"))
    assert [cell.text for cell in row if not cell.minor] == ["KTOS", "sell 119.1407", "$53.75", state, "by hand"]


def test_a_day_without_orders_names_the_bots_last_one(one: Monitor) -> None:
    recent = Recent(last_order=LastOrder(time.time() - 3 * 86400, "AMD"))
    tables = status_page(one.pipeline.snapshot, one.settings, recent).tables
    assert next(table.none for table in tables if table.heading.startswith("Orders today")) == (
        "No order today. The bot's last was AMD, 3 days ago."
    )


@pytest.mark.parametrize(("days", "state"), [(4, "ok"), (6, "warn")])
def test_equity_of_the_log_that_is_older_than_any_weekend_is_a_warning(one: Monitor, days: int, state: str) -> None:
    bot = replace(one.pipeline.snapshot.bot, equity=20_000.0, account_ts=time.time() - days * 86400)
    found, words = said(one, replace(one.pipeline.snapshot, bot=bot))["The bot", "account"]
    assert (found, words) == (state, f"Equity $20,000.00, as the bot said {days} days ago.")
