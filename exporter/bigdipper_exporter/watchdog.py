"""Notices a main loop that hangs, in a system call on a dead network mount for example, and ends the process.

Docker restarts a container that ended, not one that is merely unhealthy. systemd's own watchdog is fed too.
"""

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from bigdipper_exporter import logs

HANGING_SECONDS = 300.0  # longer than any transaction on a slow disk
CHECK_SECONDS = 10.0
EXIT_CODE = 70

log = logs.get("watchdog")


class Watchdog:
    """Call `beat` in the loop. `leave` ends the process when no beat came for `hanging` seconds, in two looks."""

    def __init__(
        self,
        leave: Callable[[int], None] = os._exit,
        hanging: float = HANGING_SECONDS,
        check: float = CHECK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._leave, self._hanging, self._check, self._clock = leave, hanging, check, clock
        self._beaten = clock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Watch from now on, and tell systemd that the service is up."""
        self.beat()
        self._thread.start()
        notify("READY=1")

    def beat(self) -> None:
        """Say that the loop turns."""
        self._beaten = self._clock()

    @property
    def age(self) -> float:
        """Seconds since the last beat."""
        return self._clock() - self._beaten

    def stop(self) -> None:
        """End the watch."""
        notify("STOPPING=1")
        self._stopping.set()

    def _watch(self) -> None:
        looks = 0
        while not self._stopping.wait(self._check):
            # A process that was stopped and goes on needs a moment to beat: one late look proves nothing.
            looks = looks + 1 if self.age > self._hanging else 0
            if looks == 0:
                notify("WATCHDOG=1")
            elif looks > 1:
                log.error("the main loop hangs; exiting, so that it is restarted", seconds=round(self.age))
                self._leave(EXIT_CODE)
                return


def notify(state: str) -> None:
    """Send `state` to systemd (sd_notify), where it started this process with a socket for it."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
