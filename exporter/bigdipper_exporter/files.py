"""Opens files that other people control: regular files of bounded size, so that a FIFO or a device cannot block or flood."""

import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

Result = TypeVar("Result")


class FileRefusedError(OSError):
    """The path is not a regular file, or the file is too large. `strerror` says which, for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(0, reason)


def read_regular(path: Path, limit: int) -> bytes:
    """Return the content of a regular file of at most `limit` bytes.

    Raises FileRefusedError for another kind of file or a larger one, OSError when it cannot be opened or read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # opening a FIFO would wait for its writer
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise FileRefusedError(f"it is {kind(mode)}, not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise FileRefusedError(f"it has more than {limit} bytes")
    return data


def kind(mode: int) -> str:
    """Return what a file is that is no regular one, by its mode."""
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"


class PatientCall(Generic[Result]):
    """Calls a function that may hang, such as a read from a dead network mount, in a thread: one call at a time.

    `function` must not raise. A call that hangs costs its caller `patience` seconds once, and nothing after that.
    """

    def __init__(self, function: Callable[[], Result], patience: float = 0.2) -> None:
        self._function = function
        self._patience = patience
        self._thread: threading.Thread | None = None
        self._started = 0.0
        self._results: list[Result] = []

    def result(self) -> Result | None:
        """Return the result of a call, or None while it does not return."""
        if self._thread is None:
            self._started = time.monotonic()
            self._thread = threading.Thread(target=self._call, name="patient-call", daemon=True)
            self._thread.start()
            self._thread.join(self._patience)
        if self._thread.is_alive():
            return None
        self._thread = None
        return self._results.pop()

    @property
    def seconds(self) -> float:
        """How long the present call has been running; 0 when none is."""
        return 0.0 if self._thread is None else time.monotonic() - self._started

    def _call(self) -> None:
        self._results.append(self._function())
