"""Starts the whole stack with Docker and tries it: data on every panel, restarts, backup and restore, one's own log.

Needs a Docker engine with compose, and Python without packages. Everything is in a copy of the repository and a project of its
own, both removed at the end; run by `make test-compose`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from functools import partial
from pathlib import Path

from tests.browser.expected import EMPTY_MAY_BE
from tests.compose.engine import START_SECONDS, TABLES, Failed, Stack, expect, free_port, inherited, say, targets, until

DEMO = ("simulator", "exporter-demo", "alertmanager", "prometheus", "grafana")
BOT = ("exporter", "alertmanager", "prometheus", "grafana")
BRAKE = (
    "Cycle #7 - 10:00:00",
    "☀️ Regular Hours (regular hours)",
    "⚠️  EMERGENCY BRAKE: Leverage 115.7% > 115.0%",
    "   HALTING ALL TRADING this cycle",
)
TRADE = "[TRADE] BUY MSFT: 10.0000 shares @ $483.08 = $4,830.80 (order ORDER)"
PART = 20  # lines between two events of the log's file
# Prints the path and the alerts' names of everything that it is sent.
INBOX = """
from http.server import *
from json import loads
class Inbox(BaseHTTPRequestHandler):
    def do_POST(self):
        sent = loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(self.path, *(alert["labels"]["alertname"] for alert in sent["alerts"]), flush=True)
        self.send_response(200)
        self.end_headers()
HTTPServer(("", 8080), Inbox).serve_forever()
"""


def no_password(stack: Stack) -> None:
    """Without `make env` nothing starts, and it is said why."""
    up = ["docker", "compose", "--env-file", os.devnull, "up"]
    said = subprocess.run(up, cwd=stack.folder, capture_output=True, text=True, env=inherited())
    expect(said.returncode and "run make env first" in said.stderr, "without a password nothing starts, and it says: make env")
    try:
        stack.grafana("/api/org", login=False)
    except urllib.error.HTTPError as error:
        expect(error.code == 401, "Grafana asks for a password")


def closed(stack: Stack, services: tuple[str, ...]) -> None:
    """Each container is as closed as the file says."""
    for service in services:
        container = stack.inspect(service)
        host, user = container["HostConfig"], container["Config"]["User"]
        open_to = [p["HostIp"] for ports in host["PortBindings"].values() for p in ports]
        fine = host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and host["Memory"] and user not in ("", "0", "root")
        expect(
            fine and open_to == (["127.0.0.1"] if service == "grafana" else []),
            f"{service}: user {user}, read-only, no capabilities, {host['Memory'] >> 20} MiB at most",
        )


def overview(stack: Stack, begun: float) -> None:
    """Every panel of the home page has an answer, and most have figures."""
    until(lambda: stack.promql('up{job="bigdipper"}') == 1.0, "Prometheus scrapes the exporter")
    until(lambda: stack.promql("bigdipper_account_equity_usd"), "the account's equity is in Prometheus")
    say(f"     figures in Grafana {time.monotonic() - begun:.0f} s after the start")
    home = stack.grafana("/api/dashboards/home")["dashboard"]
    board = json.loads((stack.folder / "grafana/dashboards/overview.json").read_text())
    expect(home["title"] == board["title"], f"the home page is {board['title']}")
    # A panel may have one query for each state of the bot: one of them gives rows.
    full = {title for title, target in targets(board) if stack.query(target)}
    empty = {title for title, _ in targets(board)} - full - {*EMPTY_MAY_BE["overview"]}
    expect(not empty, f"{len(full)} panels of the home page give rows" if not empty else f"no rows: {', '.join(sorted(empty))}")


def restarts(stack: Stack) -> None:
    """Each service, restarted in turn: the others go on, nothing is lost."""
    for service in DEMO:
        before, samples = stack.counts(), stack.promql("max(count_over_time(up[1d]))") or 0
        others = {other: stack.inspect(other)["State"]["StartedAt"] for other in DEMO if other != service}
        stack.compose("restart", service)
        until(partial(stack.healthy, service), f"{service} is healthy after its restart")
        until(lambda: _answers(stack), "Grafana answers")
        after = stack.counts()
        lost = [table for table in TABLES if after[table] < before[table]]
        fewer = (until(lambda: stack.promql("max(count_over_time(up[1d]))"), "Prometheus answers")) < samples
        same = all(stack.inspect(other)["State"]["StartedAt"] == started for other, started in others.items())
        expect(not lost and not fewer and same, f"restart of {service}: nothing lost, the others ran on")


def _answers(stack: Stack) -> bool:
    try:
        return bool(stack.grafana("/api/health")["database"] == "ok" and stack.counts())
    except (OSError, Failed):
        return False


def killed(stack: Stack) -> None:
    """A kill in the middle of writing, then a clean stop: the archive stays readable, and in the end agrees with the log."""
    stack.compose("kill", "--signal", "KILL", "exporter-demo")
    expect(stack.counts()["trades"], "after a kill of the exporter Grafana reads the archive")
    stack.compose("start", "exporter-demo")
    until(lambda: stack.healthy("exporter-demo"), "the exporter is healthy again")
    stack.compose("stop", "exporter-demo")
    expect(stack.counts()["trades"], "after a clean stop of the exporter Grafana reads the archive")
    stack.compose("stop", "simulator")
    log = stack.compose(
        "run", "--rm", "--no-deps", "-T", "--entrypoint", "sh", "exporter-demo", "-c", "cat /demo/big_dipper.log*"
    )
    written = sum("[TRADE]" in line for line in log.splitlines())
    stack.compose("start", "exporter-demo")
    until(lambda: stack.healthy("exporter-demo"), "the exporter is healthy without its broker")
    until(lambda: stack.counts()["trades"] == written, f"the archive has the {written} trades of the log")
    say(f"ok   {written} trades in the log, {written} in the archive, after all that")
    stack.compose("start", "simulator")


def line(text: str) -> str:
    """A line of the bot's log, of now."""
    return f"{time.strftime('%Y-%m-%d %H:%M:%S')} [INFO] {text.replace('ORDER', str(uuid.uuid4()))}\n"


def own_log(stack: Stack) -> None:
    """The profile of one's own bot, without keys, on a sample of a real log that goes on."""
    stack.compose("down", "--volumes")
    folder = stack.folder / "bot"
    folder.mkdir()
    sample = (stack.folder / "tests/samples/big_dipper_v2.18.log").read_text()
    (folder / "big_dipper.log").write_text(sample)
    stack.set(COMPOSE_PROFILES="bot", BOT_LOG_DIR=str(folder))
    stack.up(*BOT)
    until(lambda: _answers(stack) and stack.counts()["trades"], "trades of the sample are in the archive")
    until(lambda: stack.promql("sum(bigdipper_trades_total)") is not None, "and in Prometheus")
    before = stack.counts()["trades"]
    with (folder / "big_dipper.log").open("a") as log:
        log.write(line(TRADE))
    begun = time.monotonic()
    until(lambda: stack.counts()["trades"] == before + 1, "a new line is in the archive")
    expect(True, f"a line of one's own log is on the screen {time.monotonic() - begun:.0f} s later")
    doctor = ["exec", "-T", "exporter", "big-dipper-exporter", "doctor"]
    expect("fine   archive" in stack.run("sh", "-c", f"docker compose {' '.join(doctor)} || true"), "the doctor runs inside")


def rotated(stack: Stack) -> None:
    """The log is renamed, copied and truncated, and renamed again while the exporter is killed: each line counts once."""
    path = stack.folder / "bot/big_dipper.log"
    expected = stack.counts()["trades"] + 7 * PART
    log = path.open("a")

    def write() -> None:
        log.writelines(line(TRADE) for _ in range(PART))
        log.flush()

    write()
    path.rename(f"{path}.3")
    write()  # to the renamed file, until the bot is restarted
    log.close()
    log = path.open("a")
    write()
    shutil.copy(path, f"{path}.2")
    os.truncate(path, 0)
    write()
    stack.compose("kill", "--signal", "KILL", "exporter")
    write()
    path.rename(f"{path}.1")
    log.close()
    log = path.open("a")
    write()
    stack.compose("start", "exporter")
    write()
    log.close()
    until(lambda: stack.counts()["trades"] == expected, f"{expected} trades are in the archive")
    until(lambda: stack.promql("sum(bigdipper_trades_total)") == expected, f"{expected} trades are counted in Prometheus")
    say(f"ok   {7 * PART} lines written around renames, copytruncate and a kill: {7 * PART} in the archive and counted")


def notified(stack: Stack) -> None:
    """Alerts reach a webhook and a dead man, whose address is in a file that only its owner may read until `make env`."""
    inbox = f"{stack.project}-inbox"
    network = ["--network", f"{stack.project}_default", "--name", inbox]
    stack.run("docker", "run", "--rm", "--detach", *network, "--entrypoint", "python", "big-dipper-monitor:local", "-c", INBOX)
    try:
        (secret := stack.folder / "secrets/alerts/deadman").touch(mode=0o600)
        secret.write_text(f"http://{inbox}:8080/deadman")
        stack.run("sh", "deploy/env.sh")
        stack.set(ALERT_WEBHOOK_URL=f"http://{inbox}:8080/hook", ALERT_DEADMAN_URL_FILE="/run/secrets/deadman")
        stack.up(*BOT)
        until(lambda: "/deadman Watchdog" in stack.run("docker", "logs", inbox), "the dead man is pinged")
        with (stack.folder / "bot/big_dipper.log").open("a") as log:
            log.writelines(line(text) for text in BRAKE)
        begun = time.monotonic()
        until(lambda: "/hook BrakeActive" in stack.run("docker", "logs", inbox), "the brake is told")
        say(f"ok   the dead man is pinged, and a webhook is told of the brake {time.monotonic() - begun:.0f} s after its line")
    finally:
        stack.run("docker", "rm", "--force", inbox)


def published(stack: Stack) -> None:
    """deploy/page: the exporter's page and Alertmanager answer on this machine."""
    page, alertmanager = free_port(), free_port()
    files = "docker-compose.yml:deploy/page/compose.yml"
    stack.set(COMPOSE_FILE=files, EXPORTER_PORT=str(page), ALERTMANAGER_PORT=str(alertmanager))
    stack.up(*BOT)
    for address in (f"http://127.0.0.1:{page}/", f"http://127.0.0.1:{alertmanager}/-/healthy"):
        with urllib.request.urlopen(address, timeout=30) as answer:
            expect(answer.status == 200, f"deploy/page publishes {answer.url}")


def added(stack: Stack) -> None:
    """deploy/add-bot.sh: a second bot needs the files of its keys, or its file says that its log alone is watched."""
    folder = stack.folder / "second"
    folder.mkdir()
    shutil.copy(stack.folder / "tests/samples/big_dipper_v2.18.log", folder / "big_dipper.log")
    stack.run("sh", "deploy/add-bot.sh", "second", str(folder), "America/New_York")
    stack.compose("up", "--detach")
    until(lambda: "/run/secrets/alpaca_key" in stack.compose("logs", "exporter-second"), "the missing key is named")
    settings = stack.folder / "deploy/bots/second.yml"
    settings.write_text(re.sub(r"(?m)^( +ALPACA_(?:KEY|SECRET)_FILE:).*", r'\1 ""', settings.read_text()))
    stack.up(*BOT, "exporter-second")
    until(lambda: stack.promql('sum(bigdipper_trades_total{bot="second"})'), "its trades are in Prometheus")
    say("ok   a second bot is added; without the files of its keys it says what is missing")


def upgraded(stack: Stack) -> None:
    """What docs/deployment.md starts after an upgrade goes by a rule that is new."""
    rules = stack.folder / "prometheus/rules/alerts/alerting.yml"
    rules.write_text(rules.read_text().replace("alert: Watchdog", "alert: Watchdog2"))
    documented = re.search(r"&& docker compose (up .*)", (stack.folder / "docs/deployment.md").read_text())
    stack.compose(*documented[1].split() if documented else ())
    until(lambda: stack.healthy(*BOT), "everything is healthy after the upgrade", START_SECONDS)
    until(lambda: _answers(stack) and stack.promql('ALERTS{alertname="Watchdog2"}'), "a new rule is in force")
    say("ok   a rule that an upgrade brings is in force")


def backup(stack: Stack) -> None:
    """Saved, everything removed, put back."""
    before, samples = stack.counts(), stack.promql("max(count_over_time(up[1d]))") or 0
    stack.run("sh", "deploy/backup.sh", "saved")
    say("     saved: " + ", ".join(f"{p.name} {p.stat().st_size:,}" for p in sorted((stack.folder / "saved").iterdir())))
    stack.compose("down", "--volumes")
    stack.run("sh", "deploy/restore.sh", "saved")
    until(lambda: stack.healthy(*BOT), "everything is healthy after the restore", START_SECONDS)
    until(lambda: _answers(stack), "Grafana answers")
    expect(stack.counts() == before, f"backup, removal of every volume, restore: {before['trades']} trades are there")
    expect((stack.promql("max(count_over_time(up[1d]))") or 0) > samples, "Prometheus has its history again")


def main() -> int:
    """0 when all of it held."""
    with tempfile.TemporaryDirectory(prefix="bigdipper-compose-") as temporary:
        stack = Stack(Path(temporary) / "checkout")
        try:
            say(f"     project {stack.project}, Grafana on port {stack.port}")
            stack.compose("build", "--quiet", "exporter-demo")
            say("ok   the image is built")
            begun = time.monotonic()
            stack.up(*DEMO)
            no_password(stack)
            closed(stack, DEMO)
            overview(stack, begun)
            restarts(stack)
            killed(stack)
            own_log(stack)
            rotated(stack)
            notified(stack)
            published(stack)
            added(stack)
            upgraded(stack)
            backup(stack)
        except Failed as failure:
            say(f"FAILED: {failure}")
            print(stack.run("docker", "compose", "logs", "--tail", "15"))
            return 1
        finally:
            stack.compose("--profile", "*", "down", "--volumes", "--remove-orphans")
    say("all of it held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
