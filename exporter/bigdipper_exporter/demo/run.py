"""`big-dipper-exporter demo`: a simulated bot and broker, the exporter, and Prometheus, Alertmanager and Grafana where there.

Every part is a process of its own, as in a deployment, with the repository's own configuration; Ctrl-C ends all of them.
"""

import argparse
import re
import shlex
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bigdipper_exporter.config.yamlfile import ConfigError
from bigdipper_exporter.demo.processes import Demo, Part, Progress, answers, program
from bigdipper_exporter.demo.simulator.command import KEY, SECRET, days, speed
from bigdipper_exporter.demo.simulator.incidents import NAMES, hyphenated
from bigdipper_exporter.stack_files import stack_files

ROOT = Path(__file__).resolve().parents[3]
# Of the demo's past: at DEBUG a day is 70,000 lines, and enough to see which symbols are passed over.
DEBUG_DAYS = 3


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `demo`."""
    parser.add_argument("--dir", type=Path, metavar="FOLDER", help="keep everything here (default: a temporary folder)")
    parser.add_argument("--seed", type=int, default=2, help="another seed, another market (default: %(default)s)")
    parser.add_argument("--days", type=days, default=66, help="trading days of history (default: %(default)s)")
    parser.add_argument("--speed", type=speed, default=1.0, help="simulated seconds per second (default: %(default)s)")
    soon = f"let one happen within two minutes: {', '.join(NAMES)}"
    parser.add_argument("--incident", type=hyphenated, choices=NAMES, metavar="NAME", help=soon)
    parser.add_argument("--seconds", type=float, metavar="N", help="stop by itself after N seconds")
    parser.add_argument("--no-stack", action="store_true", help="neither Prometheus nor Alertmanager nor Grafana")
    parser.add_argument("--webhook", metavar="URL", help="send notifications here (default: they stay in Alertmanager)")


def demo(args: argparse.Namespace) -> int:
    """Run until Ctrl-C, SIGTERM, the end of `--seconds`, or the end of one of the parts (exit code 1)."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    folder = args.dir or Path(tempfile.mkdtemp(prefix="bigdipper-demo-"))
    folder = folder.absolute()
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError([f"demo: --dir {folder} is not empty; name a new folder, since the demo starts from scratch"])
    folder.mkdir(parents=True, exist_ok=True)
    running = Demo(folder, stopping=stop)
    try:
        start_simulator(running, args)
        start_exporter(running, more=None if args.no_stack else _neighbours(running))
        if not args.no_stack:
            from bigdipper_exporter.demo.stack import start_stack

            start_stack(running, stack_files(), args.webhook)
        running.ports.close()  # such as Grafana's: whoever starts one by hand finds its usual port free
        tell(running, args)
        return _watch(running, stop, args.seconds)
    except KeyboardInterrupt:
        return 130
    finally:
        with suppress(OSError):  # the terminal may have gone
            print("\nending the demo ...", flush=True)
        running.stop()
        if args.dir is None:
            shutil.rmtree(folder, ignore_errors=True)


def start_simulator(running: Demo, args: argparse.Namespace, *extra: str | Path) -> None:
    """Bot and broker; returns when the history is written and the broker serves."""
    port = running.ports.give("simulator")
    log = running.folder / "big_dipper.log"
    part = running.start(
        "simulator",
        [
            sys.executable,
            "-m",
            "bigdipper_exporter",
            "simulate",
            "--log",
            log,
            "--listen",
            f"127.0.0.1:{port}",
            "--bot-config",
            running.folder / "config.py",
            "--debug-days",
            str(DEBUG_DAYS),
            "--seed",
            str(args.seed),
            "--days",
            str(args.days),
            "--speed",
            str(args.speed),
            *(["--incident", args.incident] if args.incident else []),
            *extra,
        ],
    )
    part.url, part.what = f"http://127.0.0.1:{port}", "stand-in for Alpaca's API"
    output, progress = running.folder / "simulator.out", Progress(f"simulating {args.days} trading days")

    def is_done() -> bool:
        words = output.read_text(errors="replace")
        shares = re.findall(r"the past: +(\d+)%", words)
        progress.show(int(shares[-1]) if shares else 0)
        return "broker http" in words

    running.wait(part, is_done, seconds=600)
    progress.end(f"{args.days} trading days of a bot's life are simulated.")


def start_exporter(running: Demo, port: int = 0, more: Mapping[str, str] | None = None) -> Part:
    """Start the exporter on the simulator's log and broker, and wait until it has read the log."""
    port = port or running.ports.give("exporter")
    env = {
        "LOG_PATH": str(running.folder / "big_dipper.log"),
        "DB_PATH": str(running.folder / "archive.db"),
        "BIGDIPPER_LOG_TIMEZONE": "America/New_York",
        "BIGDIPPER_WEB_LISTEN_ADDRESS": f"127.0.0.1:{port}",
        "BIGDIPPER_BOT_NAME": "demo",
        "BIGDIPPER_BOT_CONFIG": str(running.folder / "config.py"),
        "ALPACA_KEY": KEY,
        "ALPACA_SECRET": SECRET,
        "ALPACA_PAPER": "true",
        "BIGDIPPER_ALPACA_URL": running.parts[0].url,
        **(more or {}),
    }
    part = running.start("exporter", [sys.executable, "-m", "bigdipper_exporter", "run"], env)
    part.url, part.what = f"http://127.0.0.1:{port}", "metrics at /metrics, state in plain words at /"
    print("The exporter reads and archives its log ...", flush=True)
    running.wait(part, lambda: answers(f"{part.url}/-/ready"))
    return part


def _neighbours(running: Demo) -> dict[str, str]:
    """What the exporter's page asks and links to, of the programs that the demo will start after it."""
    present = {
        "alertmanager": program("alertmanager", "prometheus-alertmanager"),
        "prometheus": program("prometheus"),
        "grafana": program("grafana", "grafana-server"),
    }
    addresses = {name: f"http://127.0.0.1:{running.ports[name]}" for name, found in present.items() if found}
    links = {f"BIGDIPPER_LINKS_{name.upper()}": address for name, address in addresses.items()}
    asked = {"BIGDIPPER_ALERTMANAGER_URL": addresses["alertmanager"]} if "alertmanager" in addresses else {}
    return links | asked


def tell(running: Demo, args: argparse.Namespace) -> None:
    """Print what to look at and what to set off, then what runs where."""
    urls = {part.name: part.url for part in running.parts}
    missing = sorted({"prometheus", "alertmanager", "grafana"} - urls.keys())
    print("\n  To look at:")
    if "grafana" in urls:
        print(f"    {urls['grafana']}/  the dashboards")
    print(f"    {urls['exporter']}/  what the bot did today, in words")
    if "prometheus" in urls:
        # Debian's Prometheus 2 has no pages but the classic ones.
        alerts = next((path for path in ("/alerts", "/classic/alerts") if answers(f"{urls['prometheus']}{path}")), "")
        print(f"    {urls['prometheus']}{alerts}  alerts that fire")
        print(f"    {urls['prometheus']}/graph?g0.expr=bigdipper_account_equity_usd&g0.tab=0&g0.range_input=90d  equity")
    print(f"    {sys.argv[0]} export daily --archive.path {running.folder / 'archive.db'}  each day's figures, as CSV")
    incidents = f"{urls['simulator']}/incidents"
    print(f"\n  To set off (curl {incidents} lists the others; some happen by themselves, the first after four minutes):")
    print(f"    curl -X POST {incidents}/brake  the owner buys SPY on margin; in about two minutes the brake acts.")
    print("      If SPY was sold at a loss within 30 days, as after an earlier brake, a wash-sale warning comes with it.")
    print(f"    curl -X POST {incidents}/dip  a stock falls, and the bot buys it")
    print("\n  Running:")
    for part in running.parts:
        print(f"    {part.name:<13}{part.url:<24} {part.what}")
    for part in running.parts:
        if moved := running.ports.moved(part.name):
            print(f"    {moved}")
    if missing and not args.no_stack:
        print(f"    Not on this machine: {', '.join(missing)} (docker compose has all of them, see the README).")
    kept = "" if args.dir else ", and is deleted with the demo: --dir FOLDER keeps it (make demo ARGS='--dir FOLDER')"
    print(f"\n  Everything is in {running.folder}{kept}.")
    print("  The exchange is open day and night here, so that there is always something to see.")
    if "prometheus" in urls and "grafana" in missing:
        tell_of_grafana(running.folder, urls["prometheus"], urls.get("alertmanager", "http://127.0.0.1:9093"))
    print("\n  Ctrl-C ends the demo.", flush=True)


def tell_of_grafana(folder: Path, prometheus: str, alertmanager: str) -> None:
    """Print how a Grafana of the user's own shows the demo."""
    from bigdipper_exporter.demo.stack import grafana_settings

    root = stack_files()
    if root is None:
        return
    print("\n  To see the dashboards, start a Grafana (12 or newer, with the plugin frser-sqlite-datasource) with:")
    for name, value in grafana_settings(folder, root, prometheus, alertmanager).items():
        print(f"    export {name}={shlex.quote(value)}")
    print("  One that systemd starts sees neither /home nor /tmp (ProtectHome, PrivateTmp), and reads no file of yours.")


def _watch(running: Demo, stop: threading.Event, seconds: float | None) -> int:
    deadline = time.monotonic() + seconds if seconds else float("inf")
    while not stop.wait(0.5) and time.monotonic() < deadline:
        for part in running.parts:
            code = part.process.poll()
            if code is not None:
                words = (running.folder / f"{part.name}.out").read_text(errors="replace").strip().splitlines()[-3:]
                print(f"{part.name} ended with code {code}: {' | '.join(words)}", file=sys.stderr)
                return 1
    return 0
