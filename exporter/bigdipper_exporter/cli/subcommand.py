"""How a command is declared: its function, its help, and the arguments that it takes besides settings."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bigdipper_exporter.config.load import Required
from bigdipper_exporter.config.settings import Settings

# Parts of usage lines.
SETTINGS, ARCHIVE = "[--SETTING VALUE ...]", "[--archive.path PATH]"

Run = Callable[[Settings, argparse.Namespace], int]
Argument = Callable[[argparse.ArgumentParser], object]


@dataclass(frozen=True)
class Subcommand:
    """One command; `run` returns the exit code.

    settings: beginnings of the names of settings that its help lists; it accepts all. required: of each group at least one
    setting must be given. intermixed: words may follow flags.
    """

    name: str
    help: str
    run: Run
    usage: str
    settings: tuple[str, ...] = ("",)
    required: Required = ()
    arguments: tuple[Argument, ...] = ()
    intermixed: bool = False


def argument(*names: str, **options: Any) -> Argument:
    """An argument, with the options of `argparse`'s `add_argument`."""
    return lambda parser: parser.add_argument(*names, **options)


def subcommand(
    name: str,
    *arguments: Argument,
    usage: str,
    settings: tuple[str, ...] = ("",),
    required: Required = (),
    intermixed: bool = False,
) -> Callable[[Run], Subcommand]:
    """Declare the decorated function as a command; its docstring is the help. See `Subcommand` for the arguments."""
    return lambda run: Subcommand(name, run.__doc__ or "", run, usage, settings, required, arguments, intermixed)
