"""Notices files that no longer begin with what was consumed of them, and looks for the rest among the rotated files."""

from collections.abc import Sequence
from dataclasses import replace

from bigdipper_exporter.log import plan
from bigdipper_exporter.log.folder import folders
from bigdipper_exporter.log.plan import CutAction, CutFacts, Phase
from bigdipper_exporter.log.search import find_lost
from bigdipper_exporter.log.segments import Look, Lost, Segment, State
from bigdipper_exporter.log.unseen import find_unseen


def search_folder(look: Look) -> int:
    """Look at every file that is being read and at the rotated ones; return how many of these are unread."""
    state = look.state
    restarted = []
    for segment in filter(_is_cut, state.segments[:]):
        if _cut(look, segment) is CutAction.RESTART:
            restarted.append(segment)
    state.folders = folders(look.path, state.copies)
    find_lost(look)
    # Generations are numbered in the order in which they are read: a deleted file before the rotated ones, the log last.
    _number(state, [segment for segment in restarted if not segment.current])
    found = find_unseen(look)
    _number(state, [segment for segment in restarted if segment.current])
    return found


def _is_cut(segment: Segment) -> bool:
    checkpoint = segment.checkpoint
    return not segment.source.gz and checkpoint.offset > 0 and segment.source.fits(checkpoint) is False


def _cut(look: Look, segment: Segment) -> CutAction:
    """Give up what a file held before it was cut, and what it holds now to whoever reads it next."""
    checkpoint, source = segment.checkpoint, segment.source
    settled = segment.settled and segment.settled.size
    facts = CutFacts(segment.phase, source.linked(), source.size(), checkpoint.offset, settled, look.now - segment.ended_at)
    look.read.more = True
    look.read.truncations += segment.phase is not Phase.COMPLETE
    look.state.lost.append(Lost(checkpoint, look.now, "truncated", plan.was_complete(facts)))
    action = plan.cut_action(facts)
    if action is CutAction.RESTART:
        segment.restart()
    else:
        look.state.drop(segment)
    return action


def _number(state: State, restarted: Sequence[Segment]) -> None:
    for segment in restarted:
        segment.checkpoint = replace(segment.checkpoint, generation=state.number())
