"""What the lines add up to: cycles, accounts, brake episodes, opportunities and their outcome, errors, restarts of the bot."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from exporter.config.load import load
from exporter.log.records import PIECE, pieces
from exporter.state import MAX_SYMBOLS, narrow
from tests.oracle import unix
from tests.running import Monitor, monitor

DAY = "2025-10-17"
ACCOUNT = "[ACCOUNT] equity=$20000.00 cash=$-500.00 leverage=102.5% margin_debt=$0.00 pl=$-342.10 pl_pct=-0.98%"
BRAKE = "⚠️  EMERGENCY BRAKE: Leverage 115.7% > 115.0%"
HALTING = "   HALTING ALL TRADING this cycle"
REGULAR = "☀️ Regular Hours (regular hours)"


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Monitor]:
    with monitor(tmp_path) as one:
        yield one


def lines(time: str, *messages: str, level: str = "INFO", day: str = DAY) -> list[str]:
    """Messages of one moment, as the bot logs them."""
    return [f"{day} {time} [{level}] {message}" for message in messages]


def cycle(time: str, *messages: str, number: int = 1, day: str = DAY) -> list[str]:
    """A cycle as the bot logs it: its frame, and messages."""
    frame = [f"{day} {time} [INFO] ", "=" * 60]
    return frame + lines(time, f"Cycle #{number} - {time}", "=" * 60, *messages, day=day)


def at(time: str, day: str = DAY) -> float:
    return unix(f"{day} {time}")


# -- the brake


def brakes(bot: Monitor) -> list[tuple[Any, ...]]:
    """Start, end, seconds and cycles of each episode."""
    return bot.rows("SELECT started, ended, duration_seconds, cycles FROM brake_events ORDER BY id")


def test_a_brake_begins_with_its_line_and_ends_with_the_first_line_of_a_cycle_past_the_check(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", REGULAR, BRAKE, HALTING))
    assert bot.value("bigdipper_brake_active") == 1
    assert bot.value("bigdipper_brake_started_timestamp_seconds") == at("09:30:00")
    assert bot.value("bigdipper_brake_level_ratio") == 1.157
    assert brakes(bot) == [(at("09:30:00"), None, None, 1)]
    bot.say(*cycle("09:31:00", REGULAR, BRAKE, HALTING), *cycle("09:32:00", REGULAR, "📊 Positions: None", ACCOUNT))
    assert bot.value("bigdipper_brake_active") == 0
    assert bot.value("bigdipper_brake_started_timestamp_seconds") is None
    assert bot.value("bigdipper_brake_episodes_total") == 1
    assert bot.value("bigdipper_brake_seconds_total") == 120
    assert bot.value("bigdipper_halts_total", cause="brake") == 2
    assert brakes(bot) == [(at("09:30:00"), at("09:32:00"), 120, 2)]


@pytest.mark.parametrize(
    "line",
    [
        "💤 Market closed. Next open: 2025-10-20 09:30 ET",
        "❌ Cycle error: connection reset",
        "❌ UNEXPECTED ERROR getting positions: timed out",
        "❌ POSITION TRACKING FAILED - SDK validation error",
        "🌟 Big Dipper v2.16 started in PAPER mode",
        "🔍 Scan complete: 0 opportunities found",
    ],
)
def test_what_proves_nothing_does_not_end_an_episode(bot: Monitor, line: str) -> None:
    bot.say(*cycle("09:30:00", REGULAR, BRAKE), *cycle("09:31:00", REGULAR, line), *cycle("09:33:00", REGULAR, BRAKE))
    assert bot.value("bigdipper_brake_episodes_total") == 1
    assert bot.value("bigdipper_brake_seconds_total") == 180
    assert brakes(bot) == [(at("09:30:00"), None, None, 2)]


def test_a_second_brake_after_a_free_cycle_is_a_second_episode(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", BRAKE), *cycle("09:31:00", ACCOUNT), *cycle("09:32:00", BRAKE), *cycle("09:33:00", ACCOUNT))
    assert [row[1:] for row in brakes(bot)] == [(at("09:31:00"), 60, 1), (at("09:33:00"), 60, 1)]


def test_v218_stumbling_over_its_own_brake_report_is_still_the_brake(bot: Monitor) -> None:
    bug = ("❌ UNEXPECTED ERROR getting positions: 'score'", "⏸️  HALTING ALL TRADING this cycle for safety")
    bot.say(*cycle("09:30:00", BRAKE, "   Missed 15 opportunities during brake:", *bug), *cycle("09:31:00", BRAKE, HALTING))
    assert bot.value("bigdipper_halts_total", cause="brake") == 2
    assert bot.value("bigdipper_halts_total", cause="unexpected_error") == 0
    assert bot.value("bigdipper_missed_trades_total", reason="missed_brake") == 15
    assert brakes(bot) == [(at("09:30:00"), None, None, 2)]
    # The same words without a brake in the cycle are a halt of their own.
    bot.say(*cycle("09:32:00", *bug))
    assert bot.value("bigdipper_halts_total", cause="unexpected_error") == 1


def test_the_brakes_figures_are_kept_with_the_episode(bot: Monitor) -> None:
    bot.say(*cycle(
        "09:30:00", "[BRAKE] 🛑 EMERGENCY BRAKE (cycle 1): Margin at 15.73%", "   Margin debt: $5,480.82 / Equity: $34,842.64",
        "   💡 Reduce debt by $254.42 to resume trading", "⚠️  MISSING 2 opportunities due to emergency brake:",
        "   💎 AMD   : -6.21% dip (score: 1.24x) @ $152.20",
    ))  # fmt: skip
    bot.say(*cycle("09:31:00", "[BRAKE] 🛑 EMERGENCY BRAKE (cycle 2): Margin at 16.00%"))
    columns = "margin_ratio, leverage_ratio, peak_ratio, margin_debt, equity, reduce_usd, missed_opportunities"
    assert bot.rows(f"SELECT {columns} FROM brake_events") == [(0.1573, None, 0.16, 5480.82, 34842.64, 254.42, 2)]
    assert bot.rows("SELECT symbol, outcome FROM opportunities") == [("AMD", "missed_brake")]


def test_figures_of_a_brake_belong_to_a_cycle_that_is_braked(bot: Monitor) -> None:
    figures = "   Margin debt: $5,480.82 / Equity: $34,842.64"
    bot.say(*cycle("09:29:00", figures), *cycle("09:30:00", BRAKE), *cycle("09:31:00", figures))
    assert bot.rows("SELECT margin_debt, equity FROM brake_events") == [(None, None)]


def test_an_episode_goes_on_through_a_restart_of_the_exporter(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", BRAKE))
    bot.restart()
    assert bot.value("bigdipper_brake_active") == 1
    bot.say(*cycle("09:31:00", BRAKE), *cycle("09:32:00", ACCOUNT))
    assert bot.value("bigdipper_brake_episodes_total") == 1
    assert brakes(bot) == [(at("09:30:00"), at("09:32:00"), 120, 2)]


def test_time_under_the_brake_is_split_at_the_start_of_the_trading_day(bot: Monitor) -> None:
    bot.say(*cycle("23:00:00", BRAKE), *cycle("03:59:00", BRAKE, day="2025-10-18"), *cycle("04:01:00", BRAKE, day="2025-10-18"))
    bot.say(*cycle("06:00:00", ACCOUNT, day="2025-10-20"))
    days = dict(bot.rows("SELECT date, brake_seconds FROM daily_stats WHERE brake_seconds"))
    hour = 3600
    expected = {"2025-10-17": 5 * hour, "2025-10-18": 24 * hour, "2025-10-19": 24 * hour, "2025-10-20": 2 * hour}
    assert days == expected
    assert dict(bot.rows("SELECT date, brake_events FROM daily_stats WHERE brake_events")) == {"2025-10-17": 1}
    assert bot.value("bigdipper_brake_seconds_total") == sum(expected.values())
    assert bot.rows("SELECT duration_seconds FROM brake_events") == [(sum(expected.values()),)]


def test_a_clock_set_back_inside_an_episode_takes_no_time_away(bot: Monitor) -> None:
    bot.say(*cycle("10:00:00", BRAKE), *cycle("10:01:00", BRAKE), *cycle("09:02:00", BRAKE), *cycle("09:03:00", BRAKE))
    assert bot.value("bigdipper_brake_seconds_total") == 120
    bot.say(*cycle("09:04:00", ACCOUNT))
    ((started, ended, seconds, cycles),) = brakes(bot)
    assert (started, seconds, cycles) == (at("10:00:00"), 180, 4)
    assert ended >= started


# -- cycles and accounts


def test_two_account_lines_of_one_cycle_are_one_snapshot(bot: Monitor) -> None:
    old = "💰 Account: $34,842.64 equity, $-5,480.82 cash, Margin: 15.73%/20.00%"
    new = "[ACCOUNT] equity=$34842.64 cash=$-5480.82 margin=15.73% pl=$+342.10 pl_pct=+0.98%"
    bot.say(*cycle("09:30:00", REGULAR, old, "📊 Positions: 18 stocks, $32,297.46 invested (92.73%)", new))
    columns = "cycle_number, equity, cash, margin_ratio, leverage_ratio, pl_dollar, pl_percent, market_status, source"
    row = (1, 34842.64, -5480.82, 0.1573, None, 342.1, 0.98, "regular", "log")
    assert bot.rows(f"SELECT {columns} FROM account_history") == [row]
    bot.say(*cycle("09:31:00", old, new, number=2))
    assert bot.rows("SELECT count(*) FROM account_history") == [(2,)]


def test_the_snapshot_is_one_row_also_when_the_exporter_restarts_between_its_two_lines(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", "💰 Account: $34,842.64 equity, $-5,480.82 cash, Margin: 15.73%/20.00%"))
    bot.restart()
    bot.say(*lines("09:30:00", "[ACCOUNT] equity=$34842.64 cash=$-5480.82 margin=15.73% pl=$+342.10 pl_pct=+0.98%"))
    assert bot.rows("SELECT equity, pl_dollar FROM account_history") == [(34842.64, 342.1)]


def test_margin_and_leverage_exclude_each_other_and_profit_stays_until_the_next_that_names_it(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", "[ACCOUNT] equity=$35000.12 cash=$2500.00 margin=7.00% pl=$+342.10 pl_pct=+0.98%"))
    assert bot.value("bigdipper_bot_margin_ratio") == 0.07
    assert bot.value("bigdipper_bot_leverage_ratio") is None
    bot.say(*cycle("09:31:00", "[ACCOUNT] equity=$20000.00 cash=$20000.00 leverage=0.0%"))
    assert bot.value("bigdipper_bot_margin_ratio") is None
    assert bot.value("bigdipper_bot_leverage_ratio") == 0
    assert bot.value("bigdipper_bot_unrealized_pl_usd") == 342.1
    assert bot.value("bigdipper_bot_margin_debt_usd") is None


def test_nothing_that_was_not_said_has_a_series(bot: Monitor) -> None:
    bot.catch_up()
    present = {name for name, _ in bot.samples() if name.startswith(("bigdipper_bot_", "bigdipper_market"))}
    counting = {name for name in present if name.endswith(("_total", "_bucket", "_sum", "_count"))}
    assert present == counting


def test_a_restart_of_the_bot_is_counted_and_its_cycles_go_on_counting(bot: Monitor) -> None:
    start = lines("09:29:00", "🌟 Big Dipper v2.16 started in LIVE mode", "📊 Watching 3 symbols: NVDA, BRK.B, not a symbol")
    bot.say(*start, *cycle("09:30:00", number=1), *cycle("09:31:00", number=2))
    bot.say(*lines("09:31:30", "👋 Shutting down gracefully..."))
    assert bot.value("bigdipper_bot_running") == 0
    bot.say(*start, *cycle("09:33:00", number=1))
    assert bot.value("bigdipper_bot_running") == 1
    assert bot.value("bigdipper_bot_starts_total") == 2
    assert bot.value("bigdipper_bot_cycles_total") == 3
    assert bot.value("bigdipper_bot_cycle_number") == 1
    assert bot.value("bigdipper_bot_watched_symbols") == 2
    assert bot.value("bigdipper_trades_total", symbol="BRK.B") == 0
    events = bot.rows("SELECT kind, cause FROM bot_events ORDER BY id")
    assert events == [("start", "live"), ("stop", "shutdown"), ("start", "live")]


def test_halts_and_errors_are_kept_with_what_the_bot_said(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", "❌ POSITION TRACKING FAILED - SDK validation error"))
    bot.say(*cycle("09:31:00", "❌ Cycle error: connection reset"))
    assert bot.rows("SELECT ts, date, kind, cause, detail FROM bot_events ORDER BY id") == [
        (at("09:30:00"), DAY, "halt", "positions_unavailable", "❌ POSITION TRACKING FAILED - SDK validation error"),
        (at("09:31:00"), DAY, "error", "cycle", "❌ Cycle error: connection reset"),
    ]


def test_a_fatal_error_ends_the_bot_until_it_cycles_again(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00"), *lines("09:30:01", "Fatal error: no credentials", level="ERROR"))
    assert bot.value("bigdipper_bot_running") == 0
    assert bot.value("bigdipper_bot_errors_total", kind="fatal") == 1
    bot.say(*cycle("09:31:00"))
    assert bot.value("bigdipper_bot_running") == 1


def test_the_session_is_what_the_bot_said_last(bot: Monitor) -> None:
    for line, expected in [
        ("🌙 Pre-Market (extended hours)", "extended"),
        (REGULAR, "regular"),
        ("🌙 After-Hours (extended hours)", "extended"),
        ("💤 Market closed. Next open: 2025-10-17 09:30 ET", "closed"),
        ("Regular", "regular"),
    ]:
        bot.say(*cycle("09:30:00", line))
        said = {s: bot.value("bigdipper_market_session", session=s) for s in ("regular", "extended", "closed")}
        assert said == {s: float(s == expected) for s in said}


# -- opportunities, skips, trades

OPPORTUNITY = "[OPPORTUNITY] AMD -6.21% @ $152.20 score=1.24x QUALIFIED"
BUY = (
    "💎 AMD BUY: -6.21% dip @ $152.20 (score: 1.24x)",
    "   📊 Filters: VolAdj 0.9x, Threshold: 5.00%, Intraday: -6.80% → 1.5x size",
)
TRADE = "[TRADE] BUY AMD: 10.0000 shares @ $152.35 = $1,523.50 (order 6f1c2a9e-0000-4000-8000-000000000001)"


@pytest.mark.parametrize(
    ("last", "outcome", "reason"),
    [
        (TRADE, "submitted", None),
        ("[TRADE] BUY AMD 10 @ $152.35 = $1523.50", "submitted", None),
        ("✅ BUY AMD: 10.0000 shares @ $152.35 = $1,523.50 (order 6f1c2a9e)", "submitted", None),
        ("AMD: Would exceed leverage limit (121.3% > 120.0%)", "capital", "leverage_limit"),
        ("AMD: Insufficient buying power (need $1,700.00, have $12.00)", "capital", "buying_power"),
        ("AMD: Position size too small (0.0041 shares)", "too_small", "too_small"),
        ("[SKIP] AMD wash_sale_conflict (opposite order exists)", "rejected", "wash_sale_conflict"),
        ("[SKIP] AMD not_fractionable (use whole shares)", "rejected", "not_fractionable"),
        ("AMD: No quote available", "rejected", "no_quote"),
        ('❌ Failed to place order for AMD: {"message": "internal server error"}', "rejected", "order_failed"),
        ("[SKIP] AMD the moon is full", "rejected", "other"),
        ("AMD: Cooldown active (local cache)", "rejected", "cooldown"),
        ("[SKIP] AMD Position $5132 at max $5250", "rejected", "position_at_max"),
        ("   ⏭️  AMD   : -6.21% dip (score: 1.24x)", "capital", None),
        (REGULAR, "unknown", None),
    ],
)
@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_a_dip_is_one_row_whose_outcome_is_what_came_of_it(
    bot: Monitor, level: str, last: str, outcome: str, reason: str | None
) -> None:
    told = (OPPORTUNITY, *BUY) if level == "DEBUG" else BUY
    bot.say(*cycle("09:30:00", *told), *lines("09:30:01", last))
    columns = "symbol, dip_percent, price, score, outcome, reason, threshold_percent, volatility_factor, size_factor"
    assert bot.rows(f"SELECT {columns} FROM opportunities") == [("AMD", -6.21, 152.2, 1.24, outcome, reason, 5.0, 0.9, 1.5)]
    assert bot.value("bigdipper_opportunities_total", symbol="AMD") == 1


def test_what_only_debug_tells_does_not_change_how_many_trades_were_missed(bot: Monitor) -> None:
    for minute in range(30, 35):
        bot.say(*cycle(f"09:{minute}:00", OPPORTUNITY, "AMD: Position size too small (0.0000 shares)"))
    assert bot.value("bigdipper_skips_total", symbol="AMD", reason="too_small") == 5
    assert bot.rows("SELECT symbol, reason, count FROM skip_counts") == [("AMD", "too_small", 5)]
    assert bot.rows("SELECT DISTINCT outcome FROM opportunities") == [("too_small",)]
    assert bot.rows("SELECT missed_trades FROM daily_stats") == [(0,)]
    assert bot.rows("SELECT count(*) FROM skips") == [(0,)]


def test_the_same_symbol_in_the_next_cycle_is_another_opportunity(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", OPPORTUNITY, *BUY, TRADE), *cycle("09:31:00", OPPORTUNITY))
    assert bot.rows("SELECT outcome FROM opportunities ORDER BY id") == [("submitted",), ("unknown",)]
    assert bot.value("bigdipper_opportunities_total", symbol="AMD") == 2


def test_the_outcome_reaches_its_row_through_a_restart_of_the_exporter(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", OPPORTUNITY))
    bot.restart()
    bot.say(*lines("09:30:01", *BUY))
    bot.restart()
    bot.say(*lines("09:30:02", TRADE))
    assert bot.rows("SELECT symbol, outcome, size_factor FROM opportunities") == [("AMD", "submitted", 1.5)]
    assert bot.value("bigdipper_opportunities_total", symbol="AMD") == 1


def test_a_left_out_dip_is_told_by_its_line_alone(bot: Monitor) -> None:
    bot.say(*cycle(
        "09:30:00", "AMD: Would exceed leverage limit (131.1% > 120.0%)",
        "💰 CAPITAL EXHAUSTED: Skipped 1 opportunities after deploying $2,087.87 this cycle:",
        "   ⏭️  AMD   : -7.15% dip (score: 1.02x)",
    ))  # fmt: skip
    assert bot.rows("SELECT symbol, dip_percent, outcome FROM opportunities") == [("AMD", -7.15, "capital")]
    assert bot.rows("SELECT symbol, reason, detail FROM skips") == [
        ("AMD", "leverage_limit", "AMD: Would exceed leverage limit (131.1% > 120.0%)")
    ]


def test_a_missed_trade_is_a_row_with_the_dip_of_its_opportunity_and_a_routine_skip_a_sum(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", OPPORTUNITY, "AMD: No quote available", *["[SKIP] NVDA Dip -4.2% < absolute min 5.0%"] * 3))
    bot.say(*cycle("10:00:00", "[SKIP] NVDA Dip -4.2% < absolute min 5.0%"))
    assert bot.rows("SELECT symbol, reason, dip_percent FROM skips") == [("AMD", "no_quote", -6.21)]
    assert bot.rows("SELECT * FROM skip_counts") == [
        (at("09:00:00"), "NVDA", "below_absolute_min", 3), (at("10:00:00"), "NVDA", "below_absolute_min", 1)
    ]  # fmt: skip
    assert bot.value("bigdipper_skips_total", symbol="NVDA", reason="below_absolute_min") == 4
    assert bot.value("bigdipper_missed_trades_total", reason="no_quote") == 1


def test_an_error_body_never_becomes_an_event_and_is_kept_short(bot: Monitor) -> None:
    body = '❌ Failed to place order for AMD: {"message": "[TRADE] BUY TSLA 1 @ $1.00 = $1.00 ' + "x" * 5000
    bot.say(*cycle("09:30:00", body), "Traceback:", "[TRADE] BUY TSLA 1 @ $1.00 = $1.00", "Cycle #99")
    assert bot.rows("SELECT count(*) FROM trades") == [(0,)]
    assert bot.value("bigdipper_bot_cycle_number") == 1
    ((detail,),) = bot.rows("SELECT detail FROM skips")
    assert len(detail) == 500


def test_numbers_beyond_reason_and_signs_where_none_belong_are_malformed(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00"), *lines(
        "09:30:01", f"[TRADE] BUY AMD 10 @ $1.00 = ${'9' * 400}", "[TRADE] BUY AMD 10 @ $1.00 = $-10.00",
        "⏱️  Cycle took -3.4s, sleeping 56.6s...", f"Cycle #{'9' * 30}", f"[ACCOUNT] equity=${'9' * 400} cash=$1.00 margin=1.0%",
    ))  # fmt: skip
    assert bot.value("bigdipper_log_malformed_total", kind="trade") == 2
    assert bot.value("bigdipper_log_malformed_total", kind="cycle") == 1
    assert bot.value("bigdipper_log_malformed_total", kind="cycle_took") == 1
    assert bot.value("bigdipper_log_malformed_total", kind="account") == 1
    assert bot.value("bigdipper_trade_value_usd_total", symbol="AMD") is None


def test_a_line_of_a_time_that_there_is_not_is_malformed_and_no_event(bot: Monitor) -> None:
    bot.say(*lines("09:30:00", TRADE, day="2025-02-30"), *lines("09:30:61", TRADE), *lines("09:31:00", TRADE))
    assert bot.value("bigdipper_log_malformed_total", kind="timestamp") == 2
    assert bot.rows("SELECT ts FROM trades") == [(at("09:31:00"),)]


# -- labels, forms


def test_symbols_beyond_the_limit_share_a_label_and_keep_their_name_in_the_archive(bot: Monitor) -> None:
    trades = [f"[TRADE] BUY S{number} 1 @ $1.00 = $1.00" for number in range(MAX_SYMBOLS + 20)]
    bot.say(*cycle("09:30:00", *trades))
    symbols = {dict(labels)["symbol"] for name, labels in bot.samples() if name == "bigdipper_trades_total"}
    assert len(symbols) == MAX_SYMBOLS + 1
    assert bot.value("bigdipper_trades_total", symbol="other") == 20
    overflow = bot.value("bigdipper_exporter_label_overflow_total")
    assert overflow is not None
    assert overflow >= 20
    assert bot.rows("SELECT count(DISTINCT symbol) FROM trades") == [(MAX_SYMBOLS + 20,)]
    bot.restart()
    bot.say(*lines("09:31:00", "[TRADE] BUY S5 1 @ $1.00 = $1.00", f"[TRADE] BUY S{MAX_SYMBOLS + 5} 1 @ $1.00 = $1.00"))
    assert bot.value("bigdipper_trades_total", symbol="S5") == 2
    assert bot.value("bigdipper_trades_total", symbol="other") == 21


@pytest.mark.parametrize(
    ("said", "form"),
    [
        (["Cycle #1"], "v2.18"),
        (["💰 Account: $1.00 equity, $1.00 cash, Margin: 0.00%/20.00%"], "v2.17"),
        (["🌟 Big Dipper v2.16 started in PAPER mode", "💰 Account: $1.00 equity, $1.00 cash, Margin: 0.00%/20.00%"], "v2.17"),
        (["🌟 Big Dipper v2.16 started in PAPER mode", ACCOUNT], "v2.18"),
        (["🌙 Little Dipper started in PAPER mode", "Cycle #1"], "v2.16"),
        (["[ACCOUNT] equity=$1.00 cash=$1.00 margin=0.00%", "[TRADE] BUY AMD 10 @ $152.35 = $1523.50"], "design"),
        # An upgrade of the bot goes on in the same file.
        (["🌙 Little Dipper started in PAPER mode", TRADE, "💰 Account: $1.00 equity, $1.00 cash (1.00%)"], "v2.17"),
        ([BUY[0], TRADE, "💰 Account: $1.00 equity, $1.00 cash (1.00%)", ACCOUNT], "v2.18"),
    ],
)
def test_the_form_is_the_newest_that_all_lines_fit(bot: Monitor, said: list[str], form: str) -> None:
    bot.say(*lines("09:30:00", *said), *cycle("09:30:00"))
    forms = [dict(labels)["log_form"] for name, labels in bot.samples() if name == "bigdipper_bot_info"]
    assert forms == [form]


def test_a_line_that_cannot_be_read_says_nothing_of_the_form(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", REGULAR, ACCOUNT))
    bot.say(*lines("09:30:01", "[TRADE] SELL everything", ACCOUNT, "[TRADE] SELL everything"))
    assert bot.value("bigdipper_log_malformed_total", kind="trade") == 2
    assert [dict(labels)["log_form"] for name, labels in bot.samples() if name == "bigdipper_bot_info"] == ["v2.18"]


def test_narrowing_ends_in_the_forms_of_the_line_when_nothing_is_common() -> None:
    assert narrow("", "17 18") == "17 18"
    assert narrow("17 18", "16 17") == "17"
    assert narrow("17", "18") == "18"


# -- the user's own patterns


def test_own_patterns_count_and_set_gauges_and_go_on_after_a_restart(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text(
        """
        patterns:
          - name: bigdipper_custom_retries_total
            help: Retries by attempt.
            type: counter
            regex: 'attempt (?P<attempt>\\d+)'
            labels: [attempt]
          - name: bigdipper_custom_pending_usd
            help: Pending.
            type: gauge
            regex: 'Pending this cycle: (?P<value>\\S+)'
            value: value
        """
    )
    patterns = load({"config.file": str(config)}, {}).patterns
    with monitor(tmp_path, patterns=patterns) as bot:
        bot.say(*cycle("09:30:00", "Pending this cycle: unknown"))
        assert bot.value("bigdipper_custom_pending_usd") is None
        bot.say(*lines("09:30:01", "  Pending this cycle: $2,087.87", "Pausing (attempt 1)", "(attempt 2)", "(attempt 1)"))
        assert bot.value("bigdipper_custom_pending_usd") == 2087.87
        assert bot.value("bigdipper_custom_retries_total", attempt="1") == 2
        bot.restart()
        bot.say(*lines("09:30:02", "(attempt 1)", *(f"(attempt {number})" for number in range(3, 150))))
        assert bot.value("bigdipper_custom_pending_usd") == 2087.87
        assert bot.value("bigdipper_custom_retries_total", attempt="1") == 3
        assert bot.value("bigdipper_custom_retries_total", attempt="other") == 49
        series = [labels for name, labels in bot.samples() if name == "bigdipper_custom_retries_total"]
        assert len(series) == 101
        bot.say(*lines("09:30:03", "Pending this cycle: nan", "Pending this cycle: 1e999"))
        assert bot.value("bigdipper_custom_pending_usd") == 2087.87


# -- today


def test_today_is_the_new_york_trading_day_and_exact(bot: Monitor) -> None:
    now = datetime.now(tz=bot.settings.log_timezone)
    day, time = f"{now:%Y-%m-%d}", f"{now:%H:%M:%S}"
    bot.say(*cycle(time, OPPORTUNITY, *BUY, TRADE, "NVDA: No quote available", ACCOUNT, day=day))
    expected = {"trades": 1, "deployed_usd": 1523.5, "missed_trades": 1, "cycles": 1, "opportunities": 1}
    assert bot.value("bigdipper_day_start_equity_usd") == 20000
    assert {name: bot.value(f"bigdipper_day_{name}") for name in expected} == expected


# -- pieces


def test_a_record_of_two_lines_is_never_cut_in_two_however_long_the_log_that_is_caught_up_with(bot: Monitor) -> None:
    goodbye = f"{DAY} 09:30:00 [INFO] \n👋 Shutting down gracefully...\n".encode()
    filler = f"{DAY} 09:30:00 [DEBUG] NVDA: -3.74% from 20d high (need -5.00%)\n".encode()
    first = goodbye.index(b"\n") + 1
    # The header ends where a piece would, a byte before that, and a byte after.
    for end in (PIECE - 1, PIECE, PIECE + 1):
        count, rest = divmod(end - first, len(filler))
        data = filler * (count - 1) + filler[:-1] + b"." * rest + b"\n" + goodbye + filler
        with bot.log.open("ab") as log:
            log.write(data)
        bot.catch_up()
        assert [len(piece) for _, piece in pieces(data)] == [end + len(goodbye) - first, len(filler)]
    assert bot.value("bigdipper_log_events_total", kind="stop") == 3
