"""The released defaults in the table of settings are those that the figures of the business reckon with."""

import ast

import pytest

from bigdipper_exporter.botconfig import rules
from bigdipper_exporter.demo.simulator.rules import DEFAULT_THRESHOLD
from bigdipper_exporter.money import dips, limits


@pytest.mark.parametrize(
    ("setting", "figure"),
    [
        ("MARGIN_SAFETY_THRESHOLD", limits.BRAKE),
        ("MAX_MARGIN_PCT", limits.HARD),
        ("MIN_ABSOLUTE_DIP", dips.MINIMUM),
        ("LOOKBACK_DAYS", dips.LOOKBACK),
        ("BASE_POSITION_PCT", dips.BASE_SIZE),
        ("DIP_MULTIPLIER", dips.AGGRESSION),
        ("MAX_POSITION_PCT", dips.LARGEST_SIZE),
        (f"{rules.THRESHOLDS}.{rules.DEFAULT}", DEFAULT_THRESHOLD),
    ],
)
def test_a_default_is_the_figure_that_is_reckoned_with(setting: str, figure: float) -> None:
    assert ast.literal_eval(rules.default(setting)) == figure


def test_the_lookback_that_may_be_set_is_the_one_that_is_followed() -> None:
    rule = rules.RULES["LOOKBACK_DAYS"]
    assert (rule.low, rule.high) == (dips.LEAST_LOOKBACK, dips.LONGEST_LOOKBACK)
