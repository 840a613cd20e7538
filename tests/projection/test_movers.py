"""The shortcut for winners and losers as the bot prints them gives the same as reading them one by one."""

import itertools

import pytest

from bigdipper_exporter.counters import Counters
from bigdipper_exporter.log.lines.account import Movers
from bigdipper_exporter.log.records import Record
from bigdipper_exporter.projection import account
from bigdipper_exporter.projection.context import Context
from bigdipper_exporter.projection.state import BotState
from bigdipper_exporter.symbols import PLAIN_MOVERS, movers

NAMED = ("MSFT", "BLV", "BRK.B")
PERCENTS = ("+14.2", "-0.0", "+0.5", "-123456789.5", "+4", "+04.2", "+4.20", "-1.25", "4.2")


def shown(text: str, labels: tuple[str, ...]) -> str:
    context = Context(BotState(labels=labels), Counters())
    account.movers(context, Record(1, 0.0, Movers("winners", text), "18"), Movers("winners", text))
    return context.state.movers["winners"]


@pytest.mark.parametrize(("one", "other"), [*itertools.product(PERCENTS, PERCENTS)])
@pytest.mark.parametrize("second", ["BLV", "MSFT"])
def test_movers_are_shown_as_they_are_read_one_by_one(one: str, other: str, second: str) -> None:
    text = f"MSFT {one}%, {second} {other}%, BRK.B +1.0%"
    expected = dict[str, str]()
    for symbol, percent in movers(text):
        expected.setdefault(symbol, f"{symbol} {percent:+}%")
    # With labels of their own the shortcut is taken; the first time that they are seen, it is not.
    assert shown(text, NAMED) == shown(text, ()) == ", ".join(expected.values())


def test_the_shortcut_is_taken_for_what_the_bot_prints() -> None:
    for count in range(1, 4):
        assert PLAIN_MOVERS.fullmatch(", ".join(f"{symbol} +4.5%" for symbol in NAMED[:count]))
    assert not PLAIN_MOVERS.fullmatch("MSFT +4.5%, BLV +4.50%")


def test_a_symbol_without_a_label_of_its_own_is_left_out() -> None:
    many = tuple(f"S{number}" for number in range(200))
    assert shown("S1 +4.5%, NEW +4.0%", many) == "S1 +4.5%"
