"""What is published: a package that brings the files of the whole stack, and a source archive that can be tested."""

import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

from deploy import release
from tests.running import command

ROOT = Path(__file__).resolve().parents[2]
STALE = "build/lib/bigdipper_exporter/deleted_since.py"  # an earlier `pip install .` leaves such files
OWN = "prometheus/targets/bot-mine.yml"  # deploy/add-bot.sh writes it
BUILD = (
    "import os, sys; os.chdir(sys.argv[1]); from setuptools import build_meta; getattr(build_meta, sys.argv[2])(sys.argv[3])"
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git has of the tree, and two files that must not be published."""
    folder = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        if name.startswith("tests/samples/") or not (ROOT / name).is_file():
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    for name in (STALE, OWN):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    return folder


def build(source: Path, kind: str, folder: Path) -> Path:
    done = subprocess.run([sys.executable, "-c", BUILD, source, kind, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(source, "build_wheel", tmp_path_factory.mktemp("wheel"))


def test_the_package_holds_the_stack(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
        scripts = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    stack = {name.removeprefix("bigdipper_exporter/stack/") for name in names if name.startswith("bigdipper_exporter/stack/")}
    wanted = {
        "alertmanager/render.py",
        "grafana/dashboards/overview.json",
        "grafana/dashboards-log-only/overview.json",
        "grafana/provisioning/datasources/bigdipper.yml",
    }
    assert wanted | {"prometheus/prometheus.yml", "prometheus/rules/alerts/bot.yml"} <= stack
    assert {"bigdipper_exporter/py.typed", "bigdipper_exporter/web/landing.html", "bigdipper_exporter/sectors.csv"} <= names
    assert "bigdipper_exporter/nyse.csv" in names
    assert not [name for name in names if name.startswith(("tests/", "deploy/")) or name.endswith(".pyc")]
    assert not [name for name in names if name.endswith(("deleted_since.py", "bot-mine.yml"))]
    assert "Author: The Big Dipper Monitor project" in metadata
    assert {"big-dipper-exporter", "big-dipper-monitor"} <= set(re.findall(r"^([\w-]+) =", scripts, re.M))


def test_an_installed_package_writes_the_stack_out(wheel: Path, tmp_path: Path) -> None:
    # Its dependencies are those of the tests; only the package itself must be the one that was built.
    venv.create(tmp_path / "venv", system_site_packages=False, with_pip=False)
    site = next((tmp_path / "venv/lib").glob("python3.*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    packages = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    (site / "dependencies.pth").write_text(f"{packages}\n")
    run: list[str | Path] = [
        tmp_path / "venv/bin/python",
        "-m",
        "bigdipper_exporter",
        "stack",
        tmp_path / "out",
        "--bot.name",
        "mine",
        "--web.listen-address",
        ":10277",
    ]
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    assert f"BIGDIPPER_DASHBOARDS={tmp_path}/out/grafana/dashboards-log-only\n" in done.stdout, "it was given no keys"
    (target,) = yaml.safe_load((tmp_path / "out/prometheus/targets/bigdipper.yml").read_text())
    assert target == {"targets": ["localhost:10277"], "labels": {"bot": "mine"}}
    assert (tmp_path / "out/alertmanager/render.py").is_file()


def test_the_source_tree_writes_the_stack_out_and_never_over_something(tmp_path: Path) -> None:
    assert command("stack", tmp_path / "out").returncode == 0
    assert (tmp_path / "out/grafana/dashboards/fleet.json").is_file()
    assert (tmp_path / "out/grafana/dashboards-log-only/fleet.json").is_file()
    done = command("stack", tmp_path / "out")
    assert done.returncode == 2
    assert "is not empty; name a new folder" in done.stderr


def test_the_stack_says_how_to_start_each_of_its_programs(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    said = command("stack", folder).stdout
    assert re.findall(r"^(\d)\. (The exporter|\w+)", said, re.M) == [
        ("1", "Prometheus"),
        ("2", "Alertmanager"),
        ("3", "The exporter"),
        ("4", "Grafana"),
    ]
    assert re.search(r"^\S*grafana server --homepath /\S+$", said, re.M)
    assert (
        said.index("export ALERT_...")
        < said.index("render.py")
        < said.index("notify-test --alertmanager http://localhost:9093")
    )
    lines = re.findall(r"^(?:export|\(umask|  head) .*", said, re.M)
    done = subprocess.run(
        ["sh", "-ec", "\n".join([*lines, *lines, "env"])], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )
    variables = dict(line.split("=", 1) for line in done.stdout.splitlines())
    named = re.fullmatch(r"\$__file\{(.+)\}", variables["GF_SECURITY_ADMIN_PASSWORD"])
    assert named, "as Grafana itself reads files; NAME__FILE is its Docker image's"
    password = Path(named[1])
    assert len(password.read_text().strip()) == 24
    assert password.stat().st_mode & 0o077 == 0
    texts = [re.sub("#.*", "", path.read_text("utf-8")) for path in (folder / "grafana/provisioning").rglob("*.yml")]
    assert set(re.findall(r"\$(\w+)", "".join(texts))) <= variables.keys()


def test_the_source_archive_is_complete(source: Path, tmp_path: Path) -> None:
    with tarfile.open(build(source, "build_sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = ["Makefile", "requirements.lock", "docker-compose.yml", ".env.example", "grafana/board.py", "tests/running.py"]
    assert {*wanted, "setup.py", "alertmanager/render.py", "docs/deployment.md", "deploy/add-bot.sh", ".ci/run"} <= names
    assert {".github/workflows/release.yml", ".gitignore"} <= names
    assert OWN not in names


def test_the_index_is_given_absolute_links_and_addresses() -> None:
    repository = "https://example.org/me/monitor"
    readme = release.absolute((ROOT / "README.md").read_text("utf-8"), repository, "v1.2.3")
    links = re.findall(r"\]\(([^)\s]+)", readme) + re.findall(r'src="([^"]+)"', readme)
    assert links
    assert [link for link in links if not link.startswith(("https://", "http://"))] == []
    assert f"{repository}/raw/v1.2.3/docs/images/overview.png" in links
    assert f"{repository}/actions/workflows/test.yml/badge.svg" in links
    assert f"git clone {repository} && " in readme
    project = tomllib.loads(release.with_urls((ROOT / "pyproject.toml").read_text("utf-8"), repository))["project"]
    assert project["urls"]["Issues"] == f"{repository}/issues"


def test_the_badges_are_true() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = [name.rpartition(" ")[2] for name in project["classifiers"] if re.search(r"Python :: 3\.\d", name)]
    assert f"[![Python {' | '.join(named)}]" in readme
    assert f"/badge/python-{'%20%7C%20'.join(named)}-blue)" in readme
    assert f"[![License: {project['license']}](https://img.shields.io/badge/license-{project['license']}-" in readme
    (job,) = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text("utf-8"))["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert job["strategy"]["matrix"]["python"] == named


def test_a_tag_that_is_not_the_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"the tag v9\.9\.9 is not v"):
        release.main("https://example.org/me/monitor", "v9.9.9")
    with pytest.raises(SystemExit, match="not the address of a repository"):
        release.main("javascript:1", "v0.1.0")


def test_the_workflow_publishes_both_architectures_with_their_origin() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))["jobs"]
    (image,) = [step["with"] for step in jobs["image"]["steps"] if "build-push-action" in step.get("uses", "")]
    assert (image["platforms"], image["provenance"], image["sbom"]) == ("linux/amd64,linux/arm64", "mode=max", True)
    assert all(set(job["permissions"]) for job in jobs.values())
