"""The command `big-dipper-exporter`: flags in, exit code out. 0: done, 1: doctor found something, 2: it cannot start."""

import argparse
import difflib
import os
import re
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from bigdipper_exporter import __version__, logs, memory
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.store import refusal
from bigdipper_exporter.archive.tables import EXPORTS
from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.config.kinds import duration
from bigdipper_exporter.config.load import Required, add_flags, describe, load
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.config.yamlfile import ConfigError
from bigdipper_exporter.web.listen import ListenError

Command = Callable[[Settings, argparse.Namespace], int]


def _run(settings: Settings, _args: argparse.Namespace) -> int:
    from bigdipper_exporter.service import Service
    from bigdipper_exporter.sources import sources

    try:
        service = Service(settings, lambda store, wake: sources(settings, store, wake.set))
    except sqlite3.Error as error:
        raise refusal(settings.archive_path, error) from error
    service.run()
    return 0


def _ingest(settings: Settings, _args: argparse.Namespace) -> int:
    from bigdipper_exporter.commands.ingest import ingest

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
    summary = ingest(settings, progress)
    if shown:
        print("\r" + " " * 30 + "\r", end="", file=sys.stderr)
    print(summary.text(time.monotonic() - begun))
    return 0


def _check_config(settings: Settings, args: argparse.Namespace) -> int:
    from bigdipper_exporter.commands.doctor import unusable
    from bigdipper_exporter.config.patterns import slow

    print(describe(settings))
    if problems := unusable(settings):
        raise ConfigError(problems)
    for warning in slow(settings.patterns):
        print(logs.printable(f"warning: patterns: {warning}"))
    bot = args.bot or settings.bot_config
    if bot is None:
        return 0
    from bigdipper_exporter.botconfig.reader import check

    findings = check(Path(bot))
    for finding in findings:
        print(logs.printable(str(finding)))
    return 2 if any(finding.severity == "error" for finding in findings) else 0


def _export(settings: Settings, args: argparse.Namespace) -> int:
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


def _backup(settings: Settings, args: argparse.Namespace) -> int:
    from bigdipper_exporter.archive.backup import backup

    target = Path(args.file)
    backup(settings.archive_path, target)
    print(f"{target}: {target.stat().st_size:,} bytes, a consistent copy of {settings.archive_path}")
    return 0


def _check_archive(settings: Settings, args: argparse.Namespace) -> int:
    from bigdipper_exporter.archive.check import check_archive

    path = Path(args.file) if args.file else settings.archive_path
    print(f"{path}: whole, schema version {check_archive(path)}, {path.stat().st_size:,} bytes")
    return 0


def _archive(settings: Settings, args: argparse.Namespace) -> int:
    from bigdipper_exporter.commands.repair import repair_archive

    for line in repair_archive(settings.archive_path, args.since):
        print(line)
    return 0


def _backfill(settings: Settings, args: argparse.Namespace) -> int:
    from bigdipper_exporter.commands.backfill import LABELS, Request, backfill, span_of, write_text
    from bigdipper_exporter.commands.past import DAY, Limits

    now = time.time()
    labels = LABELS | ({"bot": settings.bot_name} if settings.bot_name else {}) | dict(args.label)
    try:
        span = span_of(args.since, args.until, now, args.keep)
    except ValueError as error:
        raise ConfigError([str(error)]) from None
    if args.since is not None and args.since < span.since:
        first = datetime.fromtimestamp(span.since, NEW_YORK).date()
        print(f"begins on {first}: Prometheus keeps {args.keep / DAY:g} days (--keep)")
    limits = Limits().unless(settings.limits_brake, settings.limits_hard)
    request, out = Request(settings.archive_path, span, labels, limits), Path(args.out)
    if not args.text:
        print(backfill(request, out, args.until is not None))
        return 0
    out.mkdir(parents=True, exist_ok=True)
    written = write_text(request, out)
    print(f"{written.samples:,} samples in {len(written.files)} files in {out}")
    return 0


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[a-zA-Z_]\w*", name) or not re.fullmatch(r'[^"\\\n]+', value):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _doctor(settings: Settings, _args: argparse.Namespace) -> int:
    from bigdipper_exporter.commands.doctor import examine

    worst = 0
    for finding in examine(settings):
        print(logs.printable(str(finding)))
        worst = max(worst, 0 if finding.fine else 1)
    return worst


def _api(settings: Settings, _args: argparse.Namespace) -> int:
    try:
        from bigdipper_exporter.api.server import run
    except ImportError as error:
        if (error.name or "").startswith("bigdipper_exporter"):
            raise
        said = f"{error.name} is not installed; the API is optional: install the extra `api` (docs/api.md)"
        raise ConfigError([f"api: {said}"]) from None
    run(settings)
    return 0


def _bot_config(settings: Settings, args: argparse.Namespace) -> int:
    from bigdipper_exporter.commands.bot_config import change

    return change(settings, args.action, args.change, args.hash, args.yes)


def _stack(settings: Settings, args: argparse.Namespace) -> int:
    from bigdipper_exporter.commands.stack import write_stack

    print(write_stack(Path(args.folder), settings.bot_name or "big-dipper", settings.archive_path))
    return 0


def _notify_test(_settings: Settings, args: argparse.Namespace) -> int:
    from bigdipper_exporter.commands.notify import Sent, notify

    worst = 0
    for line in notify(args.alertmanager):
        print(logs.printable(str(line)), flush=True)
        worst = max(worst, int(isinstance(line, Sent) and not line.fine))
    return worst


def _date(text: str) -> date:
    """A date of the past, New York."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; allowed: YYYY-MM-DD (New York)") from None
    if not day.year >= 2000 or day > datetime.now(NEW_YORK).date():
        raise argparse.ArgumentTypeError(f"{text} is not a date of the past; allowed: from 2000-01-01 to today (New York)")
    return day


def _day(text: str, days: int = 0) -> float:
    """Midnight in New York that begins a date, or the one `days` later: not every day has 24 hours."""
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
        return datetime.combine(day, datetime.min.time(), NEW_YORK).timestamp()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; allowed: YYYY-MM-DD (New York)") from None


def _retention(text: str) -> float:
    """Seconds of a retention as Prometheus writes it."""
    kind = duration("1d", "20y")
    try:
        return kind.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}; allowed: {kind.allowed}, as 400d") from None


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with the flag or word that was probably meant.

    complete: adds the flags of a command when the command is used. intermixed: words may stand behind flags.
    """

    intermixed = False

    complete: "Callable[[_Parser], None] | None" = None

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError in place of printing the usage."""
        known = [flag for action in self._actions for flag in action.option_strings]
        words = message.split(": ", 1)[-1].split() if message.startswith("unrecognized") else []
        for word in words:
            near = difflib.get_close_matches(word.split("=")[0], known, 1)
            message += f" (did you mean {near[0]}?)" if near else ""
        raise ConfigError([f"{message}; `{self.prog} --help` lists what is allowed"])

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as usual, after adding the flags of the command."""
        complete, self.complete = self.complete, None
        if complete is not None:
            complete(self)
        if self.intermixed:
            self.intermixed = False  # argparse comes back here for each half
            try:
                return self.parse_known_intermixed_args(args, namespace)
            finally:
                self.intermixed = True
        return super().parse_known_args(args, namespace)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as argparse does, but let the subcommand report its own unknown arguments."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            getattr(found, "parser", self).error(f"unrecognized arguments: {' '.join(unknown)}")
        return found


def parser() -> argparse.ArgumentParser:
    """The command line, complete."""
    top = _Parser(
        prog="big-dipper-exporter",
        description="Watches a Big Dipper bot from outside, read-only: its log and its account become metrics and an archive.",
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, command: Command, text: str, usage: str, *used: str, required: Required = ()) -> _Parser:
        sub: _Parser = commands.add_parser(
            name, help=text, description=text, usage=f"%(prog)s [-h] {usage}".rstrip(), allow_abbrev=False
        )
        add_flags(sub, used or ("",))
        sub.set_defaults(run=command, required=required, parser=sub)
        return sub

    log: Required = (("log.path",),)
    log_or_keys: Required = (("log.path", "alpaca.key"),)
    settings, archive = "[--SETTING VALUE ...]", "[--archive.path PATH]"
    add(
        "run",
        _run,
        "Tail the log, poll the broker, archive both, serve /metrics; until SIGTERM or SIGINT.",
        f"[--log.path PATH] {settings}",
        required=log_or_keys,
    )
    add(
        "ingest",
        _ingest,
        "Read the log to its end into the archive, print a summary, exit.",
        f"--log.path PATH {settings}",
        "log.",
        "archive.path",
        required=log,
    )
    check = add(
        "check-config",
        _check_config,
        "Validate the settings and print those in force, secrets masked.",
        f"[--bot FILE] {settings}",
    )
    check.add_argument("--bot", metavar="FILE", help="also check this config.py of the bot (read, never executed)")
    end = partial(_day, days=1)
    out = add(
        "export",
        _export,
        "Print a table of the archive.",
        f"TABLE [--format csv|json] [--from DATE] [--to DATE] {archive}",
        "archive.path",
    )
    out.add_argument(
        "what",
        choices=EXPORTS,
        metavar="TABLE",
        help=f"{', '.join(EXPORTS)} (skips: trades that were missed; routine ones are kept as hourly sums only)",
    )
    out.add_argument("--format", choices=("csv", "json"), default="csv", help="default: csv")
    out.add_argument("--from", dest="since", type=_day, metavar="DATE", help="first day, New York (YYYY-MM-DD)")
    out.add_argument("--to", dest="until", type=end, metavar="DATE", help="last day, New York, included")
    backup = add("backup", _backup, "Copy the archive while the exporter runs.", f"FILE {archive}", "archive.path")
    backup.add_argument("file", metavar="FILE", help="where to write the copy")
    whole = add(
        "check-archive",
        _check_archive,
        "Say whether an archive or a backup is whole and can be used by this version.",
        f"[FILE] {archive}",
        "archive.path",
    )
    whole.add_argument("file", metavar="FILE", nargs="?", help="default: the archive of the settings")
    mend = add(
        "archive",
        _archive,
        "Recompute the figures of past days (archive repair); the exporter must be stopped.",
        f"repair --from DATE {archive}",
        "archive.path",
    )
    mend.add_argument("action", choices=("repair",), metavar="repair", help="recompute days from rows and portfolio history")
    mend.add_argument(
        "--from", dest="since", type=_date, required=True, metavar="DATE", help="first day, New York (YYYY-MM-DD)"
    )
    past = add(
        "backfill",
        _backfill,
        "Give Prometheus the archive's past, so that its graphs begin before its first start (needs promtool).",
        f"--out FOLDER [--from DATE] [--to DATE] [--keep 400d] [--label NAME=VALUE ...] [--text] {archive}",
        "archive.path",
        "bot.name",
        "limits.",
    )
    past.add_argument("--out", required=True, metavar="FOLDER", help="a new folder, or the data folder of Prometheus")
    past.add_argument("--from", dest="since", type=_day, metavar="DATE", help="first day, New York (default: as --keep says)")
    past.add_argument("--to", dest="until", type=end, metavar="DATE", help="last day, New York, included (default: now)")
    past.add_argument(
        "--keep",
        type=_retention,
        default="400d",
        metavar="TIME",
        help="for how long Prometheus keeps its data: its --storage.tsdb.retention.time (default: 400d)",
    )
    past.add_argument(
        "--label",
        type=_label,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="label of Prometheus' target, as in its targets file: instance=localhost:10077 (default: exporter:10077)",
    )
    past.add_argument("--text", action="store_true", help="write OpenMetrics text for promtool in place of blocks")
    add("doctor", _doctor, "Look at every part and say what is wrong and what to do.", settings)
    add(
        "api",
        _api,
        "Serve the archive as JSON, read-only (needs the extra `api`); until SIGTERM or SIGINT.",
        settings,
        "api.",
        "archive.path",
        "web.config.file",
        "web.allowed-hosts",
        "limits.",
        "bot.",
        "benchmark.",
        "log.level",
        "log.format",
    )
    own = add(
        "bot-config",
        _bot_config,
        "Show and change the bot's settings: with a diff, a confirmation and a way back (needs bot.config-editable).",
        "show|diff|set|apply|undo [NAME=VALUE ... | COPY] [--yes] [--hash HASH] --bot.config FILE [--bot.config-editable]",
        "bot.config",
        required=(("bot.config",),),
    )
    own.intermixed = True
    own.add_argument("action", choices=("show", "diff", "set", "apply", "undo"), metavar="show|diff|set|apply|undo")
    own.add_argument(
        "change", nargs="*", metavar="NAME=VALUE", help="DIP_THRESHOLDS.NVDA=0.06 for one symbol; for undo: a copy"
    )
    own.add_argument("--yes", action="store_true", help="set, undo: write without asking")
    own.add_argument("--hash", metavar="HASH", help="apply: write without asking if the file still has this hash")
    files = add(
        "stack",
        _stack,
        "Write the files of Prometheus, Alertmanager and Grafana into a folder, and say how to start them.",
        f"FOLDER [--bot.name NAME] {archive}",
        "archive.path",
        "bot.name",
    )
    files.add_argument("folder", metavar="FOLDER", help="a new or an empty folder")
    test = add(
        "notify-test",
        _notify_test,
        "Send a critical message, a warning, a digest and an end through every notification channel.",
        f"[--alertmanager URL] {settings}",
    )
    test.add_argument("--alertmanager", metavar="URL", default="http://localhost:9093", help="default: http://localhost:9093")
    _add_demo(commands)
    return top


def _add_demo(commands: "argparse._SubParsersAction[_Parser]") -> None:
    # What makes a market is imported when it is asked for: it would double the start of every other command.
    def demo(sub: _Parser) -> None:
        from bigdipper_exporter.demo import run

        run.add_flags(sub)
        sub.set_defaults(simulation=run.demo, parser=sub)

    def simulate(sub: _Parser) -> None:
        from bigdipper_exporter.demo.simulator import command

        command.add_flags(sub)
        sub.set_defaults(simulation=command.simulate, parser=sub)

    for name, complete, text in (
        ("demo", demo, "Show everything with a simulated bot and broker; needs no account."),
        ("simulate", simulate, "The demo's bot and broker alone: write a log, serve a stand-in for Alpaca."),
    ):
        commands.add_parser(name, help=text, description=text, allow_abbrev=False).complete = complete


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; what the user did wrong is one line each on standard error, and exit code 2."""
    try:
        args = parser().parse_args(argv)
        if hasattr(args, "simulation"):
            return int(args.simulation(args))
        settings = load(args, os.environ, args.required)
        logs.setup(settings.log_level, settings.log_format)
        logs.hide(settings.alpaca_key, settings.alpaca_secret, settings.api_token)
        code: int = _damage_in_one_line(args.run, settings, args)
    except ConfigError as error:
        code = _refuse(*error.problems)
    except (ArchiveError, ListenError) as error:
        code = _refuse(str(error))
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - the reader of our output has gone
        code = 0
    except KeyboardInterrupt:
        code = 130
    sys.stdout.flush()
    return code


def _damage_in_one_line(run: Command, settings: Settings, args: argparse.Namespace) -> int:
    """Turn SQLite's error about an unusable archive into one line for the owner; in `run`, which retries, it would be a bug."""
    try:
        return run(settings, args)
    except sqlite3.Error as error:
        if run is _run:
            raise
        raise refusal(settings.archive_path, error) from error


def _refuse(*problems: str) -> int:
    for problem in problems:
        print(logs.printable(f"big-dipper-exporter: {problem}"), file=sys.stderr)
    return 2


def entry() -> None:
    """The console script. Leaves without closing the archive, also after a crash: see `archive/store.py`."""
    memory.tune()
    code = 1
    try:
        code = main()
    except SystemExit as error:
        code = 0 if error.code is None else error.code if isinstance(error.code, int) else 2
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
