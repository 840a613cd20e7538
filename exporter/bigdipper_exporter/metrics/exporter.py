"""What the exporter does: following the log, keeping the archive, being ready."""

import platform

from bigdipper_exporter import __version__
from bigdipper_exporter.log.chunks import GAP_REASONS
from bigdipper_exporter.log.grammar import TAGS
from bigdipper_exporter.metrics.table import Metric
from bigdipper_exporter.projection import KINDS

MALFORMED = sorted({kind for _, kind in TAGS} | {"timestamp", "docker"})
FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

METRICS = (
    Metric(
        "bigdipper_exporter_build_info",
        "gauge",
        "Version of the exporter and of Python.",
        ("version", "python"),
        read=lambda s: [((__version__, platform.python_version()), 1.0)],
    ),
    Metric("bigdipper_exporter_start_timestamp_seconds", "gauge", "When this exporter started.", read=lambda s: s.own.started),
    Metric(
        "bigdipper_exporter_ready",
        "gauge",
        "1 when /-/ready says so: caught up, and able to write.",
        read=lambda s: float(s.own.ready),
    ),
    Metric("bigdipper_exporter_label_overflow_total", "counter", "Times that a symbol beyond the first 200 became `other`."),
    Metric("bigdipper_log_up", "gauge", "1 when the log can be read.", read=lambda s: float(s.own.log_up)),
    Metric("bigdipper_log_lines_total", "counter", "Lines read."),
    Metric("bigdipper_log_bytes_total", "counter", "Bytes read."),
    Metric(
        "bigdipper_log_events_total",
        "counter",
        "Events recognised.",
        ("kind",),
        known=lambda s: [(kind,) for kind in KINDS.values()],
    ),
    Metric(
        "bigdipper_log_malformed_total",
        "counter",
        "Lines with a known tag or shape that could not be read.",
        ("kind",),
        known=lambda s: [(kind,) for kind in MALFORMED],
    ),
    Metric(
        "bigdipper_log_last_line_timestamp_seconds",
        "gauge",
        "When the newest line arrived, by our clock.",
        read=lambda s: s.own.last_line,
    ),
    Metric(
        "bigdipper_log_timestamp_skew_seconds",
        "gauge",
        "Arrival of the newest line minus the time it bears: far from 0 means a wrong log.timezone or clock.",
        read=lambda s: s.own.timestamp_skew,
    ),
    Metric("bigdipper_log_lag_bytes", "gauge", "Bytes of the log not yet processed.", read=lambda s: s.own.log_lag),
    Metric("bigdipper_log_rotations_total", "counter", "Times that the log was replaced by a new file."),
    Metric("bigdipper_log_truncations_total", "counter", "Times that the log was truncated."),
    Metric(
        "bigdipper_log_gaps_total",
        "counter",
        "Places where lines were gone before anyone could read them.",
        ("reason",),
        known=lambda s: [(reason,) for reason in GAP_REASONS],
    ),
    Metric(
        "bigdipper_log_ingest_delay_seconds",
        "histogram",
        "From a line readable in the file to its figures in /metrics.",
        buckets=FAST,
    ),
    Metric("bigdipper_archive_up", "gauge", "1 when the last commit worked.", read=lambda s: float(s.own.archive_up)),
    Metric(
        "bigdipper_archive_rows",
        "gauge",
        "Rows, by table (large tables are counted every few minutes).",
        ("table",),
        read=lambda s: [((table,), float(rows)) for table, rows in s.own.rows.items()],
    ),
    Metric(
        "bigdipper_archive_size_bytes",
        "gauge",
        "Size of the archive with its write-ahead log.",
        read=lambda s: s.own.archive_size,
    ),
    Metric(
        "bigdipper_archive_disk_free_bytes", "gauge", "Free space on the archive's file system.", read=lambda s: s.own.disk_free
    ),
    Metric(
        "bigdipper_archive_oldest_timestamp_seconds",
        "gauge",
        "Time of the oldest account row that the archive holds.",
        read=lambda s: s.own.oldest,
    ),
    Metric("bigdipper_archive_commit_duration_seconds", "histogram", "Time of a commit.", buckets=FAST),
    Metric("bigdipper_archive_errors_total", "counter", "Commits that failed."),
)
