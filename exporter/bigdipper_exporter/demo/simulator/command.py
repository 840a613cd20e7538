"""`big-dipper-exporter simulate`: a bot that writes its log and a broker that fills its orders; no account needed."""

import argparse
import json
import shlex
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.config.kinds import split_address
from bigdipper_exporter.config.yamlfile import ConfigError
from bigdipper_exporter.demo.simulator import botconfig
from bigdipper_exporter.demo.simulator.incidents import INCIDENTS, NAMES, Incident, hyphenated
from bigdipper_exporter.demo.simulator.world import World, start_of_history
from bigdipper_exporter.web.listen import ListenError

CHANGE_SECONDS = 180.0  # after which the owner changes a setting, so that there is a change to see
KEY, SECRET = "PKSIMULATED", "simulated-secret"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `simulate`."""
    parser.add_argument("--log", type=Path, required=True, metavar="FILE", help="where the bot writes its log")
    parser.add_argument("--listen", default="127.0.0.1:8099", metavar="ADDRESS", help="where the broker serves (%(default)s)")
    parser.add_argument("--seed", type=int, default=2, help="another seed, another market (default: %(default)s)")
    parser.add_argument("--days", type=days, default=60, help="trading days of history before now (default: %(default)s)")
    parser.add_argument("--speed", type=speed, default=1.0, help="simulated seconds per second (default: %(default)s)")
    parser.add_argument("--level", choices=("DEBUG", "INFO"), default="INFO", help="the bot's log level (default: %(default)s)")
    parser.add_argument("--debug-days", type=int, default=0, metavar="N", help="log at DEBUG from N days before now on")
    parser.add_argument("--real-hours", action="store_true", help="close the exchange when the NYSE is closed")
    soon = f"let one happen within two minutes: {', '.join(NAMES)}"
    parser.add_argument("--incident", type=hyphenated, choices=NAMES, metavar="NAME", help=soon)
    parser.add_argument(
        "--bot-config",
        type=Path,
        metavar="FILE",
        help="the bot's config.py, read at its start; written where it is missing, and changed once",
    )
    parser.add_argument("--truth", type=Path, metavar="FILE", help="at SIGUSR1, stop time and write what a monitor must show")
    parser.add_argument("--no-incidents", action="store_true", help="let nothing go wrong")
    parser.add_argument("--incidents-before", action="store_true", help="let things go wrong in the history only")


def days(text: str) -> int:
    """Trading days of history, as a flag has them."""
    if not text.isdigit() or not 1 <= int(text) <= 500:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days; allowed: 1 to 500")
    return int(text)


def speed(text: str) -> float:
    """Simulated seconds per second, as a flag has them."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a speed; allowed: 0.01 to 10000")
    return value


def simulate(args: argparse.Namespace) -> int:
    """Write the history, then go on until SIGTERM or SIGINT. An existing log is appended to, otherwise a new one is written,
    in a new folder if need be.

    When one is there (a restart), the new bot goes on in it with an account of its own, and the history is not told again.
    """
    log: Path = args.log
    try:
        log.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError([f"--log {log}: the folder cannot be made: {error.strerror}"]) from None
    stop, freeze = threading.Event(), threading.Event()

    def end(*_: object) -> None:
        freeze.set()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    signal.signal(signal.SIGUSR1, lambda *_: freeze.set())
    host, port = split_address(args.listen)
    again = log.exists() and log.stat().st_size > 0
    now = time.time()
    world = World(
        args.seed,
        start_of_history(now, args.days),
        log_path=None if again else log,
        level=args.level,
        debug_from=now - args.debug_days * 86_400 if args.debug_days else float("inf"),
        incidents=() if args.no_incidents else _incidents(args.incident, args.incidents_before),
        broker_host=host or "0.0.0.0",
        broker_port=port,
    )
    # Before the history, which takes a while: the port was free when it was named. It answers when the history is whole.
    try:
        world.broker.listen()
    except OSError as error:
        raise ListenError(f"--listen {args.listen}: {error.strerror}; name another address") from None
    try:
        _history(world, now, stop)
        if args.bot_config:
            _settings(world, args.bot_config)
        if again:
            world.stop_bot()
            world.log.write_to(log)
            world.start_bot()
        print(_how_to_connect(world.broker.start(), log, args.bot_config), flush=True)
        world.live(args.speed, freeze, market_open_now=not args.real_hours)
        if args.truth:
            args.truth.write_text(json.dumps(_plain(world.truth())))
        stop.wait()
    finally:
        world.close()
    return 0


def _how_to_connect(url: str, log: Path, bot_config: Path | None) -> str:
    """The address of the broker, and the settings of an exporter that watches this bot and its account."""
    settings = {
        "BIGDIPPER_ALPACA_URL": url,
        "ALPACA_KEY": KEY,
        "ALPACA_SECRET": SECRET,
        "ALPACA_PAPER": "true",
        "LOG_PATH": str(log.absolute()),
        "BIGDIPPER_LOG_TIMEZONE": NEW_YORK.key,
    }
    if bot_config:
        settings["BIGDIPPER_BOT_CONFIG"] = str(bot_config.absolute())
    exports = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    said = "To watch it, in another terminal (without the two of the log: an account by its keys alone):"
    return "\n".join([f"broker {url}", said, *exports, "big-dipper-exporter run --archive.path simulated.db"])


def _settings(world: World, path: Path) -> None:
    """Give the bot a config.py that it reads at its next start. One that is there already is kept, edits included."""
    if not path.exists():
        botconfig.write(path)
    world.bot_config = path
    change = threading.Timer(CHANGE_SECONDS, botconfig.owner_changes, (path,))
    change.daemon = True
    change.start()


def _plain(value: Any) -> Any:
    """Keys that JSON knows: a pair becomes `a/b`."""
    if isinstance(value, Mapping):
        return {"/".join(key) if isinstance(key, tuple) else str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, int | float | str | None) else str(value)


def _incidents(at_once: str | None, before: bool) -> tuple[Incident, ...]:
    if before:
        return tuple(replace(incident, live=None) for incident in INCIDENTS)
    return tuple(replace(incident, live=0.1) if incident.name == at_once else incident for incident in INCIDENTS)


def _history(world: World, until: float, stop: threading.Event) -> None:
    shown = 0.0

    def progress(share: float) -> None:
        nonlocal shown
        if stop.is_set():
            raise KeyboardInterrupt
        if time.monotonic() - shown > 0.5 or share >= 1:
            shown = time.monotonic()
            end = "\n" if share >= 1 else ""
            print(f"\rsimulating the past: {share:4.0%}", end=end, file=sys.stderr, flush=True)

    world.history(until, progress)
