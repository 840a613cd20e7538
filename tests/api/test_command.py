"""The command `api`: as a process, refused where it must be, and no burden for those who do not use it."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import TOKEN
from tests.cli.asked import refused
from tests.running import COMMAND, environment, wait_for

BLOCKED = "import sys; sys.modules[{!r}] = None; from bigdipper_exporter.cli import main; sys.exit(main({!r}))"


@contextmanager
def serving(folder: Path, *flags: str | Path) -> Iterator[str]:
    """The command in a process of its own; its URL."""
    with serving_process(folder, *flags) as (url, _):
        yield url


@contextmanager
def serving_process(folder: Path, *flags: str | Path) -> Iterator[tuple[str, int]]:
    """The same, and the id of the process."""
    said = folder / "api.txt"
    with said.open("w") as out:
        process = subprocess.Popen(
            [*COMMAND, "api", "--api.listen-address", "127.0.0.1:0", *map(str, flags)],
            stderr=out,
            stdout=out,
            env=environment(BIGDIPPER_API_TOKEN=TOKEN),
        )
    try:

        def url() -> str | None:
            assert process.poll() is None, said.read_text()
            return next((word[4:] for word in said.read_text().split() if word.startswith("url=")), None)

        yield str(wait_for(url, "the API to listen")), process.pid
    finally:
        process.terminate()
        assert process.wait(20) == 0, said.read_text()
    assert "msg=stopped" in said.read_text()


def ask(url: str) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_serves_and_ends_on_sigterm(tmp_path: Path, lived: Path) -> None:
    with serving(tmp_path, "--archive.path", lived, "--bot.name", "orion", "--api.archives", f"second={lived}") as url:
        assert [bot["name"] for bot in ask(f"{url}bots")["items"]] == ["orion", "second"]
        assert ask(f"{url}dashboard?bot=second")["bot"] == "second"
        with pytest.raises(urllib.error.HTTPError) as nobody:
            urllib.request.urlopen(f"{url}dashboard", timeout=20)
        assert nobody.value.code == 401
        nobody.value.close()


def test_waits_for_an_archive_that_is_not_there_yet(tmp_path: Path, lived: Path) -> None:
    path = tmp_path / "later.db"
    with serving(tmp_path, "--archive.path", path) as url:
        with pytest.raises(urllib.error.HTTPError) as nothing:
            ask(f"{url}dashboard")
        assert nothing.value.code == 503
        nothing.value.close()
        path.write_bytes(lived.read_bytes())
        assert ask(f"{url}account/current")["equity"] > 0


def test_without_token_or_passwords_it_does_not_start(lived: Path) -> None:
    assert refused("api", "--archive.path", lived).startswith("api.token: is required, unless web.config.file has")
    assert "too short" in refused("api", "--archive.path", lived, env={"BIGDIPPER_API_TOKEN": "4711-4711"})


def test_a_taken_port_is_one_line(tmp_path: Path, lived: Path) -> None:
    with serving(tmp_path, "--archive.path", lived) as url:
        address = url.removeprefix("http://").partition("/")[0]
        said = refused("api", "--api.listen-address", address, env={"BIGDIPPER_API_TOKEN": TOKEN})
    assert "the port is taken" in said


@pytest.mark.parametrize("module", ["fastapi", "uvicorn"])
def test_says_what_to_install_where_the_extra_is_missing(module: str) -> None:
    program = BLOCKED.format(module, ["api"])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 2
    assert f"{module} is not installed; the API is optional: install the extra `api` (docs/api.md)" in done.stderr


def test_the_exporter_imports_nothing_of_the_api() -> None:
    program = "import sys; from bigdipper_exporter import cli, service, broker_source; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment())
    loaded = set(done.stdout.split())
    assert not {"fastapi", "starlette", "uvicorn", "bigdipper_exporter.api"} & loaded
