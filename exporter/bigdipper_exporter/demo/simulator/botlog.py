"""The bot's log file in its real form: `%(asctime)s [%(levelname)s] %(message)s`, local time, appended."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

# What `logging` prints for the SDK's APIError inside the bot: untimestamped lines that belong to the record before them.
TRACEBACK = """\
Traceback (most recent call last):
  File "/usr/local/lib/python3.11/site-packages/alpaca/common/rest.py", line 198, in _one_request
    response.raise_for_status()
  File "/usr/local/lib/python3.11/site-packages/requests/models.py", line 1167, in raise_for_status
    raise HTTPError(http_error_msg, response=self)
requests.exceptions.HTTPError: {status} Server Error: None for url: https://paper-api.alpaca.markets/v2/clock

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/main.py", line 127, in run
    clock = self.trading.get_clock()
            ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/site-packages/alpaca/trading/client.py", line 431, in get_clock
    response = self.get("/clock")
               ^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/site-packages/alpaca/common/rest.py", line 225, in get
    return self._request("GET", path, data, **kwargs)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/site-packages/alpaca/common/rest.py", line 131, in _request
    return self._one_request(method, url, opts, retry)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/site-packages/alpaca/common/rest.py", line 207, in _one_request
    raise APIError(error, http_error)
alpaca.common.exceptions.APIError: {body}"""


class BotLog:
    """Writes records stamped in `zone`; `at` (unix seconds) is the moment of the lines to come. None: writes nowhere.

    The file is opened for appending and never again, like a shell's `>>`: only copytruncate can rotate it.
    """

    def __init__(self, path: Path | None, zone: str = "America/New_York", level: str = "INFO") -> None:
        self.zone = ZoneInfo(zone)
        self.set_level(level)
        self.path: Path | None = None
        self._file: int | None = None
        if path is not None:
            self.write_to(path)
        self._lines: list[str] = []
        self._minute, self._prefix = -1, ""
        self._stamp = ""
        self.records = self.bytes = 0

    def write_to(self, path: Path) -> None:
        """Write to `path` from here on."""
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def set_level(self, level: str) -> None:
        """Write records of this level and above from here on."""
        if level not in LEVELS:
            raise ValueError(f"log level {level!r}: use one of {', '.join(LEVELS)}")
        self._wanted = frozenset(LEVELS[LEVELS.index(level) :])
        self.debugging = level == "DEBUG"

    def at(self, ts: float) -> None:
        """Stamp the following records with `ts`."""
        minute, second = divmod(int(ts), 60)
        if minute != self._minute:
            self._minute = minute
            self._prefix = f"{datetime.fromtimestamp(minute * 60, self.zone):%Y-%m-%d %H:%M:}"
        self._stamp = f"{self._prefix}{second:02d} ["

    @property
    def stamp(self) -> str:
        """The local time of the current records, `YYYY-MM-DD HH:MM:SS`."""
        return self._stamp[:19]

    def write(self, level: str, message: str) -> None:
        if level in self._wanted:
            self._lines.append(f"{self._stamp}{level}] {message}\n")

    def info(self, message: str) -> None:
        self.write("INFO", message)

    def debug(self, message: str) -> None:
        self.write("DEBUG", message)

    def warning(self, message: str) -> None:
        self.write("WARNING", message)

    def error(self, message: str) -> None:
        self.write("ERROR", message)

    def flush(self) -> None:
        """Hand what was written to the file."""
        if self._lines:
            data = "".join(self._lines).encode()
            self.records += len(self._lines)
            self.bytes += len(data)
            self._lines.clear()
            if self._file is not None:
                os.write(self._file, data)

    def copytruncate(self) -> None:
        """Rotate as logrotate's copytruncate does: copy to `<name>.1`, then cut the file the bot goes on writing to."""
        if self.path is not None:
            self.flush()
            shutil.copyfile(self.path, self.path.with_name(f"{self.path.name}.1"))
            os.truncate(self.path, 0)

    def close(self) -> None:
        self.flush()
        if self._file is not None:
            os.close(self._file)
            self._file = None
