"""Money and percentages have one form on pages and in commands."""

import pytest

from bigdipper_exporter.words import dollars, number, percent, short_figures, signed
from tests.alerts.figures import FIGURES


@pytest.mark.parametrize(
    ("usd", "amount", "whole", "profit"),
    [
        (1234567.891, "$1,234,567.89", "$1,234,568", "+$1,234,567.89"),
        (-342.19, "-$342.19", "-$342", "-$342.19"),
        (-0.004, "$0.00", "$0", "$0.00"),
        (0.004, "$0.00", "$0", "$0.00"),
        (-0.4, "-$0.40", "$0", "-$0.40"),
        (-0.0, "$0.00", "$0", "$0.00"),
        (None, "–", "–", "–"),
    ],
)
def test_an_amount_is_written_as_a_broker_does(usd: float | None, amount: str, whole: str, profit: str) -> None:
    assert (dollars(usd), dollars(usd, cents=False), signed(usd)) == (amount, whole, profit)


@pytest.mark.parametrize(
    ("ratio", "text", "without_plus"),
    [(0.01249, "+1.2%", "1.2%"), (-0.034, "-3.4%", "-3.4%"), (-0.0004, "0.0%", "0.0%"), (None, "–", "–")],
)
def test_a_ratio_is_written_in_percent(ratio: float | None, text: str, without_plus: str) -> None:
    assert (percent(ratio), percent(ratio, plus=False)) == (text, without_plus)


def test_a_number_of_shares_has_no_zeros_that_say_nothing() -> None:
    assert (number(-1250.5), number(3.0), number(0.123456)) == ("-1,250.5", "3", "0.123456")


@pytest.mark.parametrize("text", FIGURES)
def test_figures_of_alerts_are_written_as_in_messages(text: str) -> None:
    assert short_figures(text) == FIGURES[text]
