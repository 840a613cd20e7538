"""A copy of the repository that Docker runs as a project of its own, and questions to it, for the stack's test."""

import base64
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_COPIED = (".git", ".venv", ".env", "secrets", ".*_cache", "__pycache__", "*.egg-info", ".hypothesis", "node_modules")
START_SECONDS = 900.0  # on a slow machine, with images to be pulled before
STEP_SECONDS = 180.0
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


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stack:
    """One checkout with its own .env, project name and port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = f"bigdipper-test-{os.getpid()}"
        self.port = free_port()
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
                # A container that ended before its first check is called unhealthy too.
                checks = state["Health"]["Log"] or [{"Output": self.compose("logs", "--tail", "8", service)}]
                raise Failed(f"{service} is unhealthy: {checks[-1]['Output'].strip()}")
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
            if target.get("datasource", {}).get("uid") == "-- Dashboard --":
                continue  # the browser takes the answer of another panel, which is asked itself
            text = json.dumps(target).replace("${archive}", "archive").replace("$bot", "big-dipper")
            now = int(time.time())
            for name, value in (("$__interval_ms", 60_000), ("$__from", (now - 604_800) * 1000), ("$__to", now * 1000)):
                text = text.replace(f"${{{name[1:]}}}", str(value)).replace(name, str(value))
            filled = json.loads(text)
            if "rawQueryText" in filled:
                filled["queryText"] = filled["rawQueryText"]
            yield panel["title"], filled
