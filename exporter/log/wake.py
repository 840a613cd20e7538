"""Wakes the main loop when the log may have changed. A hint only: the loop looks for itself at every timeout anyway."""

import threading
from contextlib import suppress
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver


class _Handler(FileSystemEventHandler):
    def __init__(self, wake: "Wake") -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Reading is our own doing and no news."""
        if event.event_type not in ("opened", "closed_no_write"):
            self._wake.set()


class Wake:
    """Watches the folder of `path` through inotify, where there is such a thing; also set by other threads."""

    def __init__(self, path: Path) -> None:
        self._event = threading.Event()
        self._folder = path.parent
        self._observer: BaseObserver | None = None
        self._watch()

    def _watch(self) -> None:
        observer = Observer()
        observer.daemon = True
        with suppress(OSError, RuntimeError):
            observer.schedule(_Handler(self), str(self._folder), recursive=False)
            observer.start()
            self._observer = observer

    def wait(self, timeout: float) -> bool:
        """Wait for a hint, at most `timeout` seconds; whether one came."""
        hinted = self._event.wait(timeout)
        self._event.clear()
        return hinted

    def set(self) -> None:
        """Wake the loop."""
        self._event.set()

    def rearm(self) -> None:
        """Watch again if there is no watch: the folder may have come since."""
        if self._observer is None or not self._observer.emitters:
            self.close()
            self._watch()

    def close(self) -> None:
        """Stop watching."""
        if self._observer is not None:
            self._observer.stop()
            self._observer = None
