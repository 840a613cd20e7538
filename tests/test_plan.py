"""What the tailer decides, case by case and without a file: facts in, the name of an action out."""

import errno

import pytest

from bigdipper_exporter.log.plan import (
    LATE_BYTES,
    LATE_SECONDS,
    MAX_DRAINING,
    UNREADABLE_SECONDS,
    WINDOW_SECONDS,
    Copy,
    CutAction,
    CutFacts,
    Drained,
    KnownAction,
    KnownFacts,
    LostAction,
    NameAction,
    NameFacts,
    Ownership,
    Phase,
    PortionAction,
    PortionFacts,
    TracedFacts,
    cut_action,
    is_delayed,
    known_action,
    lost_action,
    name_action,
    ownership_of,
    portion_action,
    surplus,
    was_complete,
)
from bigdipper_exporter.log.verdict import MAX_OPEN, TIME_SLACK, Content, Rotated, Verdict, of_content, of_rotated

FOLLOWING, DRAINING, COMPLETE = Phase.FOLLOWING, Phase.DRAINING, Phase.COMPLETE


@pytest.mark.parametrize(
    ("name", "action"),
    [
        (NameFacts(holder=FOLLOWING), NameAction.KEEP),
        (NameFacts(holder=FOLLOWING, is_changed=True), NameAction.SEARCH),
        (NameFacts(holder=FOLLOWING, is_waiting=True), NameAction.SEARCH),
        (NameFacts(holder=DRAINING), NameAction.TAKE_BACK),
        (NameFacts(holder=COMPLETE, is_changed=True), NameAction.TAKE_BACK),
        (NameFacts(), NameAction.TAKE_UP),
        (NameFacts(is_changed=True, is_waiting=True), NameAction.TAKE_UP),
        (NameFacts(errno.ENOENT), NameAction.RELEASE),
        (NameFacts(errno.EACCES), NameAction.WAIT),
        (NameFacts(errno.EIO), NameAction.WAIT),
        (NameFacts(errno.EINVAL), NameAction.WAIT),
    ],
)
def test_the_file_with_the_logs_name_is_followed(name: NameFacts, action: NameAction) -> None:
    assert name_action(name) is action


@pytest.mark.parametrize(
    ("known", "action"),
    [
        (KnownFacts("log"), KnownAction.CONTINUE),
        (KnownFacts("log", is_same_file=True), KnownAction.CONTINUE),
        (KnownFacts("log", is_taken=True), KnownAction.LOSE),
        (KnownFacts("log", is_taken=True, is_consumed=False), KnownAction.END),
        (KnownFacts("log", is_taken=True, is_elsewhere=True), KnownAction.WAIT),
        (KnownFacts("beside"), KnownAction.DRAIN),
        (KnownFacts("beside", is_log=False), KnownAction.DRAIN),
        (KnownFacts("beside", is_elsewhere=True), KnownAction.DRAIN),
        (KnownFacts(None), KnownAction.LOSE),
        (KnownFacts(None, is_same_file=True), KnownAction.LOSE_CUT),
        (KnownFacts(None, is_consumed=False), KnownAction.END),
        (KnownFacts(None, is_elsewhere=True), KnownAction.WAIT),
        (KnownFacts(None, is_log=False), KnownAction.WAIT),
        (KnownFacts(None, is_log=False, is_consumed=False), KnownAction.WAIT),
    ],
)
def test_after_a_start_each_generation_goes_on_in_its_file(known: KnownFacts, action: KnownAction) -> None:
    assert known_action(known) is action


@pytest.mark.parametrize(
    ("phase", "is_linked", "action"),
    [
        (FOLLOWING, True, CutAction.RESTART),
        (FOLLOWING, False, CutAction.RESTART),
        (DRAINING, True, CutAction.DROP),
        (DRAINING, False, CutAction.RESTART),
        (COMPLETE, True, CutAction.DROP),
        (COMPLETE, False, CutAction.RESTART),
    ],
)
def test_a_file_that_was_cut_is_read_again_if_nobody_else_finds_it(phase: Phase, is_linked: bool, action: CutAction) -> None:
    assert cut_action(CutFacts(phase, is_linked, 0, 100, 100, 0.0)) is action


@pytest.mark.parametrize(
    ("size", "offset", "settled", "since", "complete"),
    [
        (0, 100, 100, 0.0, True),
        (99, 100, 100, WINDOW_SECONDS, True),
        (0, 100, 100, WINDOW_SECONDS + 0.1, False),  # something may have been written meanwhile
        (0, 100, 110, 0.0, False),  # an unfinished line
        (0, 100, None, 0.0, False),
        (100, 100, 100, 0.0, False),  # rewritten, not rotated
        (200, 100, 100, 0.0, False),
    ],
)
def test_a_cut_is_no_loss_a_moment_after_everything_was_read(
    size: int, offset: int, settled: int | None, since: float, complete: bool
) -> None:
    assert was_complete(CutFacts(FOLLOWING, True, size, offset, settled, since)) is complete


@pytest.mark.parametrize(
    ("copy", "age", "is_complete", "action"),
    [
        (Copy.FOUND, 0.0, False, LostAction.RESUME),
        (Copy.FOUND, 99.0, True, LostAction.RESUME),
        (Copy.HELD, 0.0, False, LostAction.HAND_OVER),
        (Copy.WAITING, 99.0, False, LostAction.EXAMINE),
        (Copy.CONTINUED, 0.0, False, LostAction.END),
        (Copy.UNSETTLED, UNREADABLE_SECONDS, True, LostAction.WAIT),
        (Copy.UNSETTLED, UNREADABLE_SECONDS + 0.1, False, LostAction.END_WITH_GAP),
        (Copy.UNSETTLED, UNREADABLE_SECONDS + 0.1, True, LostAction.END_WITH_GAP),  # there is a file, and it may hold more
        (Copy.MISSING, 0.0, False, LostAction.END_WITH_GAP),
        (Copy.MISSING, 0.0, True, LostAction.END),
    ],
)
def test_a_lost_generation_is_read_from_its_copy_or_is_a_gap(
    copy: Copy, age: float, is_complete: bool, action: LostAction
) -> None:
    assert lost_action(copy, age, is_complete) is action


@pytest.mark.parametrize(
    ("portion", "action"),
    [
        (PortionFacts(FOLLOWING, True), PortionAction.SETTLE),
        (PortionFacts(DRAINING, True), PortionAction.SETTLE),
        (PortionFacts(COMPLETE, True), PortionAction.END),
        (PortionFacts(FOLLOWING, True, is_full=True), PortionAction.MORE),
        (PortionFacts(COMPLETE, True, is_full=True), PortionAction.MORE),
        (PortionFacts(FOLLOWING, False), PortionAction.SEARCH),
        (PortionFacts(COMPLETE, False, is_full=True), PortionAction.SEARCH),
        (PortionFacts(DRAINING, None), PortionAction.TRY_AGAIN),
        (PortionFacts(DRAINING, None, UNREADABLE_SECONDS), PortionAction.TRY_AGAIN),
        (PortionFacts(DRAINING, None, UNREADABLE_SECONDS + 0.1), PortionAction.LOSE),
        (PortionFacts(COMPLETE, None, UNREADABLE_SECONDS + 0.1), PortionAction.LOSE),
        (PortionFacts(FOLLOWING, None, 10 * UNREADABLE_SECONDS), PortionAction.TRY_AGAIN),  # the log is never given up
    ],
)
def test_what_was_read_counts_if_the_file_still_holds_what_was_read_before(
    portion: PortionFacts, action: PortionAction
) -> None:
    assert portion_action(portion) is action


@pytest.mark.parametrize(
    ("left", "waited", "is_crowded", "delayed"),
    [
        (0, 0.0, False, False),
        (0, 99.0, False, False),
        (1, LATE_SECONDS, False, False),
        (1, LATE_SECONDS + 0.1, False, True),
        (LATE_BYTES, 0.0, False, False),
        (LATE_BYTES + 1, 0.0, False, True),
        (0, 0.0, True, False),
        (0, LATE_SECONDS + 0.1, True, True),
    ],
)
def test_the_log_waits_for_older_files_only_for_a_while(left: int, waited: float, is_crowded: bool, delayed: bool) -> None:
    assert is_delayed(left, waited, is_crowded) is delayed


def test_renamed_files_are_closed_when_their_writer_has_gone_or_too_many_are_open() -> None:
    idle, growing, newest = Drained(31.0, True), Drained(29.0, True), Drained(99.0, False)
    assert surplus([], 30.0) == []
    assert surplus([idle, growing, newest], 30.0) == [0]
    assert surplus([growing, idle, idle], 30.0) == [1, 2]
    assert surplus([growing] * MAX_DRAINING, 30.0) == []
    assert surplus([newest] * (MAX_DRAINING + 2), 30.0) == [0, 1]


def rotated(
    modified: float = 500.0, changed: float = 500.0, *, is_passed: bool = False, is_held: bool = False, files: int = 1
) -> Rotated:
    """A file that is looked at after a complete look at 400, of a log that is followed since 100."""
    return Rotated(is_passed, is_held, modified, changed, since=400.0, first=100.0, files=files)


@pytest.mark.parametrize(
    ("file", "verdict"),
    [
        (rotated(), None),
        (rotated(is_passed=True), Verdict.KNOWN),
        (rotated(is_held=True), Verdict.KNOWN),
        (rotated(399.0, 399.0), Verdict.KNOWN),
        (rotated(399.0, 500.0), None),  # `rsync -a` keeps the time of modification
        (rotated(100.0 - TIME_SLACK - 1, 500.0), Verdict.KNOWN),  # rotated before the log was followed
        (rotated(500.0, 399.0), None),
        (rotated(files=MAX_OPEN), Verdict.CROWDED),
        (rotated(files=MAX_OPEN - 1), None),
        (rotated(399.0, 399.0, files=MAX_OPEN), Verdict.KNOWN),
    ],
)
def test_a_rotated_file_is_opened_only_if_it_may_be_new(file: Rotated, verdict: Verdict | None) -> None:
    assert of_rotated(file) is verdict


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (Content(is_whole=True), Verdict.NEW),
        (Content(is_whole=True, is_refused=True, is_waiting=True), Verdict.REFUSED),
        (Content(is_whole=False, is_waiting=True, is_read_elsewhere=None), Verdict.WAITING),
        (Content(is_whole=True, is_waiting=True, is_read_elsewhere=True), Verdict.WAITING),
        (Content(is_whole=True, is_read_elsewhere=None), Verdict.UNDECIDED),
        (Content(is_whole=False, is_read_elsewhere=None), Verdict.UNREADABLE),
        (Content(is_whole=True, is_read_elsewhere=True), Verdict.READ),
        (Content(is_whole=True, is_held=True), Verdict.KNOWN),
    ],
)
def test_a_rotated_file_is_judged_by_what_is_in_it(content: Content, verdict: Verdict) -> None:
    assert of_content(content) is verdict


@pytest.mark.parametrize(
    ("traced", "ownership"),
    [
        (TracedFacts(0), Ownership.UNKNOWN),  # empty, or the beginning of a line
        (TracedFacts(0, is_followed=True), Ownership.OWN),
        (TracedFacts(500), Ownership.OWN),  # more of it was read than another generation shares
        (TracedFacts(500, shared=500, is_certain=True), Ownership.UNKNOWN),
        (TracedFacts(0, shared=900, is_certain=True), Ownership.UNKNOWN),
        (TracedFacts(0, shared=900, is_certain=True, is_filling=True), Ownership.UNKNOWN),
        (TracedFacts(0, shared=900, is_certain=True, is_followed=True), Ownership.OWN),
        (TracedFacts(0, shared=20), Ownership.OWN),  # one line in common may be chance
        (TracedFacts(0, shared=20, is_filling=True), Ownership.HELD),
        (TracedFacts(0, shared=20, is_filling=True, is_followed=True), Ownership.OWN),
        (TracedFacts(0, is_short=True, is_filling=True, is_followed=True), Ownership.HELD),
        (TracedFacts(0, is_short=True, is_followed=True), Ownership.OWN),
        (TracedFacts(500, is_short=True, is_filling=True, is_followed=True), Ownership.OWN),
    ],
)
def test_a_file_is_read_unless_it_may_hold_what_was_read_already(traced: TracedFacts, ownership: Ownership) -> None:
    assert ownership_of(traced) is ownership
