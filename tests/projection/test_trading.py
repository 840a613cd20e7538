"""Opportunities and their outcome, skips, trades."""

import pytest

from tests.projection.bot import BUY, OPPORTUNITY, REGULAR, TRADE, at, cycle, lines
from tests.running import Monitor


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
    bot.say(
        *cycle(
            "09:30:00",
            "AMD: Would exceed leverage limit (131.1% > 120.0%)",
            "💰 CAPITAL EXHAUSTED: Skipped 1 opportunities after deploying $2,087.87 this cycle:",
            "   ⏭️  AMD   : -7.15% dip (score: 1.02x)",
        )
    )
    assert bot.rows("SELECT symbol, dip_percent, outcome FROM opportunities") == [("AMD", -7.15, "capital")]
    assert bot.rows("SELECT symbol, reason, detail FROM skips") == [
        ("AMD", "leverage_limit", "AMD: Would exceed leverage limit (131.1% > 120.0%)")
    ]


def test_a_missed_trade_is_a_row_with_the_dip_of_its_opportunity_and_a_routine_skip_a_sum(bot: Monitor) -> None:
    bot.say(*cycle("09:30:00", OPPORTUNITY, "AMD: No quote available", *["[SKIP] NVDA Dip -4.2% < absolute min 5.0%"] * 3))
    bot.say(*cycle("10:00:00", "[SKIP] NVDA Dip -4.2% < absolute min 5.0%"))
    assert bot.rows("SELECT symbol, reason, dip_percent FROM skips") == [("AMD", "no_quote", -6.21)]
    assert bot.rows("SELECT * FROM skip_counts") == [
        (at("09:00:00"), "NVDA", "below_absolute_min", 3),
        (at("10:00:00"), "NVDA", "below_absolute_min", 1),
    ]
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
    bot.say(
        *cycle("09:30:00"),
        *lines(
            "09:30:01",
            f"[TRADE] BUY AMD 10 @ $1.00 = ${'9' * 400}",
            "[TRADE] BUY AMD 10 @ $1.00 = $-10.00",
            "⏱️  Cycle took -3.4s, sleeping 56.6s...",
            f"Cycle #{'9' * 30}",
            f"[ACCOUNT] equity=${'9' * 400} cash=$1.00 margin=1.0%",
        ),
    )
    assert bot.value("bigdipper_log_malformed_total", kind="trade") == 2
    assert bot.value("bigdipper_log_malformed_total", kind="cycle") == 1
    assert bot.value("bigdipper_log_malformed_total", kind="cycle_took") == 1
    assert bot.value("bigdipper_log_malformed_total", kind="account") == 1
    assert bot.value("bigdipper_trade_value_usd_total", symbol="AMD") is None


def test_a_line_of_a_time_that_there_is_not_is_malformed_and_no_event(bot: Monitor) -> None:
    bot.say(*lines("09:30:00", TRADE, day="2025-02-30"), *lines("09:30:61", TRADE), *lines("09:31:00", TRADE))
    assert bot.value("bigdipper_log_malformed_total", kind="timestamp") == 2
    assert bot.rows("SELECT ts FROM trades") == [(at("09:31:00"),)]
