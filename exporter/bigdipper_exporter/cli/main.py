"""Runs one command, and turns what went wrong into lines and an exit code."""

import argparse
import os
import sqlite3
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

from bigdipper_exporter import logs, memory
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.store import refusal
from bigdipper_exporter.cli.parser import parser
from bigdipper_exporter.cli.services import run
from bigdipper_exporter.cli.subcommand import Subcommand
from bigdipper_exporter.config.load import load
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.config.yamlfile import ConfigError
from bigdipper_exporter.web.listen import ListenError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; what the user did wrong is one line each on standard error, and exit code 2."""
    try:
        args = parser().parse_args(argv)
        if hasattr(args, "simulation"):
            return int(args.simulation(args))
        settings = load(args, os.environ, args.subcommand.required)
        logs.setup(settings.log_level, settings.log_format)
        logs.hide(settings.alpaca_key, settings.alpaca_secret, settings.api_token)
        code: int = _damage_in_one_line(args.subcommand, settings, args)
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


def _damage_in_one_line(subcommand: Subcommand, settings: Settings, args: argparse.Namespace) -> int:
    """Turn SQLite's error about an unusable archive into one line for the owner; in `run`, which retries, it would be a bug."""
    try:
        return subcommand.run(settings, args)
    except sqlite3.Error as error:
        if subcommand is run:
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
