"""Prometheus, Alertmanager and Grafana for the demo: the machine's own programs with the repository's own files."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.commands.backfill import LABELS, Request, backfill, span_of
from bigdipper_exporter.commands.stack import grafana_program
from bigdipper_exporter.config.yamlfile import ConfigError
from bigdipper_exporter.demo.processes import Demo, Part, answers, program, read, search_path

DASHBOARDS = "dashboards"
HISTORY_SECONDS = 20.0


def start_stack(running: Demo, root: Path | None, webhook: str | None) -> None:
    """Start what the machine has; what it does not have is left out."""
    if root is None:
        print("(no Prometheus, Alertmanager, Grafana: this package was built without their files)")
        return
    exporter = next(part for part in running.parts if part.name == "exporter")
    alertmanager = _alertmanager(running, root, webhook)
    if program("prometheus"):
        give_past(running, running.folder / "prometheus" / "data", exporter.url)
    prometheus = start_prometheus(running, root / "prometheus", exporter.url, alertmanager)
    if prometheus:
        _grafana(running, root, prometheus.url, alertmanager or "http://127.0.0.1:9093")


def _host(url: str) -> str:
    return url.removeprefix("http://")


def _alertmanager(running: Demo, root: Path, webhook: str | None) -> str | None:
    binary = program("alertmanager", "prometheus-alertmanager")
    if binary is None:
        return None
    out = running.folder / "alertmanager"
    rendered = subprocess.run(
        [sys.executable, root / "alertmanager" / "render.py", "--out", out],
        env={"ALERT_WEBHOOK_URL": webhook or "", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if rendered.returncode:
        raise ConfigError([f"demo: {rendered.stderr.strip()}"])
    port = running.ports.give("alertmanager")
    part = running.start(
        "alertmanager",
        [
            binary,
            f"--config.file={out / 'alertmanager.yml'}",
            f"--storage.path={out / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            "--data.retention=240h",  # longer than the longest repeat_interval
        ],
    )
    part.url, part.what = (
        f"http://127.0.0.1:{port}",
        "alerts that fire; Debian's package has no pages, the exporter's page lists them too",
    )
    running.wait(part, lambda: answers(f"{part.url}/-/ready"))
    return part.url


def start_prometheus(running: Demo, shipped: Path, exporter: str, alertmanager: str | None, *flags: str) -> Part | None:
    """Start the machine's Prometheus on a copy of the folder `shipped`; None if there is none.

    `exporter` and `alertmanager` are addresses, `flags` further flags of Prometheus.
    """
    binary = program("prometheus")
    if binary is None:
        return None
    config, port = running.folder / "prometheus", running.ports.give("prometheus")
    shutil.copytree(shipped, config, ignore=shutil.ignore_patterns("targets"), dirs_exist_ok=True)
    targets = {
        "bigdipper": (exporter, "demo"),
        "prometheus": (f"http://127.0.0.1:{port}", None),
        "alertmanager": (alertmanager, None),
    }
    (config / "targets").mkdir()
    for name, (url, bot) in targets.items():
        labels = f"\n  labels: {{bot: {bot}}}" if bot else ""
        (config / "targets" / f"{name}.yml").write_text(f"- targets: [{_host(url)}]{labels}\n" if url else "[]\n")
    part = running.start(
        "prometheus",
        [
            binary,
            f"--config.file={config / 'prometheus.yml'}",
            f"--storage.tsdb.path={config / 'data'}",
            "--storage.tsdb.retention.time=400d",
            f"--web.listen-address=127.0.0.1:{port}",
            "--rules.alert.for-grace-period=0s",  # this, the next and the retention as in docker-compose.yml
            "--rules.alert.resend-delay=15m",
            *flags,
        ],
    )
    part.url, part.what = f"http://127.0.0.1:{port}", "queries, rules and alerts"
    running.wait(part, lambda: answers(f"{part.url}/-/ready"))
    return part


def give_past(running: Demo, data: Path, exporter: str) -> None:
    """Make the blocks of the time before now, so that no graph begins empty."""
    archive = running.folder / "archive.db"
    if shutil.which("promtool") is None or not archive.exists():
        return
    print("Prometheus gets the past ...", flush=True)
    wait_for_history(running, exporter)
    now = time.time()
    request = Request(archive, span_of(None, None, now), LABELS | {"bot": "demo", "instance": _host(exporter)})
    try:
        backfill(request, data)
    except ArchiveError as error:
        print(f"(graphs of Prometheus begin now: {error})", flush=True)


def wait_for_history(running: Demo, exporter: str) -> None:
    """Wait until the history of orders and executions is read, or HISTORY_SECONDS: fills are a part of the past."""
    deadline = time.monotonic() + HISTORY_SECONDS
    while time.monotonic() < deadline and not running.stopping.wait(0.5):
        if "bigdipper_alpaca_backfill_ratio 1.0" in read(f"{exporter}/metrics"):
            return


def grafana_settings(folder: Path, root: Path, prometheus: str, alertmanager: str) -> dict[str, str]:
    """Return the environment of a Grafana that shows the boards of the demo in `folder`; `root`: of the stack's files."""
    boards = root / "grafana" / DASHBOARDS
    return {
        "GF_PATHS_PROVISIONING": str(root / "grafana" / "provisioning"),
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(boards / "overview.json"),
        "GF_DASHBOARDS_MIN_REFRESH_INTERVAL": "1s",
        "BIGDIPPER_DASHBOARDS": str(boards),
        "BIGDIPPER_PROMETHEUS_URL": prometheus,
        "BIGDIPPER_ALERTMANAGER_URL": alertmanager,
        "BIGDIPPER_ARCHIVE": str(folder / "archive.db"),
    }


def _grafana(running: Demo, root: Path, prometheus: str, alertmanager: str) -> None:
    binary = grafana_program(search_path())
    if binary is None:
        return
    home = binary.parent.parent
    places = (home / "plugins", home.parent / "plugins", Path("/var/lib/grafana/plugins"))
    plugins = next((place for place in places if place.is_dir()), None)
    port, data = running.ports.give("grafana"), running.folder / "grafana"
    env = {
        "GF_PATHS_DATA": str(data),
        "GF_PATHS_LOGS": str(data / "log"),
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GOGC": "50",  # as in docker-compose.yml
        **grafana_settings(running.folder, root, prometheus, alertmanager),
    }
    if plugins:
        env["GF_PATHS_PLUGINS"] = str(plugins)
    part = running.start("grafana", [binary, "server", "--homepath", home], env)
    part.url, part.what = f"http://127.0.0.1:{port}", "the dashboards"
    running.wait(part, lambda: answers(f"{part.url}/api/health"))
