"""The bot's own settings, as its config.py has them."""

from bigdipper_exporter.metrics.table import Gauge, Metric

METRICS: tuple[Metric, ...] = (
    Gauge(
        "bigdipper_bot_config_up",
        "1 when the bot's config.py could be read.",
        read=lambda s: None if s.config is None else float(s.config.up),
    ),
    Gauge(
        "bigdipper_bot_config_pending",
        "Settings changed on disk since the bot started: it reads its file at its start only. No series: not known.",
        read=lambda s: None if s.config is None else s.config.pending(s.bot.started),
    ),
    Gauge(
        "bigdipper_bot_config_setting_pending",
        "1 for each setting that changed on disk since the bot started, by name.",
        ("setting",),
        read=lambda s: [] if s.config is None else [((k,), 1.0) for k in s.config.changed_since(s.bot.started) or ()],
    ),
    Gauge(
        "bigdipper_bot_config_info",
        "The bot's configuration, by a hash of the file.",
        ("hash",),
        read=lambda s: [] if s.config is None or s.config.hash is None else [((s.config.hash,), 1.0)],
    ),
    Gauge(
        "bigdipper_bot_config_setting",
        "A number or a switch of the bot's config.py, as it stands there.",
        ("setting",),
        read=lambda s: [] if s.config is None else [((k,), v) for k, v in s.config.numbers.items()],
    ),
    Gauge(
        "bigdipper_bot_config_threshold_ratio",
        "Dip at which the bot buys, as config.py gives it.",
        ("symbol",),
        read=lambda s: [] if s.config is None else [((k,), v) for k, v in s.config.thresholds.items()],
    ),
    Gauge(
        "bigdipper_bot_config_findings",
        "What is wrong or unknown in the bot's config.py.",
        ("severity",),
        read=lambda s: [] if s.config is None else [((k,), float(v)) for k, v in s.config.counts.items()],
    ),
    Gauge(
        "bigdipper_bot_config_changed_timestamp_seconds",
        "Last change of a setting.",
        read=lambda s: None if s.config is None else s.config.changed,
    ),
)
