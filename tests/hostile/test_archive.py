"""A damaged archive, and a broker that echoes secrets: one clear line from every command."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bigdipper_exporter import logs
from tests.running import command

SAMPLE = Path(__file__).parents[1] / "samples" / "big_dipper_design_form.log"


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with a byte that is not text in the name of a table."""
    archive = tmp_path_factory.mktemp("damaged") / "a.db"
    assert command("ingest", "--log.path", SAMPLE, "--archive.path", archive).returncode == 0
    with closing(sqlite3.connect(archive)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(archive.read_bytes())
    content[content.find(b"tabletrades") + 7] = 0x9F
    archive.write_bytes(content)
    return archive


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--log.path", SAMPLE, "--web.listen-address", "127.0.0.1:0"),
        ("ingest", "--log.path", SAMPLE),
        ("export", "trades"),
        ("backup", "copy.db"),
        ("backfill", "--out", "blocks"),
    ],
    ids=lambda words: words[0],
)
def test_a_damaged_schema_is_one_clear_line(words: tuple[str | Path, ...], damaged: Path, tmp_path: Path) -> None:
    words = tuple(tmp_path / word if word in ("copy.db", "blocks") else word for word in words)
    done = command(*words, "--archive.path", damaged)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    assert str(damaged) in line
    assert "it is damaged: move it aside and restore a backup" in line


def test_the_doctor_names_a_damaged_schema(damaged: Path) -> None:
    done = command("doctor", "--log.path", SAMPLE, "--archive.path", damaged)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if "archive" in line and "damaged" in line]


@pytest.fixture
def secrets() -> Iterator[tuple[str, str]]:
    pair = "PKTESTKEY12345", "sUperSecret98765"
    logs.hide(*pair)
    yield pair
    logs._secrets.difference_update(pair)


def test_text_of_others_reaches_a_terminal_without_secrets_and_escapes(secrets: tuple[str, str]) -> None:
    text = logs.printable(f"key {secrets[0]}\x1b[2J\x07 secret {secrets[1]}\r\u202e\nnext")
    assert text == "key <hidden>\\x1b[2J\\x07 secret <hidden>\\r\\u202e\nnext".replace("<hidden>", logs.MASK)
