"""What lines add up to in a day, and however the log is cut."""

from datetime import datetime, timedelta

from bigdipper_exporter.log.chunks import PIECE, pieces
from tests.projection.bot import ACCOUNT, BUY, DAY, OPPORTUNITY, TRADE, cycle
from tests.running import Monitor

# -- today


def test_today_is_the_new_york_trading_day_and_exact(bot: Monitor) -> None:
    now = datetime.now(tz=bot.settings.log_timezone)
    day, time = f"{now:%Y-%m-%d}", f"{now:%H:%M:%S}"
    bot.say(*cycle(time, OPPORTUNITY, *BUY, TRADE, "NVDA: No quote available", ACCOUNT, day=day))
    expected = {"trades": 1, "deployed_usd": 1523.5, "missed_trades": 1, "cycles": 1, "opportunities": 1}
    assert bot.value("bigdipper_day_start_equity_usd") == 20000
    assert {name: bot.value(f"bigdipper_day_{name}") for name in expected} == expected
    assert bot.value("bigdipper_day_symbol_trades", symbol="AMD") == 1
    assert bot.value("bigdipper_day_missed_symbols", reason="no_quote") == 1


def test_missed_trades_of_the_last_hour_are_counted_by_their_own_time_however_late_they_are_read(bot: Monitor) -> None:
    now = datetime.now(tz=bot.settings.log_timezone)
    for ago in (timedelta(days=2), timedelta(minutes=61), timedelta(minutes=59), timedelta(minutes=1)):
        moment = now - ago
        bot.write(*cycle(f"{moment:%H:%M:%S}", "NVDA: No quote available", day=f"{moment:%Y-%m-%d}"))
    bot.catch_up()
    assert bot.value("bigdipper_missed_trades_total", reason="no_quote") == 4
    assert bot.value("bigdipper_hour_missed_trades", reason="no_quote") == 2


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
