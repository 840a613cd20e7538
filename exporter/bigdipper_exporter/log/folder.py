"""Lists the files that may be rotated copies of a log, by name only; their content is judged elsewhere."""

import glob
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from bigdipper_exporter.log.segment import TICK, Checkpoint

# What follows the log's name: a number, of which the highest is the oldest file; or a date, what people and editors write, or
# what `split` does (`aa`, `ab`, or numbers with leading zeros), in the order of the names.
NUMBERED = r"\.(0|[1-9]\d{0,3})"
NAMED = r"[.-]\d[\dT:._-]*?|[._-](?:old|bak|backup|copy|orig|prev|save|saved)\d{0,3}|~|[._-]?a[a-z]"
ROTATED = re.compile(rf"(?=.)(?:{NUMBERED}|{NAMED})?(?:\.gz)?", re.IGNORECASE)
# logrotate's `extension`, pm2-logrotate, loguru: the date comes before it. A number alone may belong to another bot's log.
DATED = re.compile(r"[._-]{1,2}20\d\d-?[01]\d-?[0-3]\d[\dT:_-]{0,20}")
GUESSED = 20  # how many rotated names are tried where the folder cannot be listed
COPIES = 2000  # how many files of the pattern `log.copies` are looked at
# Compressed in a format that is not read.
UNREAD = (".bz2", ".xz", ".lzma", ".zst", ".lz4", ".br", ".zip", ".7z", ".tgz", ".z")
UNPACK = "gzip is the only compression that is read, so unpack it"
NOT_READ = f"is not read: {UNPACK}"


def unread(path: Path) -> list[Path]:
    """Return the files beside the log that are compressed in a format that is not read."""
    found = set[Path]()
    for beside in _places(path):
        with suppress(OSError), os.scandir(beside.parent) as entries:
            names = [entry.name for entry in entries if entry.name.lower().endswith(UNREAD) and entry.is_file()]
            found |= {beside.with_name(name) for name in names if _is_named_like(os.path.splitext(name)[0], beside.name)}
    return sorted(found)


def _places(path: Path) -> list[Path]:
    """Return the log's path and, if it is a link, its target: rotated files may be beside either."""
    return [path, Path(os.path.realpath(path))] if os.path.islink(path) else [path]


def siblings(path: Path, copies: str = "") -> dict[Path, int]:
    """Return the files that may be copies of the log, with their inodes: those with a similar name, and those of `copies`.

    copies: a pattern such as `/var/log/old/bot.log*`; empty for none.
    """
    found: dict[Path, int] = {}
    for beside in _places(path):
        try:
            with suppress(FileNotFoundError), os.scandir(beside.parent) as entries:
                for entry in entries:
                    if entry.name != beside.name and _is_named_like(entry.name, beside.name) and _is_ours(entry.path):
                        found[beside.with_name(entry.name)] = entry.inode()
        except OSError:
            found |= _guessed(beside)
    own = {str(place) for place in _places(path)}
    for name in _matching(copies):
        if name not in own and _is_ours(name):
            with suppress(OSError):
                found.setdefault(Path(name), os.stat(name).st_ino)
    return {path: inode for path, inode in found.items() if path.suffix.lower() not in UNREAD}


def _matching(copies: str) -> Iterator[str]:
    for number, name in enumerate(glob.iglob(copies) if copies else ()):
        if number >= COPIES:
            return
        yield name


def _is_named_like(name: str, log: str) -> bool:
    return name.startswith(log) or _is_dated(name, log)


def _is_dated(name: str, log: str) -> bool:
    """Whether it is the log's name with a date before the extension, such as `bot-20261017.log` for `bot.log`."""
    stem, extension = os.path.splitext(log)
    plain = name[:-3] if name.lower().endswith(".gz") else name
    if not extension or not plain.endswith(extension) or not plain.startswith(stem):
        return False
    return DATED.fullmatch(plain[len(stem) : -len(extension)]) is not None


def is_elsewhere(checkpoint: Checkpoint, path: Path, copies: str = "") -> bool:
    """Whether a generation belongs to a log other than that at `path`, such as a copy in another folder that was ingested."""
    where = Path(checkpoint.path)
    folder = os.path.realpath(where.parent)
    beside = any(os.path.realpath(p.parent) == folder and _is_named_like(where.name, p.name) for p in _places(path))
    return not beside and checkpoint.path not in _matching(copies)


def _is_ours(path: str) -> bool:
    """Whether it is a file, or a link to a file in the same folder; the target of any other link may belong to anybody."""
    if os.path.islink(path) and os.path.dirname(os.path.realpath(path)) != os.path.realpath(os.path.dirname(path)):
        return False
    return os.path.isfile(path)


def _guessed(path: Path) -> dict[Path, int]:
    """Return the same for a folder that cannot be listed, such as Docker's for a container's log: try .1, .2 and so on."""
    found = {}
    for file in (path.with_name(f"{path.name}.{number}{packed}") for number in range(1, GUESSED + 1) for packed in ("", ".gz")):
        with suppress(OSError):
            if _is_ours(str(file)):
                found[file] = os.stat(file).st_ino
    return found


def folders(path: Path, copies: str = "") -> tuple[int, ...] | None:
    """Return a signature that changes whenever `siblings` may; None while it may change unnoticed."""
    found = []
    places = [place.parent for place in _places(path)] + ([Path(copies).parent] if copies else [])
    for place in places:
        with suppress(OSError):
            found.append(os.stat(place).st_mtime_ns)
    if glob.has_magic(str(Path(copies).parent)):
        return None
    return tuple(found) if time.time_ns() - max(found, default=0) > TICK * 1e9 else None


def rotated(path: Path, files: Iterable[Path]) -> list[Path]:
    """Return those that are rotated forms of `path` (`.1`, `.2.gz`, `-20251017`, `.2025-10-17`, `.old`), oldest first.

    Their order comes from the names, because times may be wrong. Files in other folders are those of the pattern for copies.
    """
    found: list[tuple[bool, int, str, Path]] = []
    places = _places(path)
    folders_of_log = {place.parent for place in places}
    for file in files:
        match = next((m for place in places if (m := ROTATED.fullmatch(file.name.removeprefix(place.name)))), None)
        if match:
            found.append((match[1] is not None, -int(match[1] or 0), file.name, file))
        elif file.parent not in folders_of_log or any(_is_dated(file.name, place.name) for place in places):
            found.append((False, 0, file.name, file))
    return [file for *_, file in sorted(found)]
