"""The dead man's switch, with the real programs: it is pinged while Prometheus lives, and no longer."""

import json
import re
import sys
import time
from pathlib import Path

import pytest
import yaml

from bigdipper_exporter.demo.ports import free_port
from tests.alerts import rules
from tests.alerts.test_stack import ALERTMANAGER, PATIENCE, Inbox, get, process
from tests.running import environment, wait_for

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(bool(rules.missing("prometheus", ALERTMANAGER)), reason="no Prometheus or Alertmanager on this machine"),
]
PINGS = 3
LATE_SECONDS = 10.0  # five of the hurried slots, and as many looks of Alertmanager


def hurried_rule(folder: Path) -> Path:
    """The Watchdog as shipped, with slots of two seconds in place of five minutes."""
    watchdog = dict(rules.alerts()["Watchdog"])
    watchdog["expr"] = watchdog["expr"].replace("floor(minute() / 5) * 5", "floor(vector(time() / 2)) % 12")
    (file := folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "alone", "rules": [watchdog]}]}))
    return file


def hurried_configuration(folder: Path, inbox: Inbox) -> Path:
    """The configuration that render.py writes, where Alertmanager looks every second and repeats after five."""
    render = rules.ROOT / "alertmanager" / "render.py"
    said = rules.run(sys.executable, render, "--out", folder, env=environment(ALERT_DEADMAN_URL=f"{inbox.url}/deadman"))
    assert said.returncode == 0, said.stdout
    config = yaml.safe_load((file := folder / "alertmanager.yml").read_text(encoding="utf-8"))
    (route,) = [one for one in config["route"]["routes"] if one.get("receiver") == "deadman"]
    if re.fullmatch(r"\d+m", route["repeat_interval"]):
        route["repeat_interval"] = "2s"
    route["group_interval"] = "1s"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


def test_it_is_not_pinged_any_more_once_prometheus_is_dead(tmp_path: Path) -> None:
    inbox = Inbox()
    port, other = free_port(), free_port()
    config = hurried_configuration(tmp_path / "alertmanager", inbox)
    served = (f"--config.file={config}", f"--storage.path={tmp_path}/am", f"--web.listen-address=127.0.0.1:{port}")
    scraped = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(hurried_rule(tmp_path))],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}]},
        "scrape_configs": [{"job_name": "prometheus", "static_configs": [{"targets": [f"127.0.0.1:{other}"]}]}],
    }
    (tmp_path / "prometheus.yml").write_text(json.dumps(scraped), encoding="utf-8")
    watching = (
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/tsdb",
        f"--web.listen-address=127.0.0.1:{other}",
        f"--rules.alert.resend-delay={rules.RESENT_MINUTES}m",
    )
    try:
        with process(tmp_path, ALERTMANAGER, *served, "--cluster.listen-address=", port=port) as url:
            with process(tmp_path, "prometheus", *watching, port=other):  # killed at the end
                wait_for(lambda: len(inbox.messages) >= PINGS, "the pings", PATIENCE)
            time.sleep(2.0)  # what was under way
            before = len(inbox.messages)
            held = json.loads(get(f"{url}/api/v2/alerts"))
            time.sleep(LATE_SECONDS)
            assert len(inbox.messages) == before
            assert "Watchdog" in {one["labels"]["alertname"] for one in held}, "Alertmanager still holds it"
    finally:
        inbox.close()
