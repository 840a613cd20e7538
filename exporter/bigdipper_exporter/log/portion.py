"""Reads the segments: a portion of each in its turn, from the oldest to the log itself."""

import errno
from dataclasses import replace

from bigdipper_exporter.log import common, forms, plan, repeated
from bigdipper_exporter.log.checksums import stretch
from bigdipper_exporter.log.chunks import LINE_LIMIT, Batch, Gap, Unfinished, before_record, lines_before, whole_lines
from bigdipper_exporter.log.folder import UNPACK
from bigdipper_exporter.log.name import problem
from bigdipper_exporter.log.plan import Drained, Ownership, PortionAction, PortionFacts
from bigdipper_exporter.log.repeated import Known
from bigdipper_exporter.log.rotation import search_folder
from bigdipper_exporter.log.search import has_vanished
from bigdipper_exporter.log.segment import HEAD_BYTES, Checkpoint, FileSignature
from bigdipper_exporter.log.segments import Look, Lost, Segment, State

# How much of an unfinished line is shown.
UNFINISHED_BYTES = 1024


def consume(look: Look, quiet: float) -> None:
    """Read from the oldest generation that has unread bytes; go to the next one only when it has none left.

    Old files that would delay the log for long are read beside it: a portion whenever the log itself has nothing new. quiet:
    seconds without growth after which a renamed file is closed.
    """
    state, read = look.state, look.read
    is_delayed = _is_delayed(look)
    for segment in sorted(state.segments, key=state.is_late) if is_delayed else state.segments[:]:
        if not segment.current or is_delayed or not state.crowded:
            _advance(look, segment)
        if read.more:
            break
        read.is_current |= segment.current
    read.more |= state.examinations.are_waiting or (state.crowded and read.up)
    read.lag = sum(segment.unread() for segment in state.segments if segment.current or segment.settled is None)
    _give_up(look, quiet)


def _is_delayed(look: Look) -> bool:
    """Whether older files would delay the log for long. If so, they are late from now on."""
    state, current = look.state, look.state.current()
    older = [segment for segment in state.segments if not segment.current and segment.settled is None]
    left = sum(segment.unread() for segment in older)
    state.delayed = (state.delayed or look.now) if left or state.crowded else 0.0
    if current is not None and state.lost and not current.checkpoint.offset:
        # Their copies are still being examined, and the log does not wait for that.
        _set_aside(look, current, frozenset(lost.checkpoint.generation for lost in state.lost))
    if current is None or not plan.is_delayed(left, look.now - state.delayed, state.crowded):
        return False
    _set_aside(look, current, frozenset(segment.checkpoint.generation for segment in older))
    return True


def _set_aside(look: Look, current: Segment, numbers: frozenset[int]) -> None:
    """Note that generations will be read beside the log, from now on."""
    look.read.set_aside |= not numbers <= look.state.late and not current.checkpoint.offset
    look.state.late |= numbers


def _advance(look: Look, segment: Segment) -> None:
    """Read the next portion of a segment, if there is one and nothing else has to be done first."""
    if segment.unchanged():
        segment.ended_at = look.now
    elif not segment.source.reach(segment.checkpoint.offset):
        look.read.more = True
    else:
        segment.source.trouble = None
        signature = segment.source.signature()
        if _is_ready(look, segment):
            _read(look, segment, signature)


def _is_ready(look: Look, segment: Segment) -> bool:
    """Skip what was read from another file; return whether the file can be read now."""
    state, read, is_unread = look.state, look.read, not segment.checkpoint.offset
    if is_unread and _is_no_log(look, segment):
        return False
    # The log may have been copied and cut before anything of it was read; or this file is the copy of one that was cut.
    if (is_unread and segment.current) or common.is_begun_by_cut(state, segment):
        read.more |= search_folder(look) > 0
    if read.more:
        return False
    if segment.ownership is not Ownership.OWN:
        common.retrace(look, segment)
    if not common.pass_over(look, segment) or segment.ownership is Ownership.HELD:
        return False
    if not segment.content_examined and not segment.checkpoint.offset and segment.source.size():
        _begin(look, segment)
    return True


def _is_no_log(look: Look, segment: Segment) -> bool:
    """Whether an unread file holds something else. Once it is renamed, it is closed, and is a gap."""
    source = segment.source
    kind = None if source.gz else forms.file_type(source.read(0, HEAD_BYTES))
    segment.is_no_log = kind is not None
    if kind is not None and not segment.current:
        detail = f"{source.path}, as it was called, is not read: it holds {kind}; {UNPACK}"
        look.read.gaps.append(Gap(segment.checkpoint.generation, "unreachable", look.now, detail))
        segment.settled = source.signature()
        look.state.end(segment)
    return kind is not None


def _begin(look: Look, segment: Segment) -> None:
    """Before the first read of the log: continue where it was trimmed, if it is the rest of the previous one."""
    segment.content_examined = True
    if segment.current:
        look.report_flaw(segment.source)
    old = next((one for one in reversed(look.state.segments) if one is not segment), None)
    if segment.current and old is not None and has_vanished(look.state, old, look.path):
        common.trim(segment, old.checkpoint)


def _read(look: Look, segment: Segment, signature: FileSignature) -> None:
    """Read up to the limit, and check that the file still begins with what was consumed before."""
    checkpoint, source = segment.checkpoint, segment.source
    data, is_full = _data(look, segment)
    batches, advanced = whole_lines(checkpoint, before_record(data) if is_full else data)
    # Checked after reading, so that a file that was cut in between is noticed, and what was read is discarded.
    trouble = source.trouble
    fits = source.gz or source.fits(checkpoint if checkpoint.offset else advanced)
    failing = look.now - (segment.failing or look.now)
    action = plan.portion_action(PortionFacts(segment.phase, None if trouble else fits, failing, is_full))
    if action in (PortionAction.TRY_AGAIN, PortionAction.LOSE):
        _fail(look, segment, action)
    elif action is PortionAction.SEARCH:
        look.read.more = True
        search_folder(look)
    else:
        segment.failing = 0.0
        _take(look, segment, data, batches, advanced, signature)
        _conclude(look, segment, action, signature)


def _data(look: Look, segment: Segment) -> tuple[bytes, bool]:
    """Return the next bytes of the file, and whether there may be more; none while it holds only what was read before."""
    source, offset = segment.source, segment.checkpoint.offset
    if segment.ownership is not Ownership.OWN:
        return b"", False
    wanted = max(1, look.limit - sum(len(batch.data) for batch in look.read.batches))
    data = source.read(offset, wanted)
    if len(data) == wanted and b"\n" not in data:
        wanted = max(wanted, LINE_LIMIT)
        data = source.read(offset, wanted)
    return data, len(data) == wanted


def _take(
    look: Look, segment: Segment, data: bytes, batches: list[Batch], advanced: Checkpoint, signature: FileSignature
) -> None:
    """Return the lines, and move the checkpoint behind them."""
    state, read, checkpoint = look.state, look.read, segment.checkpoint
    if advanced is checkpoint:
        return
    consumed, before = data[: advanced.offset - checkpoint.offset], _lines_before(segment)
    if batches and not batches[0].truncated:
        batches = _unread(look, segment, consumed, batches)
    if before is not None:
        batches = _numbered(batches, checkpoint.offset, data, before)
    if state.is_late(segment):
        read.batches += [replace(batch, late=True) for batch in batches]
    elif batches:
        read.batches += batches
        read.written = max(read.written or 0.0, signature[1] / 1e9)
    sums = stretch(segment.sums, checkpoint.generation, checkpoint.offset, consumed)
    read.sums.append(sums)
    if before is not None:
        advanced = replace(advanced, lines=before + consumed.count(b"\n"))
    segment.sums = sums if consumed.rstrip(b"\0").endswith(b"\n") else None
    segment.checkpoint, segment.moved = advanced, look.now


def _lines_before(segment: Segment) -> int | None:
    """Return the number of lines before the checkpoint: counted now where an earlier release has read them, or nobody."""
    at = segment.checkpoint
    return lines_before(segment.source, at.offset) if at.lines is None else at.lines


def _numbered(batches: list[Batch], start: int, data: bytes, before: int) -> list[Batch]:
    """Return the batches, each with the number of its first line. data: what was read at `start`, after so many lines."""
    numbered, position, line = list[Batch](), 0, before + 1
    for batch in batches:
        line += data.count(b"\n", position, batch.offset - start)
        position = batch.offset - start
        numbered.append(replace(batch, line=line))
    return numbered


def _unread(look: Look, segment: Segment, data: bytes, batches: list[Batch]) -> list[Batch]:
    """Return the batches without lines that were read before, as part of another generation."""
    offset = segment.checkpoint.offset
    # Those of another place in the file say nothing about this one.
    marks = {number: mark for number, mark in segment.marks.items() if mark.offset == offset}
    context = b"" if marks or segment.sums else _context(segment)
    if data.count(b"\n") < 2 and not context and not any(mark.is_open for mark in marks.values()):
        return batches  # a single line is never left out
    others = repeated.candidates(context + data, look.state.others(segment), look.state.newest)
    if not others:
        return batches
    before = _lines(batches)
    for other in others:
        mark = marks.get(other.generation)
        known = Known.of(look.sums(other.generation, mark.start if mark else 0), mark)
        runs = repeated.find_behind(context, data, known)
        if runs or mark:
            segment.marks = segment.marks | {other.generation: known.mark(offset + len(data))}
        if runs:
            batches = repeated.split(batches, offset, data, runs)
    look.read.repeated += before - _lines(batches)
    return batches


def _context(segment: Segment) -> bytes:
    """Return the lines before the first ones that are read of a file, of which others may have been read from another file."""
    source, end = segment.source, segment.checkpoint.offset
    start = max(0, end - repeated.EDGE)
    text = b"" if source.gz or segment.checkpoint.skipping else source.read(start, end - start)
    return text[text.find(b"\n") + 1 if start else 0 :]


def _lines(batches: list[Batch]) -> int:
    return sum(batch.data.count(b"\n") for batch in batches)


def _conclude(look: Look, segment: Segment, action: PortionAction, signature: FileSignature) -> None:
    """Note whether the file is read to its end."""
    if action is PortionAction.MORE:
        look.read.more, segment.settled, segment.is_signature_reliable = True, None, False
        return
    segment.settle(signature)
    segment.ended_at = look.now
    if action is PortionAction.END:
        _end(look, segment)


def _fail(look: Look, segment: Segment, action: PortionAction) -> None:
    """Note a read error: wait for the log, and give up on a renamed file after a while."""
    read, now = look.read, look.now
    segment.settled, segment.is_signature_reliable, segment.failing = None, False, segment.failing or now
    read.up = read.up and not segment.current
    read.problem = read.problem or problem(segment.source.path, segment.source.trouble or OSError(errno.EIO, "failed"))
    if action is PortionAction.LOSE:
        look.state.lost.append(Lost(segment.checkpoint, now, "unreachable"))
        look.state.drop(segment)


def _end(look: Look, segment: Segment) -> None:
    """Stop reading a file, and report the unfinished line at its end."""
    rest = unfinished(segment)
    if rest is not None:
        look.read.unfinished.append(rest)
    look.state.end(segment)


def _give_up(look: Look, quiet: float) -> None:
    """Close renamed files that are read to their end: once their writer uses a newer one, or where too many are open."""
    draining = [segment for segment in look.state.segments if not segment.current and segment.settled]
    facts = [Drained(look.now - segment.moved, _has_newer(look.state, segment)) for segment in draining]
    for number in plan.surplus(facts, quiet):
        _end(look, draining[number])


def _has_newer(state: State, segment: Segment) -> bool:
    mine = segment.checkpoint.generation
    return any(one.checkpoint.offset and one.checkpoint.generation > mine for one in state.segments)


def unfinished(segment: Segment) -> Unfinished | None:
    """Return the line at the end of a file that has no newline yet."""
    at = segment.checkpoint
    text = b"" if at.skipping or not segment.source.whole() else segment.source.read(at.offset, UNFINISHED_BYTES).strip(b"\0")
    if not text.strip():
        return None
    before = _lines_before(segment)
    return Unfinished(at.generation, at.offset, at.path, text, None if before is None else before + 1)
