"""Health: is the bot in order, is the exporter, is what stands behind them?"""

from grafana import house, parts
from grafana.board import HEALTH, Section, board
from grafana.house import (
    BYTES,
    COUNT,
    CRITICAL,
    GOOD,
    NO_BROKER,
    NO_ROWS,
    NO_SERIES,
    NOT_SAID,
    PER_MINUTE,
    SECONDS,
    TEXT,
    WARNING,
    model,
    steps,
    threshold,
)  # fmt: skip
from grafana.panels import alert_list, answer, coloured, column, grid, lines, organise, stat, timeline
from grafana.query import listed, m, now, over_time, rows
from grafana.sql import IN_TIME

WINDOW = "$__rate_interval"
FIVE = "5m"


def quantiles(metric: str, by: str = "") -> list[object]:
    """Median and 95 % of a histogram over five minutes."""
    group, name = (f", {by}", f" {{{{{by}}}}}") if by else ("", "")
    return [
        over_time(f"histogram_quantile({q}, sum by (le{group}) (rate({m(metric + '_bucket')}[{FIVE}])))", f"{word}{name}")
        for q, word in ((0.5, "median"), (0.95, "95 %"))
    ]


def build() -> model.Dashboard:
    """The board."""
    return board(
        HEALTH,
        "Bot and exporter health",
        "Is the bot in order, is the exporter, is what stands behind them?",
        [
            Section([parts.header(), *_alerts()]),
            Section(_bot(), "Bot"),
            Section(_log(), "Log"),
            Section(_broker(), "Broker"),
            Section(_archive(), "Archive"),
            Section(_stack(), "Prometheus and Alertmanager"),
        ],
        since="now-6h",
        refresh="5s",
    )


def _alerts() -> list[model.Panel]:
    return [
        stat(
            "Is everything reachable?",
            "1 when Prometheus got an answer at its last scrape (up), the log can be read, the archive takes commits, and the exporter says it is ready.",
            now('min(up{bot="$bot"})', "exporter"),
            now(m("exporter_ready"), "ready"),
            now(m("log_up"), "log"),
            now(m("archive_up"), "archive"),
            now(f"min({m('alpaca_up')})", "broker"),
            unit=COUNT,
            size=(10, 4),
            none=NO_SERIES,
            names=True,
            mappings=house.YES_NO_GOOD,
        ),
        stat(
            "Since when?",
            "Time since the bot's and the exporter's start.",
            now(f"time() - {m('bot_start_timestamp_seconds')}", "bot"),
            now(f"time() - {m('exporter_start_timestamp_seconds')}", "exporter"),
            unit=house.Unit("s", 0),
            size=(6, 4),
            none=NOT_SAID,
            names=True,
        ),
        stat(
            "Which versions?",
            "Bot as its start-up line says (it may be wrong), form of its log, exporter.",
            now(m("bot_info"), "bot {{version}}, log {{log_form}}"),
            now(m("exporter_build_info"), "exporter {{version}}, Python {{python}}"),
            unit=TEXT,
            size=(8, 4),
            none=NO_SERIES,
            only_names=True,
        ),
        grid(
            "Which alerts are firing?",
            "Prometheus' rules, silenced ones included, the watchdog left out (silences: Alerting > Silences, Alertmanager).",
            rows('ALERTS{alertstate=~"firing|pending",severity!="none"}'),
            size=(14, 8),
            none="✓ no alert",
            sort=("Severity", False),
            transformations=[
                organise(
                    ["alertname", "severity", "alertstate", "bot", "symbol"],
                    {
                        "alertname": "Alert",
                        "severity": "Severity",
                        "alertstate": "State",
                        "bot": "Bot",
                        "symbol": "Symbol",
                    },
                    hide=("Time", "Value", "__name__", "instance", "job", "subject"),
                )
            ],
            overrides=[coloured("Severity", mappings=house.SEVERITY)],
        ),
        alert_list("The rules behind them", "Rules of Prometheus that fire or wait; click one for its text.", (10, 8)),
    ]


def _bot() -> list[model.Panel]:
    sessions = " or ".join(
        f"({m('market_session', session=name)} == 1) * {number}"
        for number, name in ((3, "regular"), (2, "extended"), (1, "closed"))
    )
    return [
        lines(
            "Does it cycle?",
            "Cycles a minute (bigdipper_bot_cycles_total). One a minute is normal; none while the market is closed.",
            over_time(f"sum(rate({m('bot_cycles_total')}[{FIVE}])) * 60", "cycles a minute"),
            unit=PER_MINUTE,
            size=(8, 8),
            soft_zero=True,
        ),
        lines(
            "How long do cycles take?",
            "Median and 95 % of what the bot itself prints at the end of a cycle; a cycle under the brake prints nothing.",
            *quantiles("bot_cycle_duration_seconds"),
            unit=SECONDS,
            size=(8, 8),
            none=NOT_SAID,
            soft_zero=True,
        ),
        lines(
            "How old was the newest cycle?",
            "Age of the newest cycle; the dashed line is where the alert says that the bot does not work.",
            over_time(parts.LAST_CYCLE, "age"),
            unit=SECONDS,
            size=(8, 8),
            none=NOT_SAID,
            limit_line=True,
            thresholds=steps("text", (threshold("cycle_age_seconds"), CRITICAL)),
            overrides=[answer("A", colour=GOOD)],
        ),
        lines(
            "Which errors does it make?",
            "Errors an hour by kind (bigdipper_bot_errors_total), halts by cause.",
            over_time(f"sum by (kind) (increase({m('bot_errors_total')}[1h])) > 0", "error: {{kind}}"),
            over_time(f"sum by (cause) (increase({m('halts_total')}[1h])) > 0", "halt: {{cause}}"),
            unit=house.Unit("none", 1),
            size=(12, 8),
            none="✓ none in this time",
            soft_zero=True,
        ),
        timeline(
            "Which session did it believe in?",
            "The session of its own lines (bigdipper_market_session), and whether the broker's clock says open.",
            over_time(f"max({sessions})", "bot"),
            over_time(f"{m('market_open')} * 2 + 1", "broker"),
            size=(12, 8),
            none=NOT_SAID,
            mappings=house.choices(
                _3=("regular", GOOD), _2=("extended", house.BOT), _1=("closed", house.QUIET)),
        ),
        grid(
            "What happened to it?",
            "Starts, stops, halts and errors in the chosen time, newest 100 (archive: bot_events).",
            listed(f"""
                SELECT ts AS time, kind AS Kind, REPLACE(cause, '_', ' ') AS Cause, detail AS Detail
                FROM bot_events WHERE {IN_TIME} ORDER BY ts DESC LIMIT 100"""),
            size=(24, 7),
            says="time",
            none=NO_ROWS,
            sort=("Time", True),
            overrides=[
                column("time", displayName="Time", custom__width=170),
                column("Kind", custom__width=90),
                column("Detail", custom__width=500),
            ],
        ),
    ]  # fmt: skip


def _log() -> list[model.Panel]:
    return [
        lines(
            "How much does it log?",
            "Records a minute by level (bigdipper_log_records_total).",
            over_time(f"sum by (level) (rate({m('log_records_total')}[{FIVE}])) * 60", "{{level}}"),
            unit=PER_MINUTE,
            size=(8, 8),
            soft_zero=True,
        ),
        lines(
            "How fast are lines read?",
            "From a line readable in the file to its figures in /metrics (bigdipper_log_ingest_delay_seconds).",
            *quantiles("log_ingest_delay_seconds"),
            unit=SECONDS,
            size=(8, 8),
            none=NOT_SAID,
            soft_zero=True,
        ),
        lines(
            "How much is still unread?",
            "Bytes of the file not yet processed: near 0 unless the exporter catches up.",
            over_time(m("log_lag_bytes"), "unread"),
            unit=BYTES,
            size=(8, 8),
            soft_zero=True,
        ),
        stat(
            "Was anything lost or not understood?",
            "Since counting began: places where lines were gone before anyone could read them, lines that bear a known tag and could not be read, "
            "rotations and truncations of the file.",
            now(f"sum({m('log_gaps_total')})", "gaps"),
            now(f"sum({m('log_malformed_total')})", "malformed"),
            now(m("log_rotations_total"), "rotations"),
            now(m("log_truncations_total"), "truncations"),
            unit=COUNT,
            size=(12, 5),
            names=True,
            overrides=[
                answer("A", thresholds=steps("text", (1, CRITICAL))),
                answer("B", thresholds=steps("text", (1, WARNING))),
            ],
        ),
        stat(
            "Do the clocks agree?",
            "Arrival of the newest line minus the time it bears: far from 0 means a wrong log.timezone or clock.",
            now(m("log_timestamp_skew_seconds"), "skew"),
            unit=SECONDS,
            size=(4, 5),
            none=NOT_SAID,
            thresholds=steps(WARNING, (-threshold("log_skew_seconds"), "text"), (threshold("log_skew_seconds"), WARNING)),
        ),
        grid(
            "Where were lines lost?",
            "Every gap that the exporter noticed (archive: gaps), newest 50, all time.",
            listed("""
                SELECT ts AS time, REPLACE(reason, '_', ' ') AS Reason, detail AS Detail FROM gaps ORDER BY ts DESC LIMIT 50"""),
            size=(8, 5),
            says="time",
            none="✓ no gap",
            sort=("Time", True),
            overrides=[column("time", displayName="Time", custom__width=170)],
        ),
    ]


def _broker() -> list[model.Panel]:
    return [
        timeline(
            "Does it answer?",
            "Whether the last poll of each endpoint worked (bigdipper_alpaca_up).",
            over_time(m("alpaca_up"), "{{endpoint}}"),
            size=(12, 7),
            none=NO_BROKER,
            mappings=house.YES_NO_GOOD,
        ),
        lines(
            "How fast does it answer?",
            "95 % of the requests of five minutes by endpoint (bigdipper_alpaca_request_duration_seconds).",
            quantiles("alpaca_request_duration_seconds", "endpoint")[1],
            unit=SECONDS,
            size=(12, 7),
            none=NO_BROKER,
            soft_zero=True,
        ),
        lines(
            "Which requests fail?",
            "Failures an hour by endpoint and reason (bigdipper_alpaca_request_failures_total).",
            over_time(
                f"sum by (endpoint, reason) (increase({m('alpaca_request_failures_total')}[1h])) > 0", "{{endpoint}}: {{reason}}"),
            unit=house.Unit("none", 1),
            size=(8, 7),
            none=f"✓ none, or {NO_BROKER}",
            soft_zero=True,
        ),
        lines(
            "How much of the rate limit is left?",
            "Requests left in the broker's own minute, from its answer's header; the exporter leaves the bot's share alone.",
            over_time(m("alpaca_rate_limit_remaining"), "left"),
            over_time(f"sum(rate({m('alpaca_requests_total')}[{FIVE}])) * 60", "used by us, a minute"),
            unit=COUNT,
            size=(8, 7),
            none=NO_BROKER,
            soft_zero=True,
        ),
        lines(
            "How old were its answers?",
            "Age of the last good answer by endpoint.",
            over_time(f"time() - {m('alpaca_last_success_timestamp_seconds')}", "{{endpoint}}"),
            unit=SECONDS,
            size=(8, 7),
            none=NO_BROKER,
            soft_zero=True,
        ),
    ]  # fmt: skip


def _archive() -> list[model.Panel]:
    return [
        lines(
            "How big is it?",
            "The archive with its write-ahead log.",
            over_time(m("archive_size_bytes"), "size"),
            unit=BYTES,
            size=(8, 7),
            soft_zero=True,
        ),
        lines(
            "How long does a commit take?",
            "Median and 95 % (bigdipper_archive_commit_duration_seconds).",
            *quantiles("archive_commit_duration_seconds"),
            unit=SECONDS,
            size=(8, 7),
            soft_zero=True,
        ),
        stat(
            "Is there room, did anything fail?",
            "Free space on its file system, commits that failed since counting began, time of the oldest account row.",
            now(m("archive_disk_free_bytes"), "free"),
            now(m("archive_errors_total"), "failed commits"),
            now(f"time() - {m('archive_oldest_timestamp_seconds')}", "reaches back"),
            unit=BYTES,
            size=(8, 7),
            names=True,
            none=NOT_SAID,
            overrides=[
                answer("A", thresholds=steps(CRITICAL, (threshold("disk_free_bytes"), "text"))),
                answer("B", COUNT, thresholds=steps("text", (1, CRITICAL))),
                answer("C", house.Unit("s", 0)),
            ],
        ),
        grid(
            "How many rows?",
            "Rows by table; large tables are counted every few minutes.",
            rows(f"sort_desc(sum by (table) ({m('archive_rows')}))"),
            size=(8, 8),
            none=NO_SERIES,
            sort=("Rows", True),
            transformations=[organise(["table", "Value"], {"table": "Table", "Value": "Rows"}, hide=("Time",))],
            overrides=[column("Rows", COUNT)],
        ),
    ]


def _stack() -> list[model.Panel]:
    return [
        timeline(
            "Are the targets up?",
            "Every target of Prometheus (up).",
            over_time("up", "{{job}} {{instance}}"),
            size=(16, 8),
            none="Prometheus does not answer",
            mappings=house.YES_NO_GOOD,
        ),
        lines(
            "How long does a scrape take?",
            "Of the exporter (scrape_duration_seconds).",
            over_time('scrape_duration_seconds{bot="$bot"}', "scrape"),
            unit=SECONDS,
            size=(12, 7),
            none="Prometheus does not answer",
            soft_zero=True,
        ),
        stat(
            "Do rules and notifications work?",
            "Failed rule evaluations and failed or dropped notifications of the last hour, alerts that Alertmanager holds. They need Prometheus to scrape "
            "itself and Alertmanager.",
            now("sum(increase(prometheus_rule_evaluation_failures_total[1h]))", "rule failures"),
            now("sum(increase(prometheus_notifications_dropped_total[1h]))", "dropped"),
            now("sum(increase(alertmanager_notifications_failed_total[1h]))", "not delivered"),
            now('sum(alertmanager_alerts{state="active"})', "active alerts"),
            unit=COUNT,
            size=(12, 7),
            none="not scraped",
            names=True,
            overrides=[
                *(answer(letter, thresholds=steps("text", (1, CRITICAL))) for letter in "ABC"),
                answer("D", thresholds=steps("text", (1, WARNING))),
            ],
        ),
    ]
