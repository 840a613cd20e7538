"""What the exporter does: following the log, keeping the archive, being ready."""

import platform
import time

from bigdipper_exporter import __version__
from bigdipper_exporter.metrics.table import Gauge, Metric

METRICS: tuple[Metric, ...] = (
    Gauge(
        "bigdipper_exporter_build_info",
        "Version of the exporter and of Python.",
        ("version", "python"),
        read=lambda s: [((__version__, platform.python_version()), 1.0)],
    ),
    Gauge("bigdipper_exporter_start_timestamp_seconds", "When this exporter started.", read=lambda s: s.own.started),
    Gauge(
        "bigdipper_exporter_loop_age_seconds",
        "Time since the main loop last turned; more than a few seconds means that it hangs.",
        read=lambda s: max(0.0, time.monotonic() - s.own.turned),
    ),
    Gauge(
        "bigdipper_exporter_ready", "1 when /-/ready says so: caught up, and able to write.", read=lambda s: float(s.own.ready)
    ),
    Gauge(
        "bigdipper_log_configured",
        "1 when there is a log to read, 0 when an account is watched with keys alone.",
        read=lambda s: float(s.own.log_configured),
    ),
    Gauge(
        "bigdipper_log_up",
        "1 when the log can be read.",
        read=lambda s: float(s.own.log_up) if s.own.log_configured else None,
    ),
    Gauge(
        "bigdipper_log_last_line_timestamp_seconds",
        "When the newest line arrived, by our clock.",
        read=lambda s: s.own.last_line,
    ),
    Gauge(
        "bigdipper_log_timestamp_skew_seconds",
        "Arrival of the newest line minus its own timestamp: far from 0 means a wrong log.timezone or clock.",
        read=lambda s: s.own.timestamp_skew,
    ),
    Gauge(
        "bigdipper_log_lag_bytes",
        "Bytes of the log not yet processed.",
        read=lambda s: s.own.log_lag if s.own.log_configured else None,
    ),
    Gauge("bigdipper_archive_up", "1 when the last commit worked.", read=lambda s: float(s.own.archive_up)),
    Gauge(
        "bigdipper_archive_rows",
        "Rows, by table (large tables are counted every few minutes).",
        ("table",),
        read=lambda s: [((table,), float(rows)) for table, rows in s.own.archive.rows.items()],
    ),
    Gauge("bigdipper_archive_size_bytes", "Size of the archive with its write-ahead log.", read=lambda s: s.own.archive.size),
    Gauge(
        "bigdipper_archive_disk_free_bytes", "Free space on the archive's file system.", read=lambda s: s.own.archive.disk_free
    ),
    Gauge(
        "bigdipper_archive_oldest_timestamp_seconds",
        "Time of the oldest account row that the archive holds, of the log or of the broker.",
        read=lambda s: s.own.archive.oldest,
    ),
)
