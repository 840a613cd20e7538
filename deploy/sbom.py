"""Print the image's bill of materials in CycloneDX 1.5: what requirements.lock and exporter/Dockerfile name.

python deploy/sbom.py > sbom.cdx.json
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BUILD_ONLY = {"setuptools"}  # the Dockerfile removes it after the build


def python_packages(lock: str) -> list[dict[str, Any]]:
    """One component per package of the lock."""
    found = re.findall(r"^([a-z0-9][\w.-]*)==([^\s;\\]+)", lock, re.MULTILINE)
    return [
        {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
        for name, version in found
        if name not in BUILD_ONLY
        for purl in [f"pkg:pypi/{name}@{version}"]
    ]


def base_image(dockerfile: str) -> dict[str, Any]:
    """The image that the Dockerfile builds on. Raises ValueError when it names none."""
    found = re.search(r"^ARG BASE=(\w+):([\w.-]+)(?:@(sha256:[0-9a-f]{64}))?$", dockerfile, re.MULTILINE)
    if found is None:
        raise ValueError("exporter/Dockerfile: no line ARG BASE=IMAGE:TAG")
    name, tag, digest = found.groups()
    purl = f"pkg:docker/{name}@{digest or tag}"
    return {"type": "container", "bom-ref": purl, "name": name, "version": tag, "purl": purl}


def debian_packages(dockerfile: str) -> list[dict[str, Any]]:
    """One component per package that the Dockerfile installs from Debian. The build decides on the version: the newest."""
    install = re.search(r"^FROM \S+ AS python\n.*?--no-install-recommends ([\w .+-]+)", dockerfile, re.MULTILINE | re.DOTALL)
    if install is None:
        raise ValueError("exporter/Dockerfile: the stage `python` installs no packages of Debian")
    return [
        {"type": "library", "bom-ref": purl, "name": name, "purl": purl}
        for name in install[1].split()
        for purl in [f"pkg:deb/debian/{name}"]
    ]


def sbom(root: Path) -> dict[str, Any]:
    """The whole document, of the repository at `root`."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    purl = f"pkg:pypi/{project['name']}@{project['version']}"
    itself = {"type": "application", "bom-ref": purl, "name": project["name"], "version": project["version"], "purl": purl}
    dockerfile = (root / "exporter/Dockerfile").read_text(encoding="utf-8")
    parts = [
        base_image(dockerfile),
        *debian_packages(dockerfile),
        *python_packages((root / "requirements.lock").read_text(encoding="utf-8")),
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": itself},
        "components": parts,
        "dependencies": [{"ref": purl, "dependsOn": [part["bom-ref"] for part in parts]}],
    }


if __name__ == "__main__":
    json.dump(sbom(ROOT), sys.stdout, indent=2)
    print()
