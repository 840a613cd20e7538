"""Two sites that send to a central Prometheus, as deploy/central has it: a cut leaves no gap, and a dead site is told."""

import json
import re
import shutil
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bigdipper_exporter.demo.ports import free_port
from bigdipper_exporter.demo.processes import Demo, Part, answers, program
from bigdipper_exporter.demo.run import ROOT
from tests.alerts.test_stack import get
from tests.running import exporter, wait_for

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(program("prometheus") is None, reason="no Prometheus on this machine"),
]
CUT_SECONDS = 20.0
LOOKBACK = "10s"  # five minutes as shipped: how long a site that has gone is still seen


def query(url: str, expression: str) -> list[dict[str, Any]]:
    found = json.loads(get(f"{url}/api/v1/query?query={urllib.parse.quote(expression)}"))["data"]["result"]
    return list(found)


@dataclass
class Places:
    """The central Prometheus and those of the sites `north` and `south`; each site has one bot."""

    demo: Demo
    port: int
    sites: dict[str, Part] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def receive(self) -> Part:
        """Start the central Prometheus (again, on what it stored)."""
        folder = self.demo.folder / "central"
        if not folder.exists():
            shutil.copytree(ROOT / "deploy" / "central", folder)
            (folder / "alertmanager.yml").write_text("[]\n")
            rules = (folder / "rules.yml").read_text("utf-8").replace("for: 5m", "for: 1s").replace("_for: 5m", "_for: 1s")
            (folder / "rules.yml").write_text(rules)
            config = (folder / "prometheus.yml").read_text("utf-8")
            (folder / "prometheus.yml").write_text(config.replace("evaluation_interval: 30s", "evaluation_interval: 1s"))
        flags = ["--web.enable-remote-write-receiver", f"--query.lookback-delta={LOOKBACK}"]
        return self._prometheus("central", folder, self.port, *flags)

    def send(self, site: str, exporter_url: str) -> None:
        """Start the Prometheus of a site, with the repository's own configuration and its block remote_write."""
        folder = self.demo.folder / site
        shutil.copytree(ROOT / "prometheus", folder, ignore=shutil.ignore_patterns("targets"))
        config = (folder / "prometheus.yml").read_text("utf-8").replace("#| ", "").replace("site: home", f"site: {site}")
        config = config.replace("https://monitor.example.org", self.url)
        (folder / "prometheus.yml").write_text(re.sub(r"\n +basic_auth: .*remote-write-password}", "", config))
        (folder / "targets").mkdir()
        for name in ("alertmanager", "prometheus"):
            (folder / "targets" / f"{name}.yml").write_text("[]\n")
        target = f"- targets: ['{exporter_url.removeprefix('http://')}']\n  labels: {{bot: bot-of-{site}}}\n"
        (folder / "targets" / "bigdipper.yml").write_text(target)
        self.sites[site] = self._prometheus(site, folder, free_port())

    def _prometheus(self, name: str, folder: Path, port: int, *flags: str) -> Part:
        binary = program("prometheus")
        assert binary
        where = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
        part = self.demo.start(name, [binary, *where, f"--web.listen-address=127.0.0.1:{port}", *flags])
        self.demo.wait(part, lambda: answers(f"http://127.0.0.1:{port}/-/ready"))
        return part

    def sites_seen(self) -> set[str]:
        return {found["metric"]["site"] for found in query(self.url, 'group by (site) (up{site!="",job="bigdipper"})')}


@contextmanager
def two_sites(folder: Path) -> Iterator[Places]:
    places = Places(Demo(folder), free_port())
    with ExitStack() as whole:
        whole.callback(places.demo.stop)
        places.receive()
        for site in ("north", "south"):
            (folder / f"bot-{site}").mkdir()
            places.send(site, whole.enter_context(exporter(folder / f"bot-{site}")).url)
        yield places


def is_whole(url: str, moment: float) -> bool:
    """Whether the ten seconds before `moment` hold the scrapes of both sites, one every two seconds."""
    return len(query(url, f"count_over_time(bigdipper_exporter_ready[10s] @ {moment:.0f}) >= 4")) == 2


def end(places: Places, part: Part) -> None:
    part.process.terminate()
    part.process.wait(30)
    places.demo.parts.remove(part)


def test_a_cut_leaves_no_gap_and_a_dead_site_is_told(tmp_path: Path) -> None:
    with two_sites(tmp_path) as places:
        wait_for(lambda: places.sites_seen() == {"north", "south"}, "both sites", 60)
        central = next(part for part in places.demo.parts if part.name == "central")
        begun = time.time()
        end(places, central)
        time.sleep(CUT_SECONDS)
        places.receive()
        back = time.time()
        moments = [begun + number * 5 for number in range(2, int((back - begun) // 5))]
        assert moments
        for moment in moments:
            wait_for(partial(is_whole, places.url, moment), f"no gap at {moment - begun:.0f} s", 90)
        assert {found["metric"]["bot"] for found in query(places.url, "group by (bot, site) (bigdipper_exporter_ready)")} == {
            "bot-of-north",
            "bot-of-south",
        }
        fires = 'ALERTS{alertname="SiteSilent",alertstate="firing"}'
        wait_for(lambda: query(places.url, fires) == [], "peace", 60)
        end(places, places.sites["south"])
        (alert,) = wait_for(lambda: query(places.url, fires), "the alert", 90)
        assert alert["metric"]["site"] == "south"
        assert places.sites_seen() == {"north"}
