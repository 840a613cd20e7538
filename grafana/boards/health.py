"""Health: is the bot in order, is the exporter, is what stands behind them?"""

from grafana_foundation_sdk.models import dashboard as model

from grafana import shared, theme
from grafana.board import HEALTH, Section, board
from grafana.boards import health_monitor
from grafana.overrides import answer, coloured, column, organise, override, words
from grafana.panels import grid, lines, stat, timeline
from grafana.query import listed, now, over_time, quantiles, rows, selector, series
from grafana.sql import IN_TIME, by_hour
from grafana.theme import (
    COUNT,
    CRITICAL,
    GOOD,
    NO_SERIES,
    NOT_SAID,
    PER_MINUTE,
    SECONDS,
    TEXT,
    steps,
    threshold,
)

MOST_CYCLES = 20  # a minute: more are of the past, read late
RECORDED_AGE = 'bigdipper:cycle_age:seconds{bot="$bot"}'


def build() -> model.Dashboard:
    """The board."""
    return board(
        HEALTH,
        "Bot and exporter health",
        "Is the bot in order, is the exporter, is what stands behind them?",
        [
            Section([shared.header(), *_alerts()]),
            Section(_bot(), "Bot"),
            Section(health_monitor.log(), "Log", folded=True),
            Section(health_monitor.broker(), "Broker", folded=True),
            Section(health_monitor.archive(), "Archive", folded=True),
            Section(health_monitor.stack(), "Prometheus and Alertmanager", folded=True),
        ],
        since="now-1h",
        refresh="5s",
    )


def _alerts() -> list[model.Panel]:
    return [
        _reachability(),
        health_monitor.losses(),
        _uptime(),
        _versions(),
        _firing_alerts(),
    ]


def _reachability() -> model.Panel:
    return stat(
        "Reachability",
        "Is everything reachable? "
        "1 when Prometheus got an answer at its last scrape (up), the log can be read, the archive takes commits, "
        "and the exporter says it is ready.",
        now('min(up{bot="$bot",job=~"bigdipper|bigdipper-rest"})', "exporter"),
        now(selector("exporter_ready"), "ready"),
        now(selector("log_up"), "log"),
        now(selector("archive_up"), "archive"),
        now(f"min({selector('alpaca_up')})", "broker"),
        unit=COUNT,
        size=(12, 4),
        none=NO_SERIES,
        names=True,
        mappings=theme.YES_NO_GOOD,
    )


def _uptime() -> model.Panel:
    return stat(
        "Uptime",
        "Since when? Time since the bot's and the exporter's start.",
        now(f"time() - {selector('bot_start_timestamp_seconds')}", "bot"),
        now(f"time() - {selector('exporter_start_timestamp_seconds')}", "exporter"),
        unit=theme.Unit("dtdhms", 0),
        size=(8, 3),
        none=NOT_SAID,
        names=True,
    )


def _versions() -> model.Panel:
    return stat(
        "Versions",
        "Which versions? Bot as its start-up line says (it may be wrong), form of its log, exporter.",
        now(selector("bot_info"), "bot {{version}}, log {{log_form}}"),
        now(selector("exporter_build_info"), "exporter {{version}}"),
        unit=TEXT,
        size=(16, 3),
        none=NO_SERIES,
        only_names=True,
    )


def _firing_alerts() -> model.Panel:
    return grid(
        "Firing alerts",
        "Which alerts are firing? "
        "Prometheus' rules, silenced ones included, the watchdog left out (silences: Alerting > Silences, Alertmanager). "
        "State: firing, or pending while the rule's own time is not over. Click one for the text of its rule.",
        rows(_ranked('ALERTS{alertstate=~"firing|pending",severity!="none"}')),
        size=(24, 5),
        none="✓ no alert",
        sort=("Severity", False),
        transformations=[
            organise(
                ["alertname", "severity", "alertstate", "bot", "symbol", "reason", "kind"],
                {
                    "alertname": "Alert",
                    "severity": "Severity",
                    "alertstate": "State",
                    "bot": "Bot",
                    "symbol": "Symbol",
                    "reason": "Reason",
                    "kind": "Kind",
                },
                hide=("Time", "Value", "__name__", "instance", "job", "subject"),
            )
        ],
        overrides=[
            # An alert without this label is not a word that there is none.
            override("byRegexp", "^(?!Alert$).*", noValue="–"),
            column("Alert", custom__width=260, link=("Text of the rule", "/alerting/list?search=rule:${__value.text}")),
            coloured("Severity", mappings=theme.SEVERITY_RANKS, custom__width=115),
            column("State", custom__width=80),
            column("Reason", custom__width=155),
        ],
    )


def _ranked(alerts: str) -> str:
    """The severity as a number, for Grafana sorts a column by its values: the worst must stand first."""
    for rank, (severity, _) in enumerate(theme.SEVERITIES.items(), 1):
        alerts = f'label_replace({alerts}, "severity", "{rank}", "severity", "{severity}")'
    return alerts


def _bot() -> list[model.Panel]:
    sessions = " or ".join(
        f"({selector('market_session', session=name)} == 1) * {number}"
        for number, name in ((3, "regular"), (2, "extended"), (1, "closed"))
    )
    return [
        _cycles(),
        _cycle_duration(),
        _age_of_the_newest_cycle(),
        _bot_errors(),
        timeline(
            "Market session",
            "Which session did it believe in? "
            "The session of its own lines (bigdipper_market_session), and whether the broker's clock says open.",
            over_time(f"max({sessions})", "bot"),
            over_time(f"{selector('market_open')} * 2 + 1", "broker"),
            size=(12, 8),
            none=NOT_SAID,
            mappings=theme.choices(_3=("regular", GOOD), _2=("extended", theme.BOT), _1=("closed", theme.QUIET)),
        ),
        _starts_stops_halts_and_errors(),
    ]


def _cycles() -> model.Panel:
    return lines(
        "Cycles",
        "Does it cycle? "
        "Cycles a minute as they are read (bigdipper_bot_cycles_total). One a minute is normal, also while the market is "
        "closed; a log that is read late leaves a gap.",
        over_time(f"sum(rate({selector('bot_cycles_total')}[5m])) * 60 < {MOST_CYCLES}", "cycles a minute"),
        unit=PER_MINUTE,
        size=(8, 8),
        soft_zero=True,
    )


def _cycle_duration() -> model.Panel:
    return lines(
        "Cycle duration",
        "How long do cycles take? "
        "Median and 95 % of what the bot itself prints at the end of a cycle; a cycle under the brake prints nothing.",
        *quantiles("bot_cycle_duration_seconds"),
        unit=SECONDS,
        size=(8, 8),
        none=NOT_SAID,
        soft_zero=True,
    )


def _age_of_the_newest_cycle() -> model.Panel:
    return lines(
        "Age of the newest cycle",
        "How old was the newest cycle? Its greatest age in each interval of the graph: about 60 s while the bot cycles "
        "once a minute. The dashed line is where the alert says that it does not work.",
        # What was scraped before the rule existed has only its ages at the points of the graph.
        over_time(f"max_over_time({RECORDED_AGE}[$__rate_interval]) or {shared.LAST_CYCLE}", "age"),
        unit=SECONDS,
        size=(8, 8),
        none=NOT_SAID,
        limit_line=True,
        soft_zero=True,
        thresholds=steps("text", (threshold("cycle_age_seconds"), CRITICAL)),
        overrides=[answer("A", colour=GOOD)],
    )


def _bot_errors() -> model.Panel:
    return lines(
        "Bot errors",
        "Which errors does it make? Errors and halts other than the brake's in each hour of a day by cause, by their own "
        "time, whenever they were read (archive: bot_events; orders that failed: skips).",
        series(
            by_hour(f"""
                  SELECT ts, kind || ': ' || REPLACE(cause, '_', ' ') AS name, 1 AS number FROM bot_events
                  WHERE kind IN ('error', 'halt') AND {IN_TIME}
                  UNION ALL SELECT ts, 'error: order', 1 FROM skips WHERE reason = 'order_failed' AND {IN_TIME}""")
        ),
        unit=COUNT,
        size=(12, 8),
        past="24h",
        none="✓ none in 24 hours",
        draw=theme.BARS,
        fill=60,
        legend=("sum",),
        soft_zero=True,
        overrides=[
            override("byType", "number", displayName="${__field.labels.name}"),
            override("byRegexp", "^error.*", colour=CRITICAL),
            override("byRegexp", "^halt.*", colour=theme.WARNING),
        ],
    )


def _starts_stops_halts_and_errors() -> model.Panel:
    return grid(
        "Starts, stops, halts and errors",
        "What happened to it? Starts, stops, halts and errors of seven days, newest 100 (archive: bot_events).",
        listed(f"""
            SELECT ts AS time, kind AS Kind, REPLACE(cause, '_', ' ') AS Cause, detail AS Detail
            FROM bot_events WHERE {IN_TIME} ORDER BY ts DESC LIMIT 100"""),
        size=(24, 7),
        past="7d",
        says="time",
        none="none in seven days",
        sort=("Time", True),
        overrides=[
            column("time", displayName="Time", custom__width=170),
            column("Kind", custom__width=90),
            words("Detail", custom__width=500),
        ],
    )
