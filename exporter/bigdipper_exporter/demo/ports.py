"""Ports of the demo: each is held from the first moment until its program starts, so that nobody takes it meanwhile."""

import socket
from collections.abc import Mapping
from contextlib import suppress

from bigdipper_exporter.config.yamlfile import ConfigError


class Ports:
    """A port for each name: the preferred one where it is free."""

    def __init__(self, preferred: Mapping[str, int]) -> None:
        self._preferred = dict(preferred)
        self._held = {name: _hold(port) for name, port in preferred.items()}
        self._numbers = {name: int(held.getsockname()[1]) for name, held in self._held.items()}

    def __getitem__(self, name: str) -> int:
        """Return the port of a program that starts later."""
        return self._numbers[name]

    def give(self, name: str) -> int:
        """Return the port for a program that starts now, and hold it no longer."""
        if held := self._held.pop(name, None):
            held.close()
        return self._numbers[name]

    def moved(self, name: str) -> str:
        """Return a sentence about a port that is not the preferred one, else an empty string."""
        wanted, number = self._preferred.get(name), self._numbers.get(name)
        return "" if wanted == number else f"Port {wanted} is taken: {name} has {number}."

    def close(self) -> None:
        """Hold none any longer."""
        for held in self._held.values():
            held.close()


def free_port(preferred: int = 0) -> int:
    """Return `preferred` if it is free, else a port that the system chooses. Raises ConfigError if there is none."""
    with _hold(preferred) as held:
        return int(held.getsockname()[1])


def _hold(preferred: int) -> socket.socket:
    # Bound without SO_REUSEADDR, a port is closed to all others. Where connections of an earlier demo linger, only with it.
    for port, reuse in ((preferred, 0), (preferred, 1), (0, 0)):
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        with suppress(OSError):
            held.bind(("127.0.0.1", port))
            return held
        held.close()
    raise ConfigError(["demo: there is no free port on 127.0.0.1"])
