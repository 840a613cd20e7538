"""The demo's ports: held until their programs start, and moved where another program has them."""

import socket

import pytest

from bigdipper_exporter.demo.ports import Ports, free_port


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


def test_two_demos_have_no_port_in_common() -> None:
    first = Ports({"grafana": free_port(), "prometheus": 0})
    second = Ports({"grafana": first["grafana"], "prometheus": 0})
    assert len({first["grafana"], first["prometheus"], second["grafana"], second["prometheus"]}) == 4
    first.close()
    second.close()
