"""Starts the whole stack with Docker and tries it: data on every panel, restarts, backup and restore, one's own log.

Needs a Docker engine with compose, and Python without packages. Everything is in a copy of the repository and a project of its
own, both removed at the end; run by `make test-compose`.
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_COPIED = (".git", ".venv", ".env", "secrets", ".*_cache", "__pycache__", "*.egg-info", ".hypothesis", "node_modules")
START_SECONDS = 900.0  # on a slow machine, with images to be pulled before
STEP_SECONDS = 180.0
DEMO = ("simulator", "exporter-demo", "alertmanager", "prometheus", "grafana")
BOT = ("exporter", "alertmanager", "prometheus", "grafana")
PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
ARCHIVE = {"type": "frser-sqlite-datasource", "uid": "archive"}
TABLES = ("trades", "skips", "account_history", "fills")

Row = list[Any]


class Failed(Exception):
    """What was expected and did not happen."""


def say(text: str) -> None:
    """One line of the report."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def expect(condition: object, what: str) -> None:
    """Report `what`, or fail with it."""
    if not condition:
        raise Failed(what)
    say(f"ok   {what}")


def until(done: Callable[[], Any], what: str, seconds: float = STEP_SECONDS) -> Any:
    """The first true answer of `done`, asked again and again for `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := done()):
        if time.monotonic() > deadline:
            raise Failed(f"after {seconds:.0f} s still not: {what}")
        time.sleep(1)
    return answer


def inherited() -> dict[str, str]:
    """The environment, where Docker finds its engine and plugins, without what would change the stack."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("COMPOSE_", "SECRETS"))}


class Stack:
    """One checkout with its own .env, project name and port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = f"bigdipper-test-{os.getpid()}"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
        self.run("sh", "deploy/env.sh")
        self.set(COMPOSE_PROJECT_NAME=self.project, GRAFANA_PORT=str(self.port), COMPOSE_PROFILES="demo")
        password = (folder / "secrets/grafana_password").read_text()
        self.login = "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()

    def set(self, **settings: str) -> None:
        """Put settings into .env, in place of those that are there."""
        path = self.folder / ".env"
        lines = [line for line in path.read_text().splitlines() if line.split("=")[0] not in settings]
        path.write_text("\n".join([*lines, *(f"{name}={value}" for name, value in settings.items())]) + "\n")

    def run(self, *command: str) -> str:
        """The output of a command in the checkout; Failed with its last words when it fails."""
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, env=inherited())
        if done.returncode:
            words = (done.stdout + done.stderr).strip().splitlines()[-8:]
            raise Failed(f"{' '.join(command)}: code {done.returncode}:\n    " + "\n    ".join(words))
        return done.stdout

    def compose(self, *arguments: str) -> str:
        """`docker compose` in the checkout."""
        return self.run("docker", "compose", *arguments)

    def inspect(self, service: str) -> dict[str, Any]:
        """What Docker knows about the service's container."""
        (container,) = json.loads(self.run("docker", "inspect", self.compose("ps", "--all", "-q", service).strip()))
        return dict(container)

    def healthy(self, *services: str) -> bool:
        """Whether Docker calls all of them healthy; Failed as soon as one is called unhealthy."""
        states = {service: self.inspect(service)["State"] for service in services}
        for service, state in states.items():
            if state.get("Health", {}).get("Status") == "unhealthy":
                raise Failed(f"{service} is unhealthy: {state['Health']['Log'][-1]['Output'].strip()}")
        return all(state.get("Health", {}).get("Status") == "healthy" for state in states.values())

    def up(self, *services: str) -> None:
        """Start what the profile has, and wait until all is healthy."""
        begun = time.monotonic()
        self.compose("up", "--detach")
        until(lambda: self.healthy(*services), f"{', '.join(services)} are healthy", START_SECONDS)
        say(f"     everything healthy after {time.monotonic() - begun:.0f} s")

    def grafana(self, path: str, body: dict[str, Any] | None = None, login: bool = True) -> Any:
        """An answer of Grafana's API, as an administrator."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode() if body else None)
        request.add_header("Content-Type", "application/json")
        if login:
            request.add_header("Authorization", self.login)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def query(self, target: dict[str, Any], hours: float = 168) -> list[Row]:
        """The rows of all frames that a panel's target gives in Grafana."""
        now = int(time.time() * 1000)
        query = {"refId": "A", "intervalMs": 60_000, "maxDataPoints": 500, **target}
        body = {"queries": [query], "from": str(int(now - hours * 3_600_000)), "to": str(now)}
        try:
            result = self.grafana("/api/ds/query", body)["results"][query["refId"]]
        except urllib.error.HTTPError as error:
            result = json.loads(error.read())
            raise Failed(f"Grafana: {error.code} {result}") from None
        if "error" in result:
            raise Failed(f"Grafana: {result['error']}")
        return [list(row) for frame in result["frames"] for row in zip(*frame["data"]["values"], strict=True)]

    def sql(self, text: str) -> list[Row]:
        """Rows of the archive, as Grafana reads it."""
        return self.query({"datasource": ARCHIVE, "rawQueryText": text, "queryText": text, "queryType": "table"})

    def promql(self, expression: str) -> float | None:
        """The first value of an instant query, None when it has no series."""
        rows = self.query({"datasource": PROMETHEUS, "expr": expression, "instant": True})
        return float(rows[0][-1]) if rows else None

    def counts(self) -> dict[str, int]:
        """Rows of the archive's main tables."""
        text = " UNION ALL ".join(f"SELECT '{table}' AS name, COUNT(*) AS rows FROM {table}" for table in TABLES)
        return {name: int(rows) for name, rows in self.sql(text)}


def targets(board: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(panel's title, target) of a dashboard, its variables filled in as Grafana's front end would."""
    for panel in board.get("panels", []):
        yield from targets(panel)
        for target in panel.get("targets", []):
            text = json.dumps(target).replace("${archive}", "archive").replace("$bot", "big-dipper")
            now = int(time.time())
            for name, value in (("$__interval_ms", 60_000), ("$__from", (now - 604_800) * 1000), ("$__to", now * 1000)):
                text = text.replace(f"${{{name[1:]}}}", str(value)).replace(name, str(value))
            filled = json.loads(text)
            if "rawQueryText" in filled:
                filled["queryText"] = filled["rawQueryText"]
            yield panel["title"], filled


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
        expect(fine and open_to == (["127.0.0.1"] if service == "grafana" else []),
               f"{service}: user {user}, read-only, no capabilities, {host['Memory'] >> 20} MiB at most")  # fmt: skip


def overview(stack: Stack, begun: float) -> None:
    """Every panel of the home page has an answer, and most have figures."""
    until(lambda: stack.promql('up{job="bigdipper"}') == 1.0, "Prometheus scrapes the exporter")
    until(lambda: stack.promql("bigdipper_account_equity_usd"), "the account's equity is in Prometheus")
    say(f"     figures in Grafana {time.monotonic() - begun:.0f} s after the start")
    home = stack.grafana("/api/dashboards/home")["dashboard"]
    board = json.loads((stack.folder / "grafana/dashboards/overview.json").read_text())
    expect(home["title"] == board["title"], f"the home page is {board['title']}")
    empty = [title for title, target in targets(board) if not stack.query(target)]
    total = len(list(targets(board)))
    expect(not empty, f"{total} queries of the home page give rows" if not empty else f"no rows: {', '.join(empty)}")


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
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    with (folder / "big_dipper.log").open("a") as log:
        log.write(f"{now} [INFO] [TRADE] BUY MSFT: 10.0000 shares @ $483.08 = $4,830.80 (order {uuid.uuid4()})\n")
    begun = time.monotonic()
    until(lambda: stack.counts()["trades"] == before + 1, "a new line is in the archive")
    expect(True, f"a line of one's own log is on the screen {time.monotonic() - begun:.0f} s later")
    doctor = ["exec", "-T", "exporter", "big-dipper-exporter", "doctor"]
    expect("fine   archive" in stack.run("sh", "-c", f"docker compose {' '.join(doctor)} || true"), "the doctor runs inside")


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
