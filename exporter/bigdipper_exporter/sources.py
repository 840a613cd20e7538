"""Everything beside the log that the settings name: the bot's configuration, the broker, market prices."""

from collections.abc import Callable
from dataclasses import replace

from bigdipper_exporter import broker_source, price_source
from bigdipper_exporter.archive.store import Store
from bigdipper_exporter.botconfig.reader import BotConfig
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.pipeline import Sources


def sources(settings: Settings, store: Store, wake: Callable[[], None]) -> Sources:
    """Start every source that the settings name."""
    config = (
        BotConfig(settings.bot_config, store.connection, settings.bot_config_copies)
        if settings.bot_config is not None
        else None
    )
    first = Sources(config=config, broker=broker_source.start(settings, store.connection, wake))
    return replace(first, prices=price_source.start(settings, store, wake, first))
