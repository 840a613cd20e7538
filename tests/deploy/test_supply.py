"""deploy/sbom.py and deploy/pin.sh."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
DIGEST = "sha256:" + "0123456789abcdef" * 4


def test_the_bill_of_materials_names_every_package_and_the_base_image() -> None:
    done = subprocess.run([sys.executable, ROOT / "deploy/sbom.py"], capture_output=True, text=True, check=True)
    bill = json.loads(done.stdout)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    locked = set(re.findall(r"^([\w.-]+==[^\s\\]+)", (ROOT / "requirements.lock").read_text(), re.M))
    libraries = [part for part in bill["components"] if part["type"] == "library"]
    named = {f"{part['name']}=={part['version']}" for part in libraries if part["purl"].startswith("pkg:pypi/")}
    assert {entry for entry in locked if not entry.startswith("setuptools==")} == named
    assert [part["name"] for part in bill["components"] if part["type"] == "container"] == ["debian"]
    assert {part["name"] for part in libraries if part["purl"].startswith("pkg:deb/")} == {"ca-certificates", "python3"}
    references = [part["bom-ref"] for part in bill["components"]]
    assert len(set(references)) == len(references)
    assert bill["dependencies"][0]["dependsOn"] == references


class TestPin:
    @pytest.fixture
    def checkout(self, tmp_path: Path) -> Path:
        shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
        (tmp_path / "exporter").mkdir()
        for name in ("docker-compose.yml", "exporter/Dockerfile"):
            shutil.copy(ROOT / name, tmp_path / name)
        (tmp_path / "bin").mkdir()
        return tmp_path

    def files(self, checkout: Path) -> dict[Path, str]:
        names = (
            "docker-compose.yml",
            "exporter/Dockerfile",
            *(str(p.relative_to(ROOT)) for p in ROOT.glob("deploy/*/compose.yml")),
        )
        return {checkout / name: (checkout / name).read_text() for name in names}

    def pin(self, checkout: Path, docker: str) -> subprocess.CompletedProcess[str]:
        (program := checkout / "bin/docker").write_text(f"#!/bin/sh\n{docker}\n")
        program.chmod(0o755)
        env = {"PATH": f"{checkout / 'bin'}:{os.environ['PATH']}"}
        return subprocess.run(["sh", checkout / "deploy/pin.sh"], capture_output=True, text=True, env=env, check=False)

    def test_writes_the_digest_of_every_image_where_compose_and_the_build_use_it(self, checkout: Path) -> None:
        before = self.files(checkout)
        assert self.pin(checkout, f'echo "$4" >>{checkout}/asked; echo {DIGEST}').returncode == 0
        asked = (checkout / "asked").read_text().split()
        assert "debian:trixie-slim" in asked
        for path, text in self.files(checkout).items():
            assert text.replace(f"@{DIGEST}", "") == before[path]
            if path.name == "Dockerfile":
                assert re.search(rf"^ARG BASE=\S+@{DIGEST}$", text, re.M)
                continue
            for name, service in yaml.safe_load(text)["services"].items():
                image = service.get("image", "")
                assert image in ("", "big-dipper-monitor:local") or image.endswith(f"@{DIGEST}"), name
        other = DIGEST.replace("0", "f")
        assert self.pin(checkout, f"echo {other}").returncode == 0
        assert {text.replace(f"@{other}", "") for text in self.files(checkout).values()} == set(before.values())

    @pytest.mark.parametrize("docker", ["exit 1", "echo nonsense", f"case $4 in debian*) echo {DIGEST};; *) exit 1;; esac"])
    def test_changes_nothing_when_a_digest_cannot_be_had(self, checkout: Path, docker: str) -> None:
        before = self.files(checkout)
        assert self.pin(checkout, docker).returncode != 0
        assert self.files(checkout) == before
