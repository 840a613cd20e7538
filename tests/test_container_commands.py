"""Shell commands in docker-compose.yml, run as they stand there, with other addresses and paths."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import yaml

from tests.running import exporter
from tests.test_web_config import HASH, make

ROOT = Path(__file__).resolve().parent.parent
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
REFUSED = 1  # a port of this machine where nothing listens


def run(words: list[str], *changes: tuple[str, object]) -> subprocess.CompletedProcess[str]:
    """Run a command of the compose file, with texts in it changed."""
    assert all(any(old in word for word in words) for old, _ in changes)
    for old, new in (("$$", "$"), *changes):
        words = [word.replace(old, str(new)) for word in words]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def server(*codes: int) -> Iterator[tuple[int, list[str]]]:
    """A server that gives one code after the other, the last again and again: its port, and the requests that came."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            requests.append(self.requestline)
            self.send_response(codes[min(len(requests), len(codes)) - 1])
            self.end_headers()

        do_GET = do_POST = handle_request

        def log_message(self, *_: object) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield http.server_port, requests
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


class TestHealthOfTheExporter:
    command = SERVICES["exporter"]["healthcheck"]["test"][1:]

    def check(self, port: int) -> int:
        return run(self.command, ("10077", port)).returncode

    def test_is_asked_without_starting_python(self) -> None:
        assert self.command[0] == "bash"

    def test_is_good_when_the_exporter_says_that_it_is_ready(self, tmp_path: Path) -> None:
        with exporter(tmp_path) as one:
            one.wait_ready()
            assert self.check(int(one.url.rpartition(":")[2])) == 0

    @pytest.mark.parametrize("code", [503, 404, 421])
    def test_is_bad_at_any_other_answer(self, code: int) -> None:
        with server(code) as (port, requests):
            assert self.check(port) != 0
        assert requests == ["GET /-/ready HTTP/1.0"]

    @pytest.mark.parametrize(
        "web_config",
        [
            f"basic_auth_users: {{prometheus: {HASH}}}",
            "tls_server_config: {cert_file: server.crt, key_file: server.key}",
            "tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: server.crt,"
            " client_auth_type: RequireAndVerifyClientCert}",
        ],
        ids=["password", "TLS", "certificate of the client"],
    )
    def test_is_good_when_the_web_config_asks_for_more_than_it_has(self, tmp_path: Path, web_config: str) -> None:
        make("localhost").write(tmp_path, "server")
        (path := tmp_path / "web.yml").write_text(web_config)
        with exporter(tmp_path, "--web.config.file", path) as one:
            assert self.check(int(one.url.rpartition(":")[2])) == 0

    def test_is_bad_when_nothing_answers(self) -> None:
        assert self.check(REFUSED) != 0


class TestReloadOfAlertmanager:
    command: ClassVar[list[str]] = SERVICES["alertmanager-reload"]["entrypoint"] + SERVICES["alertmanager-reload"]["command"]

    def reload(self, port: int, tmp_path: Path) -> subprocess.CompletedProcess[str]:
        changes = (("/tmp/said", tmp_path / "said"), ("alertmanager/9093", f"127.0.0.1/{port}"), ("sleep 1", "sleep 0"))
        return run(self.command, *changes)

    def test_is_tried_until_it_succeeds(self, tmp_path: Path) -> None:
        with server(503, 503, 200) as (port, requests):
            assert self.reload(port, tmp_path).returncode == 0
        assert requests == ["POST /-/reload HTTP/1.0"] * 3

    def test_says_when_alertmanager_refuses(self, tmp_path: Path) -> None:
        with server(500) as (port, _):
            done = self.reload(port, tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith("Alertmanager refuses its configuration: 500")

    def test_says_when_alertmanager_does_not_answer(self, tmp_path: Path) -> None:
        done = self.reload(REFUSED, tmp_path)
        assert done.returncode == 1
        assert "Connection refused" in done.stderr


def test_alertmanager_waits_for_its_first_configuration(tmp_path: Path) -> None:
    alertmanager = SERVICES["alertmanager"]
    words = [word.replace("$$", "$") for word in [*alertmanager["entrypoint"], *alertmanager["command"]]]
    (program := tmp_path / "alertmanager").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/arguments\n')
    program.chmod(0o755)
    words = [word.replace("/rendered", str(tmp_path)).replace("/bin/alertmanager", str(program)) for word in words]
    process = subprocess.Popen([word.replace("sleep 1", "sleep 0.01") for word in words])
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    (tmp_path / "alertmanager.yml").write_text("route: {}\n")
    assert process.wait(30) == 0
    expected = [word.replace("/rendered", str(tmp_path)) for word in alertmanager["command"]]
    assert (tmp_path / "arguments").read_text().splitlines() == expected


@pytest.mark.parametrize("empty", ["grafana_password", "grafana_secret_key", None])
@pytest.mark.parametrize("content", ["", "\n", " \n"])
def test_grafana_does_not_start_with_an_empty_password(tmp_path: Path, empty: str | None, content: str) -> None:
    for name in ("grafana_password", "grafana_secret_key"):
        (tmp_path / name).write_text(content if name == empty else "something")
    (program := tmp_path / "run.sh").write_text("#!/bin/sh\necho started\n")
    program.chmod(0o755)
    done = run(SERVICES["grafana"]["entrypoint"], ("/run/secrets", tmp_path), ("/run.sh", program))
    assert (done.returncode, done.stdout) == ((0, "started\n") if empty is None else (1, ""))
    assert (f"secrets/{empty} is empty" in done.stderr) == (empty is not None)
