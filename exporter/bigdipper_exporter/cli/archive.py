"""Commands that write the archive, or read it: ingest, export, backup, check-archive, archive repair, backfill."""

import argparse
import os
import sys
import time
from datetime import datetime
from functools import partial
from pathlib import Path

from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.cli.arguments import label, midnight, past_date, retention
from bigdipper_exporter.cli.subcommand import ARCHIVE, SETTINGS, argument, subcommand
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.config.yamlfile import ConfigError

NEXT_MIDNIGHT = partial(midnight, days=1)


@subcommand(
    "ingest",
    usage=f"--log.path PATH {SETTINGS}",
    settings=("log.", "archive.path"),
    required=(("log.path",),),
)
def ingest_log(settings: Settings, _args: argparse.Namespace) -> int:
    """Read the log to its end into the archive, print a summary, exit."""
    from bigdipper_exporter.commands.ingest import ingest
    from bigdipper_exporter.log.folder import NOT_READ, UNREAD

    begun, seen, shown = time.monotonic(), 0, 0.0

    def progress(left: int) -> None:
        nonlocal seen, shown
        seen = max(seen, left)
        if sys.stderr.isatty() and time.monotonic() - shown > 0.2:
            shown = time.monotonic()
            print(f"\rreading the log: {100 * (1 - left / seen) if seen else 100:5.1f} %", end="", file=sys.stderr)

    path = settings.log_path
    if path is not None and not (path.is_file() and os.access(path, os.R_OK)):
        why = f"is not a file that user id {os.geteuid()} can read" if os.path.lexists(path) else "does not exist"
        raise ConfigError([f"log.path: {path} {why}"])
    if path is not None and path.suffix in UNREAD:
        raise ConfigError([f"log.path: {path} {NOT_READ}"])
    summary = ingest(settings, progress)
    if shown:
        print("\r" + " " * 30 + "\r", end="", file=sys.stderr)
    print(summary.text(time.monotonic() - begun))
    return 0


def _exported(parser: argparse.ArgumentParser) -> None:
    from bigdipper_exporter.archive.tables import EXPORTS

    text = f"{', '.join(EXPORTS)} (skips: trades that were missed; routine ones are kept as hourly sums only)"
    parser.add_argument("what", choices=EXPORTS, metavar="TABLE", help=text)


@subcommand(
    "export",
    _exported,
    argument("--format", choices=("csv", "json"), default="csv", help="default: csv"),
    argument("--from", dest="since", type=midnight, metavar="DATE", help="first day, New York (YYYY-MM-DD)"),
    argument("--to", dest="until", type=NEXT_MIDNIGHT, metavar="DATE", help="last day, New York, included"),
    usage=f"TABLE [--format csv|json] [--from DATE] [--to DATE] {ARCHIVE}",
    settings=("archive.path",),
)
def export_table(settings: Settings, args: argparse.Namespace) -> int:
    """Print a table of the archive."""
    from bigdipper_exporter.commands.export import export  # sqlite-utils costs 50 MB, and only this command needs it

    if args.since is not None and args.until is not None and args.since >= args.until:
        raise ConfigError(["argument --to: is before --from; no day lies between them"])
    try:
        export(settings.archive_path, args.what, args.format, args.since, args.until, sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - what could not be written would be tried again
        raise ArchiveError(f"the export cannot be written: {error.strerror}") from None
    return 0


@subcommand(
    "backup",
    argument("file", metavar="FILE", help="where to write the copy"),
    usage=f"FILE {ARCHIVE}",
    settings=("archive.path",),
)
def back_up(settings: Settings, args: argparse.Namespace) -> int:
    """Copy the archive while the exporter runs."""
    from bigdipper_exporter.archive.backup import backup

    target = Path(args.file)
    backup(settings.archive_path, target)
    print(f"{target}: {target.stat().st_size:,} bytes, a consistent copy of {settings.archive_path}")
    return 0


@subcommand(
    "check-archive",
    argument("file", metavar="FILE", nargs="?", help="default: the archive of the settings"),
    usage=f"[FILE] {ARCHIVE}",
    settings=("archive.path",),
)
def check(settings: Settings, args: argparse.Namespace) -> int:
    """Say whether an archive or a backup is whole and can be used by this version."""
    from bigdipper_exporter.archive.check import check_archive

    path = Path(args.file) if args.file else settings.archive_path
    print(f"{path}: whole, schema version {check_archive(path)}, {path.stat().st_size:,} bytes")
    return 0


@subcommand(
    "archive",
    argument("action", choices=("repair",), metavar="repair", help="recompute days from rows and portfolio history"),
    argument("--from", dest="since", type=past_date, required=True, metavar="DATE", help="first day, New York (YYYY-MM-DD)"),
    usage=f"repair --from DATE {ARCHIVE}",
    settings=("archive.path",),
)
def repair(settings: Settings, args: argparse.Namespace) -> int:
    """Recompute the figures of past days (archive repair); the exporter must be stopped."""
    from bigdipper_exporter.commands.repair import repair_archive

    for line in repair_archive(settings.archive_path, args.since):
        print(line)
    return 0


@subcommand(
    "backfill",
    argument("--out", required=True, metavar="FOLDER", help="a new folder, or the data folder of Prometheus"),
    argument("--from", dest="since", type=midnight, metavar="DATE", help="first day, New York (default: as --keep says)"),
    argument("--to", dest="until", type=NEXT_MIDNIGHT, metavar="DATE", help="last day, New York, included (default: now)"),
    argument(
        "--keep",
        type=retention,
        default="400d",
        metavar="TIME",
        help="for how long Prometheus keeps its data: its --storage.tsdb.retention.time (default: 400d)",
    ),
    argument(
        "--label",
        type=label,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="label of Prometheus' target, as in its targets file: instance=localhost:10077 (default: exporter:10077)",
    ),
    argument("--text", action="store_true", help="write OpenMetrics text for promtool in place of blocks"),
    usage=f"--out FOLDER [--from DATE] [--to DATE] [--keep 400d] [--label NAME=VALUE ...] [--text] {ARCHIVE}",
    settings=("archive.path", "bot.name", "limits."),
)
def fill_prometheus(settings: Settings, args: argparse.Namespace) -> int:
    """Give Prometheus the archive's past, so that its graphs begin before its first start (needs promtool)."""
    from bigdipper_exporter.commands.backfill import LABELS, Request, backfill, span_of, write_text
    from bigdipper_exporter.durations import DAY
    from bigdipper_exporter.money.limits import OwnLimits

    now = time.time()
    labels = LABELS | ({"bot": settings.bot_name} if settings.bot_name else {}) | dict(args.label)
    try:
        span = span_of(args.since, args.until, now, args.keep)
    except ValueError as error:
        raise ConfigError([str(error)]) from None
    if args.since is not None and args.since < span.since:
        first = datetime.fromtimestamp(span.since, NEW_YORK).date()
        print(f"begins on {first}: Prometheus keeps {args.keep / DAY:g} days (--keep)")
    limits = OwnLimits(settings.limits_brake, settings.limits_hard)
    request, out = Request(settings.archive_path, span, labels, limits), Path(args.out)
    if not args.text:
        print(backfill(request, out, args.until is not None))
        return 0
    out.mkdir(parents=True, exist_ok=True)
    written = write_text(request, out)
    print(f"{written.samples:,} samples in {len(written.files)} files in {out}")
    return 0
