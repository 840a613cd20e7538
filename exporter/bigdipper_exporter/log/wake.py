"""Wakes the main loop when the log may have changed. It is only a hint: the loop also looks after every timeout."""

import logging
import os
import threading
from contextlib import suppress
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

# watchdog logs the normal end of its threads as an error; real errors are raised.
logging.getLogger("watchdog.observers").setLevel(logging.CRITICAL)

JOIN_SECONDS = 1.0


class _Handler(FileSystemEventHandler):
    def __init__(self, wake: "Wake") -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._wake.notice(event)


class Wake:
    """Watches the folder of `path` through inotify, where the system has it. Other threads may wake the loop too."""

    def __init__(self, path: Path | None) -> None:
        self._event = threading.Event()
        self._path = path and path.absolute()
        self._observer: BaseObserver | None = None
        self._watched: tuple[int, int] | None = None
        # A new watch is trusted until it misses a change.
        self._reported_since_wait = self._reported_before_wait = self._reported_last_change = True
        self._lock = threading.Lock()
        self._watch()

    def _folder(self) -> tuple[int, int] | None:
        """Return device and inode of the folder, if it exists."""
        with suppress(OSError):
            if self._path is None:
                return None
            stat = os.stat(self._path.parent)
            return stat.st_dev, stat.st_ino
        return None

    def _watch(self) -> None:
        folder = self._folder()
        if folder is None or self._path is None:
            return
        with suppress(OSError, RuntimeError):
            self._observer = observer = Observer()
            observer.daemon = True
            observer.schedule(_Handler(self), str(self._path.parent), recursive=False)
            observer.start()
            self._watched = folder
            # Changes before the watch began are not reported.
            self._reported_since_wait = True
            self.set()
            return
        # A watch that failed halfway would leave a thread and a descriptor behind.
        self.close()

    def notice(self, event: FileSystemEvent) -> None:
        """Handle an event of the watch; called in its thread."""
        if self._path is None:
            return
        log, folder = str(self._path), str(self._path.parent)
        paths = [os.fsdecode(path) for path in (event.src_path, event.dest_path) if path]
        if event.event_type == "deleted" and folder in paths:
            # A new folder may get the inode of the old one, so only this event shows that the watch has ended.
            self._watched = None
        # Reads are the exporter's own, and changes of other files, such as the archive, do not matter.
        elif event.event_type not in ("opened", "closed_no_write") and any(path.startswith(log) for path in paths):
            with self._lock:
                self._reported_since_wait = True
                self.set()

    def wait(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for a hint; return whether one came."""
        hinted = self._event.wait(timeout)
        with self._lock:
            self._event.clear()
            self._reported_before_wait, self._reported_since_wait = self._reported_since_wait, False
        return hinted

    def note_change(self) -> None:
        """Note that the log has changed since the last wait."""
        self._reported_last_change = self._reported_before_wait

    @property
    def is_reliable(self) -> bool:
        """Whether the watch has reported the log's last change; that of a network mount reports none."""
        return self._reported_last_change and self._watched is not None

    def set(self) -> None:
        """Wake the loop."""
        self._event.set()

    def rearm(self) -> None:
        """Watch again if the folder was created or replaced since the watch began."""
        folder = self._folder()
        if self._watched is None or self._watched != folder:
            self.close()
            self._watch()

    def close(self) -> None:
        """Stop watching."""
        observer, self._observer, self._watched = self._observer, None, None
        if observer is None:
            return
        observer.stop()
        if observer.is_alive():
            observer.join(JOIN_SECONDS)
