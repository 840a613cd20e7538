"""Commands that set up and check: check-config, doctor, bot-config, stack, notify-test."""

import argparse
from pathlib import Path

from bigdipper_exporter import logs
from bigdipper_exporter.cli.subcommand import ARCHIVE, SETTINGS, argument, subcommand
from bigdipper_exporter.config.load import describe
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.config.yamlfile import ConfigError


@subcommand(
    "check-config",
    argument("--bot", metavar="FILE", help="also check this config.py of the bot (read, never executed)"),
    usage=f"[--bot FILE] {SETTINGS}",
)
def check_config(settings: Settings, args: argparse.Namespace) -> int:
    """Validate the settings and print those in force, secrets masked."""
    from bigdipper_exporter.commands.doctor import unusable
    from bigdipper_exporter.config.patterns import slow

    print(describe(settings))
    if problems := unusable(settings):
        raise ConfigError(problems)
    print("# The settings are valid. `doctor` says whether the log, the archive and the broker can be reached with them.")
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


@subcommand("doctor", usage=SETTINGS)
def doctor(settings: Settings, _args: argparse.Namespace) -> int:
    """Look at every part and say what is wrong and what to do."""
    from bigdipper_exporter.commands.doctor import examine

    worst = 0
    for finding in examine(settings):
        print(logs.printable(str(finding)))
        worst = max(worst, 0 if finding.fine else 1)
    return worst


@subcommand(
    "bot-config",
    argument("action", choices=("show", "diff", "set", "apply", "undo"), metavar="show|diff|set|apply|undo"),
    argument("change", nargs="*", metavar="NAME=VALUE", help="DIP_THRESHOLDS.NVDA=0.06 for one symbol; for undo: a copy"),
    argument("--yes", action="store_true", help="set, undo: write without asking"),
    argument("--hash", metavar="HASH", help="apply: write without asking if the file still has this hash"),
    usage="show|diff|set|apply|undo [NAME=VALUE ... | COPY] [--yes] [--hash HASH] --bot.config FILE [--bot.config-editable]",
    settings=("bot.config",),
    required=(("bot.config",),),
    intermixed=True,
)
def bot_config(settings: Settings, args: argparse.Namespace) -> int:
    """Show and change the bot's settings: with a diff, a confirmation and a way back (needs bot.config-editable)."""
    from bigdipper_exporter.commands.bot_config import change

    return change(settings, args.action, args.change, args.hash, args.yes)


@subcommand(
    "stack",
    argument("folder", metavar="FOLDER", help="a new or an empty folder"),
    usage=f"FOLDER [--bot.name NAME] [--web.listen-address ADDRESS] {ARCHIVE}",
    settings=("archive.path", "bot.name", "web.listen-address", "alpaca.key", "alpaca.secret"),
)
def stack(settings: Settings, args: argparse.Namespace) -> int:
    """Write the files of Prometheus, Alertmanager and Grafana into a folder, and say how to start them."""
    from bigdipper_exporter.commands.stack import write_stack

    has_keys = bool(settings.alpaca_key and settings.alpaca_secret)
    name, address = settings.bot_name or "big-dipper", settings.web_listen_address
    print(write_stack(Path(args.folder), name, settings.archive_path, address, has_keys))
    return 0


@subcommand(
    "notify-test",
    argument("--alertmanager", metavar="URL", default="http://localhost:9093", help="default: http://localhost:9093"),
    usage=f"[--alertmanager URL] {SETTINGS}",
)
def notify_test(_settings: Settings, args: argparse.Namespace) -> int:
    """Send a critical message, a warning, a digest and an end through every notification channel."""
    from bigdipper_exporter.commands.notify import Sent, notify

    worst = 0
    for line in notify(args.alertmanager):
        print(logs.printable(str(line)), flush=True)
        worst = max(worst, int(isinstance(line, Sent) and not line.fine))
    return worst
