"""Bot configuration: what is set now, what changed, what is wrong with it."""

from grafana_foundation_sdk.models import dashboard as model

from grafana import replay, shared, theme
from grafana.board import CONFIG, Section, board
from grafana.overrides import coloured, column, organise, transform, words
from grafana.panels import grid, stat
from grafana.query import listed, now, rows, selector, table
from grafana.sql import IN_TIME
from grafana.theme import COUNT, NO_CONFIG, RATIO

NEWEST = """
    SELECT setting, value, ts FROM bot_config
    WHERE id IN (SELECT MAX(id) FROM bot_config GROUP BY setting) AND value IS NOT NULL"""
DEFAULT = "DIP_THRESHOLDS.DEFAULT"
TIME_COLUMN = column("time", displayName="Since", custom__width=170)


def build() -> model.Dashboard:
    """The board."""
    return board(
        CONFIG,
        "Bot configuration",
        "What is set, since when, and what is wrong with it? Read from the bot's config.py (--bot.config), never executed.",
        [
            Section([shared.header(), *_present()]),
            Section(_past(), "Changes"),
            Section(_replayed(), "Other thresholds", folded=True),
        ],
        since="now-90d",
        refresh="1m",
    )


def _present() -> list[model.Panel]:
    return [
        _limits_of_the_bot(),
        _configuration_check(),
        _changed_not_in_effect(),
        _findings(),
        _settings(),
        _dip_thresholds(),
    ]


def _limits_of_the_bot() -> model.Panel:
    return stat(
        "Limits of the bot",
        "Which limits does the bot keep? "
        "The limits as ratios of the equity (bigdipper_limit_ratio): from the bot's configuration where it is known.",
        now(selector("limit_ratio", limit="~brake|hard"), "{{limit}}"),
        unit=RATIO,
        size=(8, 5),
        none="no limit known",
        names=True,
    )


def _configuration_check() -> model.Panel:
    return stat(
        "Configuration check",
        "Does it pass the check? "
        "Findings of the present configuration by severity (archive: bot_config_findings; the same as `check-config`).",
        table("""
            SELECT CASE WHEN EXISTS (SELECT 1 FROM bot_config) THEN SUM(severity = 'error') END AS errors,
              CASE WHEN EXISTS (SELECT 1 FROM bot_config) THEN SUM(severity = 'warning') END AS warnings
            FROM (SELECT severity FROM bot_config_findings UNION ALL SELECT 'none')"""),
        unit=COUNT,
        size=(8, 5),
        none=NO_CONFIG,
        names=True,
        mappings=theme.choices(_0=("✓ none", theme.GOOD)),
        overrides=[
            column("errors", thresholds=theme.steps("text", (1, theme.CRITICAL))),
            column("warnings", thresholds=theme.steps("text", (1, theme.WARNING))),
        ],
    )


def _changed_not_in_effect() -> model.Panel:
    return stat(
        "Changed, not in effect",
        "Does the bot run with what stands in its file? "
        "Settings changed on disk since the bot's last start (bigdipper_bot_config_setting_pending): it reads its file "
        "at its start only. Restart it the way it runs; with Docker: docker compose up -d --build. A restart forgets "
        "cooldowns: best between 20:00 and 04:00 New York.",
        now(f"{selector('bot_config_pending')} == 0", "settings"),
        now(selector("bot_config_setting_pending"), "{{setting}}"),
        unit=COUNT,
        size=(8, 5),
        none="not known",
        names=True,
        pixels=28,
        mappings=theme.choices(_0=("✓ all in effect", theme.GOOD), _1=("▲ not yet", theme.WARNING)),
    )


def _findings() -> model.Panel:
    return grid(
        "Findings",
        "What is wrong with it? Every finding, worst first.",
        listed("""
            SELECT severity AS Severity, message AS Finding, setting AS Setting FROM bot_config_findings
            ORDER BY CASE severity WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, setting"""),
        size=(24, 6),
        says="Finding",
        none="✓ nothing found, or " + NO_CONFIG,
        overrides=[
            coloured("Severity", mappings=theme.SEVERITY, custom__width=95),
            words("Finding", custom__minWidth=160),
            column("Setting", custom__width=260),
        ],
    )


def _settings() -> model.Panel:
    return grid(
        "Settings",
        "What is set? The present value of every setting, and since when the monitor has seen it.",
        listed(f"""
                SELECT setting AS Setting, value AS Value, ts AS time FROM ({NEWEST})
                WHERE setting NOT LIKE 'DIP_THRESHOLDS.%' OR setting = '{DEFAULT}' ORDER BY setting"""),
        size=(15, 14),
        says="Setting",
        none=NO_CONFIG,
        sort=("Setting", False),
        overrides=[TIME_COLUMN, column("Setting", custom__width=230)],
    )


def _dip_thresholds() -> model.Panel:
    return grid(
        "Dip thresholds",
        "The dip from which the bot buys, per symbol (bigdipper_bot_config_threshold_ratio): what DIP_THRESHOLDS of "
        "config.py says, or MIN_ABSOLUTE_DIP where that is more. A symbol without a line of its own has that of DEFAULT.",
        rows(f"sum by (symbol) ({selector('bot_config_threshold_ratio')})"),
        table(f"""
                SELECT substr(setting, 16) AS symbol, CAST(value AS REAL) AS Written FROM ({NEWEST})
                WHERE setting LIKE 'DIP_THRESHOLDS.%' AND setting <> '{DEFAULT}'
                UNION ALL SELECT NULL, NULL WHERE NOT EXISTS (SELECT 1 FROM bot_config) ORDER BY 1"""),
        size=(9, 14),
        none=f"none, or {NO_CONFIG}",
        sort=("Symbol", False),
        transformations=[
            transform("joinByField", byField="symbol", mode="outer"),
            organise(
                ["symbol", "Value", "Written"],
                {"symbol": "Symbol", "Value": "In effect", "Written": "As written"},
                hide=("Time",),
            ),
        ],
        overrides=[
            column("Symbol", link=shared.SYMBOL_LINK),
            *(coloured(name, RATIO) for name in ("In effect", "As written")),
        ],
    )


def _past() -> list[model.Panel]:
    return [
        grid(
            "Changes of settings",
            "What changed? "
            "Changes in the chosen time, newest 200 (archive: bot_config). The first reading of the file is not a change.",
            listed(f"""
                SELECT ts AS time, setting AS Setting, previous AS "Before", COALESCE(value, 'removed') AS "After"
                FROM bot_config WHERE previous IS NOT NULL AND {IN_TIME} ORDER BY ts DESC LIMIT 200"""),
            size=(24, 6),
            says="time",
            none="no change in this time",
            sort=("Time", True),
            overrides=[column("time", displayName="Time", custom__width=170), column("Setting", custom__width=260)],
        ),
    ]


def _replayed() -> list[model.Panel]:
    return [
        replay.thresholds("Thresholds against the past", "symbol = 'all'", (24, 12)),
        replay.band((10, 9)),
        replay.limits((14, 9)),
        replay.check("Check of the replay", "symbol > ''", (24, 11)),
    ]
