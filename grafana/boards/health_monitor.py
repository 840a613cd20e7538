"""The monitor's own half of the health board: log, broker, archive, and what stands behind."""

from grafana_foundation_sdk.models import dashboard as model

from grafana import theme
from grafana.overrides import answer, column, organise, override, words
from grafana.panels import grid, lines, stat, timeline
from grafana.query import listed, now, over_time, quantiles, rows, selector
from grafana.theme import (
    BYTES,
    COUNT,
    CRITICAL,
    NO_BROKER,
    NO_DATA_YET,
    NO_SERIES,
    NONE_ASKED,
    NOT_SAID,
    PER_MINUTE,
    SECONDS,
    WARNING,
    steps,
    threshold,
)


def losses() -> model.Panel:
    """What was lost or not understood: it stands on top of the board."""
    return stat(
        "Gaps and malformed lines",
        "Was anything lost or not understood? "
        "Since counting began: places where lines may have been lost before anyone could read them, lines with a known "
        "tag that could not be parsed, rotations and truncations of the file.",
        now(f"sum({selector('log_gaps_total')})", "gaps"),
        now(f"sum({selector('log_malformed_total')})", "malformed"),
        now(selector("log_rotations_total"), "rotations"),
        now(selector("log_truncations_total"), "truncations"),
        unit=COUNT,
        size=(12, 4),
        names=True,
        overrides=[
            answer("A", thresholds=steps("text", (1, CRITICAL))),
            answer("B", thresholds=steps("text", (1, WARNING))),
        ],
    )


def log() -> list[model.Panel]:
    """The log as it is followed."""
    return [
        lines(
            "Log volume",
            "How much does it log? Records a minute by level as they are read (bigdipper_log_records_total): a log that is "
            "read late shows as a peak.",
            over_time(f"sum by (level) (rate({selector('log_records_total')}[5m])) * 60", "{{level}}"),
            unit=PER_MINUTE,
            size=(8, 8),
            none=NO_DATA_YET,
            legend=(),
            soft_zero=True,
            overrides=[override("byName", level, colour=colour) for level, colour in theme.LEVELS.items()],
        ),
        lines(
            "Ingest delay",
            "How fast are lines read? "
            "From a line readable in the file to its figures in /metrics (bigdipper_log_ingest_delay_seconds).",
            *quantiles("log_ingest_delay_seconds"),
            unit=SECONDS,
            size=(8, 8),
            none="no line",
            soft_zero=True,
        ),
        lines(
            "Log lag",
            "How much is still unread? Bytes of the file not yet processed: near 0 unless the exporter catches up.",
            over_time(selector("log_lag_bytes"), "unread"),
            unit=BYTES,
            size=(8, 8),
            soft_zero=True,
        ),
        stat(
            "Clock skew",
            "Do the clocks agree? "
            "Arrival of the newest line minus its timestamp: far from 0 means a wrong log.timezone or clock.",
            now(selector("log_timestamp_skew_seconds"), "skew"),
            unit=SECONDS,
            size=(4, 5),
            none=NOT_SAID,
            thresholds=steps(WARNING, (-threshold("log_skew_seconds"), "text"), (threshold("log_skew_seconds"), WARNING)),
        ),
        grid(
            "Log gaps",
            "Where were lines lost? Every gap that the exporter noticed (archive: gaps), newest 50, all time.",
            listed("""
                SELECT ts AS time, REPLACE(reason, '_', ' ') AS Reason, detail AS Detail
                FROM gaps ORDER BY ts DESC LIMIT 50"""),
            size=(20, 5),
            says="time",
            none="✓ no gap",
            sort=("Time", True),
            overrides=[column("time", displayName="Time", custom__width=170), words("Detail")],
        ),
    ]


def broker() -> list[model.Panel]:
    """The broker as it is asked."""
    return [
        timeline(
            "Broker availability",
            "Does it answer? Whether the last poll of each endpoint worked (bigdipper_alpaca_up).",
            over_time(selector("alpaca_up"), "{{endpoint}}"),
            size=(12, 7),
            none=NO_BROKER,
            mappings=theme.YES_NO_GOOD,
        ),
        lines(
            "Broker request duration",
            "How fast does it answer? 95 % of the requests of an hour by endpoint (bigdipper_alpaca_request_duration_seconds).",
            quantiles("alpaca_request_duration_seconds", "endpoint", "1h")[1],
            unit=SECONDS,
            size=(12, 7),
            none=NONE_ASKED,
            soft_zero=True,
        ),
        lines(
            "Failed broker requests",
            "Which requests fail? Failures an hour by endpoint and reason (bigdipper_alpaca_request_failures_total).",
            over_time(
                f"sum by (endpoint, reason) (increase({selector('alpaca_request_failures_total')}[1h])) > 0",
                "{{endpoint}}: {{reason}}",
            ),
            unit=theme.Unit("none", 1),
            size=(8, 7),
            none=f"✓ none, or {NO_BROKER}",
            soft_zero=True,
        ),
        lines(
            "Rate limit remaining",
            "How much of the rate limit is left? "
            "Requests left in the broker's own minute, from its answer's header; the exporter leaves the bot's share alone.",
            over_time(selector("alpaca_rate_limit_remaining"), "left"),
            over_time(f"sum(rate({selector('alpaca_requests_total')}[5m])) * 60", "used by us, a minute"),
            unit=COUNT,
            size=(8, 7),
            none=NO_BROKER,
            soft_zero=True,
        ),
        lines(
            "Age of broker data",
            "How old were its answers? Age of the last good answer by endpoint.",
            over_time(f"time() - {selector('alpaca_last_success_timestamp_seconds')}", "{{endpoint}}"),
            unit=SECONDS,
            size=(8, 7),
            none=NO_BROKER,
            soft_zero=True,
        ),
    ]


def archive() -> list[model.Panel]:
    """The archive as it is written."""
    return [
        lines(
            "Archive size",
            "How big is it? The archive with its write-ahead log.",
            over_time(selector("archive_size_bytes"), "size"),
            unit=BYTES,
            size=(12, 7),
            soft_zero=True,
        ),
        lines(
            "Commit duration",
            "How long does a commit take? Median and 95 % (bigdipper_archive_commit_duration_seconds).",
            *quantiles("archive_commit_duration_seconds"),
            unit=SECONDS,
            size=(12, 7),
            none="no commit",
            soft_zero=True,
        ),
        stat(
            "Disk space and failed commits",
            "Is there room, did anything fail? "
            "Free space on its file system, commits that failed since counting began, time of the oldest account row.",
            now(selector("archive_disk_free_bytes"), "free"),
            now(selector("archive_errors_total"), "failed commits"),
            now(f"time() - {selector('archive_oldest_timestamp_seconds')}", "reaches back"),
            unit=BYTES,
            size=(12, 7),
            names=True,
            none=NOT_SAID,
            overrides=[
                answer("A", thresholds=steps(CRITICAL, (threshold("disk_free_bytes"), "text"))),
                answer("B", COUNT, thresholds=steps("text", (1, CRITICAL))),
                answer("C", theme.Unit("s", 0)),
            ],
        ),
        grid(
            "Archive rows",
            "How many rows? Rows by table; large tables are counted every few minutes.",
            rows(f"sort_desc(sum by (table) ({selector('archive_rows')}))"),
            size=(12, 7),
            none=NO_SERIES,
            sort=("Rows", True),
            transformations=[organise(["table", "Value"], {"table": "Table", "Value": "Rows"}, hide=("Time",))],
            overrides=[column("Rows", COUNT)],
        ),
    ]


def stack() -> list[model.Panel]:
    """What stands behind: Prometheus and Alertmanager."""
    return [
        timeline(
            "Scrape targets",
            "Are the targets up? Every target of Prometheus (up).",
            over_time("up", "{{job}} {{bot}}"),
            size=(24, 8),
            none="Prometheus does not answer",
            mappings=theme.YES_NO_GOOD,
        ),
        lines(
            "Scrape duration",
            "How long does a scrape of the exporter take (scrape_duration_seconds)? bigdipper: state of the moment, every 2 s; "
            "bigdipper-rest: the rest, every 30 s.",
            over_time('scrape_duration_seconds{bot="$bot"}', "{{job}}"),
            unit=SECONDS,
            size=(12, 7),
            none="Prometheus does not answer",
            soft_zero=True,
        ),
        stat(
            "Rules and notifications",
            "Do rules and notifications work? "
            "Failed rule evaluations and failed or dropped notifications of the last hour, and alerts that fire without "
            "the Watchdog, which always does. They need Prometheus to scrape itself and Alertmanager.",
            now("sum(increase(prometheus_rule_evaluation_failures_total[1h]))", "rule failures"),
            now("sum(increase(prometheus_notifications_dropped_total[1h]))", "dropped"),
            now("sum(increase(alertmanager_notifications_failed_total[1h]))", "not delivered"),
            now('count(ALERTS{alertstate="firing",alertname!="Watchdog"}) or vector(0)', "firing"),
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
