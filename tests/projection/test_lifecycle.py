"""Cycles, accounts, errors, and restarts of the bot."""

from tests.projection.bot import DAY, REGULAR, at, cycle, lines
from tests.running import Monitor


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
