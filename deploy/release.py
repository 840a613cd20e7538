"""Prepare the source tree for the package index: `python deploy/release.py REPOSITORY TAG`, run by the release workflow.

Checks that the tag is the version of pyproject.toml, and writes what only a published repository knows: its address, and
absolute links in README.md, which the index shows without the files beside it.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(\]\(|src=\")(?!https?://|#|mailto:)([^)\"\s]+)")
IMAGES = (".png", ".svg")
# From README.md as GitHub shows it, the repository's own pages (its workflows) are two levels up.
PAGES = "../../"
CLONED = "https://github.com/OWNER/big-dipper-monitor"  # as README.md names it, which does not know who publishes it


def absolute(readme: str, repository: str, tag: str) -> str:
    """README text whose relative links lead to `tag` of `repository` (https://host/owner/name)."""

    def link(match: re.Match[str]) -> str:
        path = match[2].removeprefix("./")
        if path.startswith(PAGES):
            return f"{match[1]}{repository}/{path.removeprefix(PAGES)}"
        kind = "raw" if path.endswith(IMAGES) else "blob"
        return f"{match[1]}{repository}/{kind}/{tag}/{path}"

    return LINK.sub(link, readme.replace(CLONED, repository))


def with_urls(project: str, repository: str) -> str:
    """The text of pyproject.toml with the addresses of the project."""
    urls = {
        "Homepage": repository,
        "Documentation": f"{repository}/tree/main/docs",
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }
    table = "".join(f'{name} = "{address}"\n' for name, address in urls.items())
    return project.replace("[project.scripts]", f"[project.urls]\n{table}\n[project.scripts]", 1)


def main(repository: str, tag: str) -> None:
    """Change README.md and pyproject.toml in place."""
    if not re.fullmatch(r"https://[\w./-]+[\w-]", repository):
        sys.exit(f"{repository!r} is not the address of a repository; allowed: https://host/owner/name")
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    version = tomllib.loads(project)["project"]["version"]
    if tag != f"v{version}":
        sys.exit(f"the tag {tag} is not v{version}, the version of pyproject.toml")
    readme = ROOT / "README.md"
    readme.write_text(absolute(readme.read_text("utf-8"), repository, tag), "utf-8")
    (ROOT / "pyproject.toml").write_text(with_urls(project, repository), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
