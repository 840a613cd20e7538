"""Finds rotated files that appeared beside the log and were never read.

Content decides, never a name or a time alone: a file that begins with a consumed prefix is one that was read before.
"""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bigdipper_exporter.log import forms
from bigdipper_exporter.log.chunks import Gap
from bigdipper_exporter.log.folder import NOT_READ, UNPACK, rotated, siblings, unread
from bigdipper_exporter.log.plan import Phase, is_given_up
from bigdipper_exporter.log.search import is_moving
from bigdipper_exporter.log.segment import HEAD_BYTES, Source, beginning
from bigdipper_exporter.log.segments import Look, Segment, State
from bigdipper_exporter.log.verdict import TIME_SLACK, Content, Rotated, Verdict, of_content, of_rotated


def find_unseen(look: Look) -> int:
    """Take up rotated files that appeared since the last look and were never read; return how many."""
    state = look.state
    files = siblings(look.path, state.copies)
    judge = _Judge(look)
    state.crowded = any(judge.at(sibling) is Verdict.CROWDED for sibling in rotated(look.path, files))
    if state.backfill:
        for file in unread(look.path):
            judge.refuse(file)
    if not state.crowded:
        state.skipped_files &= frozenset(judge.identities.values())
    judge.wait(files)
    return judge.found


@dataclass(slots=True)
class _Judge:
    """Judges the rotated files of one look: what each of them is, and which ones to wait for."""

    look: Look
    identities: dict[Path, tuple[int, ...]] = field(default_factory=dict)
    unreadable: dict[Path, str] = field(default_factory=dict)
    waiting: list[Path] = field(default_factory=list)
    undecided: bool = False
    found: int = 0

    def at(self, file: Path) -> Verdict:
        """Judge one file, and act on the verdict."""
        try:
            verdict = of_rotated(self._facts(file))
            if verdict is not None:
                return verdict
            source = self.look.state.open(file)
        except OSError as error:
            self.unreadable[file] = error.strerror or str(error)
            return Verdict.UNREADABLE
        if not source.gz and (held := forms.file_type(source.read(0, HEAD_BYTES))):
            source.close()
            self.look.state.skipped_files |= {self.identities[file]}
            self._gap(f"{file} is not read: it holds {held}; {UNPACK}")
            return Verdict.REFUSED
        verdict = of_content(self._content(source))
        self._act(verdict, file, source)
        return verdict

    def _facts(self, file: Path) -> Rotated:
        """Return what the folder shows of a file. Raises OSError."""
        state, stat = self.look.state, os.stat(file)
        self.identities[file] = stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
        return Rotated(
            is_passed=self.identities[file] in state.skipped_files,
            is_held=state.holding(stat.st_dev, stat.st_ino) is not None,
            modified=stat.st_mtime,
            changed=stat.st_ctime,
            since=0.0 if state.backfill else state.seen - TIME_SLACK,
            first=state.first,
            files=len(state.segments),
        )

    def _content(self, source: Source) -> Content:
        """Return what is known of the content of an open file."""
        state, is_whole = self.look.state, source.whole()
        if source.is_refused:
            return Content(is_whole, is_refused=True)
        is_read_elsewhere = _read_elsewhere(state, source) if is_whole else None
        return Content(
            is_whole,
            is_waiting=source.is_waiting or state.examinations.are_waiting,
            is_read_elsewhere=is_read_elsewhere,
            # Since the stat it may have been taken up under another name.
            is_held=state.holding(source.device, source.inode) is not None,
        )

    def _act(self, verdict: Verdict, file: Path, source: Source) -> None:
        """Take the file up, or remember what it is and close it."""
        state, now = self.look.state, self.look.now
        if verdict is Verdict.NEW:
            first = beginning(source, state.number(), now)
            state.add(Segment(source, first, Phase.COMPLETE if source.gz else Phase.DRAINING, moved=now))
            self.look.report_flaw(source)
            self.found += 1
            return
        if verdict in (Verdict.READ, Verdict.REFUSED):
            # Once its twin is closed, nothing is left that a shorter copy could be recognised by.
            state.skipped_files |= {self.identities[file]}
        if verdict is Verdict.REFUSED:
            self._gap(f"{file} is not read: it holds far more than a log of its size would")
        elif verdict is Verdict.WAITING:
            self.waiting.append(file)
        elif verdict is Verdict.UNREADABLE or source.trouble:
            self.unreadable[file] = source.trouble.strerror or "" if source.trouble else source.flaw or ""
        self.undecided |= verdict is Verdict.UNDECIDED
        source.close()

    def refuse(self, file: Path) -> None:
        """Report a file in a format that is not read, once."""
        state = self.look.state
        with suppress(OSError):
            if of_rotated(self._facts(file)) is None:
                state.skipped_files |= {self.identities[file]}
                self._gap(f"{file} {NOT_READ}")

    def wait(self, files: dict[Path, int]) -> None:
        """Wait for files that cannot be read or judged yet; after the grace period such a file is a gap."""
        state, path, now = self.look.state, self.look.path, self.look.now
        # The log's own path stands for files whose names are not known: those being renamed or not judged yet.
        unnamed = [path] if self.undecided or state.crowded or is_moving(state, path, files) else []
        waiting = {file: state.waiting.get(file, now) for file in (*self.unreadable, *unnamed)}
        waiting |= dict.fromkeys(self.waiting, now)
        if state.crowded:
            waiting[path] = now
        for file, since in waiting.items():
            if since and is_given_up(now - since):
                waiting[file] = 0.0  # given up, and kept here while it waits for others
                if file in self.identities:
                    # Reported once, although a file beside an empty log is looked at again and again.
                    state.skipped_files |= {self.identities[file]}
                if file != path and not _incomplete_copy(state, file):
                    reason = self.unreadable.get(file)
                    self._gap(f"{file} cannot be read{f': {reason}' if reason else ''}")
        state.waiting = waiting if any(waiting.values()) else {}
        state.backfill = state.backfill and bool(state.waiting)

    def _gap(self, detail: str) -> None:
        look = self.look
        look.read.gaps.append(Gap(look.state.newest, "unreachable", look.now, detail))


def _read_elsewhere(state: State, source: Source) -> bool | None:
    """Whether the file's whole content was or will be read from another file; None while that is undecided."""
    size = source.size()
    if not size:
        return source.gz  # a plain file may still have a writer
    if any(source.fits(lost.checkpoint) or source.begins(lost.checkpoint) for lost in state.lost):
        return None
    everything = beginning(source, 0, 0.0).at(source, size)
    if source.trouble:
        return None
    holding = [segment for segment in state.segments if segment.source.fits(everything)]
    if holding:
        # A file of which nothing was consumed may be cut without anybody noticing.
        return True if any(segment.checkpoint.offset for segment in holding) else None
    return any(c.offset >= size and source.fits(c) for c in state.ended)


def _incomplete_copy(state: State, path: Path) -> bool:
    """Whether an incomplete gzip file holds nothing new: it is gone, or begins like a known generation."""
    try:
        source = state.open(path)
    except OSError:
        return not os.path.lexists(path)
    if source.read(0, 1):
        known = any(source.fits(c) is None and not source.trouble for c in state.checkpoints() if c.offset)
    else:
        known = path.with_suffix("").exists()  # nothing is readable yet, and its original is still there
    source.close()
    return known
