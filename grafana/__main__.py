"""`python -m grafana` writes what it generates; `python -m grafana --check` says what differs and exits 1."""

import json
import sys
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from grafana import log_only
from grafana.boards import BOARDS
from grafana.docs import reference
from grafana.share_queries import share_queries
from grafana.theme import ROOT


def generated() -> dict[str, str]:
    """Every generated file: path within the repository -> text."""
    boards = {name: _as_json(build()) for name, build in BOARDS.items()}
    files = {f"grafana/dashboards/{name}.json": _text(_as_json(_sharing(name, build()))) for name, build in BOARDS.items()}
    for name, board in log_only.boards().items():
        files[f"grafana/dashboards-log-only/{name}.json"] = log_only.relinked(_text(_as_json(_sharing(name, board))))
    return files | {"docs/dashboards.md": reference(boards)}


def _sharing(name: str, board: model.Dashboard) -> model.Dashboard:
    """The board with shared requests. Share asks panel by panel: what a public dashboard answers, it answers for one panel."""
    return board if name == "share" else share_queries(board)


def _text(board: dict[str, Any]) -> str:
    return json.dumps(board, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _as_json(made: model.Dashboard) -> dict[str, Any]:
    """The board without `placement`, which the SDK always writes and which would hide links and marks in a menu."""
    board: dict[str, Any] = json.loads(json.dumps(made, cls=JSONEncoder))
    for item in [*board["links"], *board["annotations"]["list"]]:
        item.pop("placement", None)
    return board


def main(arguments: list[str]) -> int:
    """Writes, or compares."""
    files = {ROOT / path: text for path, text in generated().items()}
    different = [path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in arguments:
        for path in different:
            print(f"{path.relative_to(ROOT)} is not what the code generates: run python -m grafana", file=sys.stderr)
        return 1 if different else 0
    for path in different:
        path.parent.mkdir(exist_ok=True)
        path.write_text(files[path], "utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
