"""The command line, read by argparse."""

import argparse
import difflib
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from bigdipper_exporter import __version__
from bigdipper_exporter.cli.archive import back_up, check, export_table, fill_prometheus, ingest_log, repair
from bigdipper_exporter.cli.services import api, run
from bigdipper_exporter.cli.setup import bot_config, check_config, doctor, notify_test, stack
from bigdipper_exporter.cli.subcommand import Subcommand
from bigdipper_exporter.config.load import add_flags
from bigdipper_exporter.config.yamlfile import ConfigError

# In the order of the help.
COMMANDS = (
    run,
    ingest_log,
    check_config,
    export_table,
    back_up,
    check,
    repair,
    fill_prometheus,
    doctor,
    api,
    bot_config,
    stack,
    notify_test,
)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with the flag or word that was probably meant.

    complete: adds the flags of a command when the command is used. intermixed: words may stand behind flags.
    """

    intermixed = False
    complete: Callable[["Parser"], None] | None = None

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError in place of printing the usage."""
        known = [flag for action in self._actions for flag in action.option_strings]
        words = message.split(": ", 1)[-1].split() if message.startswith("unrecognized") else []
        if choice := re.search(r"invalid choice: '([^']*)'", message):
            known = [name for action in self._actions for name in action.choices or ()]
            words = [choice[1]]
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
    top = Parser(
        prog="big-dipper-exporter",
        description="Watches a Big Dipper bot from outside, read-only: its log and its account become metrics and an archive.",
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        _add(commands, command)
    _add_demo(commands)
    return top


def _add(commands: "argparse._SubParsersAction[Parser]", command: Subcommand) -> None:
    usage = f"%(prog)s [-h] {command.usage}"
    sub = commands.add_parser(command.name, help=command.help, description=command.help, usage=usage, allow_abbrev=False)
    sub.intermixed = command.intermixed
    sub.complete = partial(_complete, command)


def _complete(command: Subcommand, sub: Parser) -> None:
    add_flags(sub, command.settings)
    sub.set_defaults(subcommand=command, parser=sub)
    for add_argument in command.arguments:
        add_argument(sub)


def _add_demo(commands: "argparse._SubParsersAction[Parser]") -> None:
    # What makes a market is imported when it is asked for: it would double the start of every other command.
    def demo(sub: Parser) -> None:
        from bigdipper_exporter.demo import run

        run.add_flags(sub)
        sub.set_defaults(simulation=run.demo, parser=sub)

    def simulate(sub: Parser) -> None:
        from bigdipper_exporter.demo.simulator import command

        command.add_flags(sub)
        sub.set_defaults(simulation=command.simulate, parser=sub)

    for name, complete, text in (
        ("demo", demo, "Show everything with a simulated bot and broker; needs no account."),
        ("simulate", simulate, "The demo's bot and broker alone: write a log, serve a stand-in for Alpaca."),
    ):
        commands.add_parser(name, help=text, description=text, allow_abbrev=False).complete = complete
