"""The package's imports against the table of rooms in docs/architecture.md; the tests' own order."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import LONGEST

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "exporter" / "bigdipper_exporter"
NAME = PACKAGE.name
FOUNDATION = {"__init__", "calendar", "durations", "files", "logs", "memory", "symbols", "thresholds", "watchdog", "words"}
NESTED = (
    "archive.broker",
    "archive.prices",
    "demo.simulator",
    "metrics.counters",
    "metrics.table",
)  # rooms of their own inside another


def allowed() -> dict[str, set[str]]:
    """Room -> rooms that it may import, as the document says."""
    table = (
        (ROOT / "docs" / "architecture.md")
        .read_text("utf-8")
        .partition("## Packages and allowed imports")[2]
        .partition("\n## ")[0]
    )
    rows = re.findall(r"^\| ([a-z_.]+) \| .* \| ([^|]+) \|$", table, re.MULTILINE)
    rooms = {room: set() if names.strip() == "—" else set(names.strip().split(", ")) for room, names in rows if room != "room"}
    return {room: set(rooms) if "every room" in names else names for room, names in rooms.items()}


def room_of(module: str) -> str:
    """`module` is dotted, below the package."""
    nested = next((room for room in NESTED if module == room or module.startswith(room + ".")), None)
    top = nested or module.partition(".")[0]
    return "foundation" if top in FOUNDATION else "cli" if top == "__main__" else top


def imports(path: Path) -> Iterator[str]:
    """Modules of the package that a file imports when it runs; imports for types alone do not count."""
    tree = ast.parse(path.read_text("utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in for_types:
            head, _, module = node.module.partition(".")
            if head == NAME:
                for alias in node.names:
                    name = f"{module}.{alias.name}".strip(".")
                    found = (PACKAGE / name.replace(".", "/")).with_suffix(".py").exists() or (
                        PACKAGE / name.replace(".", "/")
                    ).is_dir()
                    yield name if found else module or "__init__"


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(PACKAGE)) for path in FILES])
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    rooms = allowed()
    room = room_of(".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    assert room in rooms, f"docs/architecture.md has no room {room}"
    wanted = {room_of(module) for module in imports(path)} - {room, "foundation"}
    assert wanted <= rooms[room], f"{room} may not import {', '.join(sorted(wanted - rooms[room]))}: see docs/architecture.md"


def test_the_rooms_have_no_circle() -> None:
    rooms = {room: set(names) for room, names in allowed().items()}
    while rooms:
        free = {room for room, names in rooms.items() if not names & (set(rooms) - {room})}
        assert free, f"a circle among {', '.join(sorted(rooms))}"
        rooms = {room: names for room, names in rooms.items() if room not in free}


def test_every_room_of_the_document_exists() -> None:
    for room in allowed().keys() - {"foundation"}:
        path = PACKAGE / room.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").exists(), f"docs/architecture.md names {room}, which is not there"


def test_money_is_pure() -> None:
    for path in (PACKAGE / "money").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert not {"sqlite3", "time", "os", "requests", "pathlib"} & set(names), f"{path.name} imports {names}"


SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|CREATE|DROP|ALTER|WITH|PRAGMA|SAVEPOINT|ROLLBACK|RELEASE)\s[\w(*]")
MAY_HAVE_SQL = {
    "api/live/feed.py",  # PRAGMA data_version belongs to its own connection: whether another one has committed
}


def test_sql_is_in_the_room_archive_alone() -> None:
    for path in FILES:
        name = str(path.relative_to(PACKAGE))
        if name.startswith(("archive/", "demo/simulator/")) or name in MAY_HAVE_SQL:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            assert not SQL.match(text), f"{name}:{node.lineno} has SQL: move it to archive/"  # type: ignore[attr-defined]


def test_the_files_that_are_tested_first_exist() -> None:
    assert [name for name in LONGEST if not (ROOT / name).is_file()] == [], (
        "renamed, or gone: mend the list in tests/conftest.py"
    )
