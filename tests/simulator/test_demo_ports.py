"""The demo's ports: held until their programs start, and moved where another program has them."""

import argparse
import signal
import socket
from pathlib import Path

import pytest

from bigdipper_exporter.demo import run
from bigdipper_exporter.demo.ports import Ports, free_port
from bigdipper_exporter.demo.processes import Demo


def bind(port: int) -> socket.socket:
    """As Go's servers do."""
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        own.bind(("127.0.0.1", port))
        own.listen()
    except OSError:
        own.close()
        raise
    return own


def test_a_port_is_held_until_its_program_starts() -> None:
    ports = Ports({"prometheus": free_port()})
    with pytest.raises(OSError, match="in use"):
        bind(ports["prometheus"])
    number = ports.give("prometheus")
    assert number == ports["prometheus"]
    bind(number).close()
    assert ports.moved("prometheus") == ""
    ports.close()


def test_a_port_that_is_taken_is_another_and_says_so() -> None:
    with bind(0) as taken:
        wanted = taken.getsockname()[1]
        ports = Ports({"grafana": wanted})
        assert ports.moved("grafana") == f"Port {wanted} is taken: grafana has {ports['grafana']}."
        bind(ports.give("grafana")).close()


def test_a_running_demo_holds_no_port_of_a_program_that_it_did_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[int] = []

    def watch(running: Demo, *_: object) -> int:
        bind(running.ports["grafana"]).close()
        bound.append(running.ports["grafana"])
        return 0

    for name in ("start_simulator", "start_exporter", "tell"):
        monkeypatch.setattr(run, name, lambda *_, **__: None)
    monkeypatch.setattr(run, "_watch", watch)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    arguments = argparse.Namespace(dir=tmp_path / "demo", no_stack=True, webhook=None, seconds=None)
    assert run.demo(arguments) == 0
    assert len(bound) == 1


def test_two_demos_have_no_port_in_common() -> None:
    first = Ports({"grafana": free_port(), "prometheus": 0})
    second = Ports({"grafana": first["grafana"], "prometheus": 0})
    assert len({first["grafana"], first["prometheus"], second["grafana"], second["prometheus"]}) == 4
    first.close()
    second.close()
