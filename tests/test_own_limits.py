"""Which source says the bot's own limits: its config.py, the settings, its log, its defaults, in this order."""

import pytest

from bigdipper_exporter.botconfig.reader import BotConfigView
from bigdipper_exporter.metrics.limits import own_limits
from bigdipper_exporter.money.limits import DEFAULTS, OwnLimits, bot_limit, maintenance, used_at
from bigdipper_exporter.projection.state import BotState

NONE = OwnLimits()
SETTINGS = OwnLimits(brake=0.11)
LOG = BotState(brake_limit=0.12, hard_limit=0.22)
READ = BotState(last_line=1.0)


def config(brake: float | None = None, hard: float | None = None, uses_margin: bool = True) -> BotConfigView:
    return BotConfigView(brake=brake, hard=hard, uses_margin=uses_margin)


@pytest.mark.parametrize("has_keys", [True, False])
def test_config_comes_before_the_settings_and_these_before_the_log(has_keys: bool) -> None:
    assert own_limits(LOG, config(0.1, 0.2), SETTINGS, has_keys=has_keys) == OwnLimits(0.1, 0.2)
    assert own_limits(LOG, config(), SETTINGS, has_keys=has_keys) == OwnLimits(0.11, 0.22)
    assert own_limits(LOG, None, NONE, has_keys=has_keys) == OwnLimits(0.12, 0.22)
    assert own_limits(LOG, config(0.0), NONE, has_keys=has_keys) == OwnLimits(0.0, 0.22), "0 is a limit too"


@pytest.mark.parametrize(
    ("bot", "by_config", "has_log"),
    [(READ, None, False), (BotState(), config(), False), (BotState(), None, True)],
    ids=["its log was read", "only config.py", "no line of its log yet"],
)
def test_with_keys_a_bot_that_names_no_limit_has_its_defaults(
    bot: BotState, by_config: BotConfigView | None, has_log: bool
) -> None:
    assert own_limits(bot, by_config, NONE, has_keys=True, has_log=has_log) == DEFAULTS
    assert own_limits(bot, by_config, NONE, has_keys=False, has_log=has_log) == NONE


def test_an_account_without_a_bot_has_only_the_limits_of_the_settings() -> None:
    assert own_limits(BotState(), None, NONE, has_keys=True) == NONE
    assert own_limits(BotState(), None, SETTINGS, has_keys=True) == SETTINGS


def test_a_bot_without_margin_has_no_limits() -> None:
    assert own_limits(LOG, config(0.1, 0.2, uses_margin=False), SETTINGS, has_keys=True) == NONE


@pytest.mark.parametrize("drop", [0.0, 0.03, 0.1])
@pytest.mark.parametrize("limit", [0.15, 0.2, 3.0])
def test_the_used_share_is_that_of_the_distance(limit: float, drop: float) -> None:
    positions = 1 + limit * used_at(limit, drop)  # of an equity of 1
    own, called = bot_limit(limit, positions, 1.0), maintenance(positions, 0.0, 1.0, positions / (1 + limit))
    assert own is not None
    assert called is not None
    assert own.drop == pytest.approx(drop)
    assert called.drop == pytest.approx(drop)
    assert called.limit == pytest.approx(limit)
