"""Labels and forms: what a log may hold, and what is made of it."""

import pytest

from bigdipper_exporter.projection.state import narrow
from bigdipper_exporter.symbols import MAX_SYMBOLS
from tests.projection.bot import ACCOUNT, BUY, REGULAR, TRADE, cycle, lines
from tests.running import Monitor


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
