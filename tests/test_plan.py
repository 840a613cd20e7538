"""What the tailer decides, case by case and without a file: facts in, the name of an action out."""

import errno

import pytest

from bigdipper_exporter.log.plan import (
    GRACE,
    LATE_BYTES,
    LATE_SECONDS,
    MAX_DRAINING,
    WINDOW_SECONDS,
    Copy,
    Cut,
    Drained,
    Known,
    Name,
    OfCut,
    OfKnown,
    OfLost,
    OfName,
    OfPortion,
    Ownership,
    Phase,
    Portion,
    Traced,
    is_delayed,
    of_cut,
    of_known,
    of_lost,
    of_name,
    of_portion,
    of_traced,
    surplus,
    was_complete,
)
from bigdipper_exporter.log.verdict import MAX_OPEN, TIME_SLACK, Content, Rotated, Verdict, of_content, of_rotated

FOLLOWING, DRAINING, COMPLETE = Phase.FOLLOWING, Phase.DRAINING, Phase.COMPLETE


@pytest.mark.parametrize(
    ("name", "action"),
    [
        (Name(holder=FOLLOWING), OfName.KEEP),
        (Name(holder=FOLLOWING, is_changed=True), OfName.SEARCH),
        (Name(holder=FOLLOWING, is_waiting=True), OfName.SEARCH),
        (Name(holder=DRAINING), OfName.TAKE_BACK),
        (Name(holder=COMPLETE, is_changed=True), OfName.TAKE_BACK),
        (Name(), OfName.TAKE_UP),
        (Name(is_changed=True, is_waiting=True), OfName.TAKE_UP),
        (Name(errno.ENOENT), OfName.RELEASE),
        (Name(errno.EACCES), OfName.WAIT),
        (Name(errno.EIO), OfName.WAIT),
        (Name(errno.EINVAL), OfName.WAIT),
    ],
)
def test_the_file_with_the_logs_name_is_followed(name: Name, action: OfName) -> None:
    assert of_name(name) is action


@pytest.mark.parametrize(
    ("known", "action"),
    [
        (Known("log"), OfKnown.CONTINUE),
        (Known("log", is_same_file=True), OfKnown.CONTINUE),
        (Known("log", is_taken=True), OfKnown.LOSE),
        (Known("log", is_taken=True, is_consumed=False), OfKnown.END),
        (Known("log", is_taken=True, is_elsewhere=True), OfKnown.WAIT),
        (Known("beside"), OfKnown.DRAIN),
        (Known("beside", is_log=False), OfKnown.DRAIN),
        (Known("beside", is_elsewhere=True), OfKnown.DRAIN),
        (Known(None), OfKnown.LOSE),
        (Known(None, is_same_file=True), OfKnown.LOSE_CUT),
        (Known(None, is_consumed=False), OfKnown.END),
        (Known(None, is_elsewhere=True), OfKnown.WAIT),
        (Known(None, is_log=False), OfKnown.WAIT),
        (Known(None, is_log=False, is_consumed=False), OfKnown.WAIT),
    ],
)
def test_after_a_start_each_generation_goes_on_in_its_file(known: Known, action: OfKnown) -> None:
    assert of_known(known) is action


@pytest.mark.parametrize(
    ("phase", "is_linked", "action"),
    [
        (FOLLOWING, True, OfCut.RESTART),
        (FOLLOWING, False, OfCut.RESTART),
        (DRAINING, True, OfCut.DROP),
        (DRAINING, False, OfCut.RESTART),
        (COMPLETE, True, OfCut.DROP),
        (COMPLETE, False, OfCut.RESTART),
    ],
)
def test_a_file_that_was_cut_is_read_again_if_nobody_else_finds_it(phase: Phase, is_linked: bool, action: OfCut) -> None:
    assert of_cut(Cut(phase, is_linked, 0, 100, 100, 0.0)) is action


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
    assert was_complete(Cut(FOLLOWING, True, size, offset, settled, since)) is complete


@pytest.mark.parametrize(
    ("copy", "age", "is_complete", "action"),
    [
        (Copy.FOUND, 0.0, False, OfLost.RESUME),
        (Copy.FOUND, 99.0, True, OfLost.RESUME),
        (Copy.HELD, 0.0, False, OfLost.HAND_OVER),
        (Copy.WAITING, 99.0, False, OfLost.EXAMINE),
        (Copy.CONTINUED, 0.0, False, OfLost.END),
        (Copy.UNSETTLED, GRACE, True, OfLost.WAIT),
        (Copy.UNSETTLED, GRACE + 0.1, False, OfLost.END_WITH_GAP),
        (Copy.UNSETTLED, GRACE + 0.1, True, OfLost.END_WITH_GAP),  # there is a file, and it may hold more
        (Copy.MISSING, 0.0, False, OfLost.END_WITH_GAP),
        (Copy.MISSING, 0.0, True, OfLost.END),
    ],
)
def test_a_lost_generation_is_read_from_its_copy_or_is_a_gap(copy: Copy, age: float, is_complete: bool, action: OfLost) -> None:
    assert of_lost(copy, age, is_complete) is action


@pytest.mark.parametrize(
    ("portion", "action"),
    [
        (Portion(FOLLOWING, True), OfPortion.SETTLE),
        (Portion(DRAINING, True), OfPortion.SETTLE),
        (Portion(COMPLETE, True), OfPortion.END),
        (Portion(FOLLOWING, True, is_full=True), OfPortion.MORE),
        (Portion(COMPLETE, True, is_full=True), OfPortion.MORE),
        (Portion(FOLLOWING, False), OfPortion.SEARCH),
        (Portion(COMPLETE, False, is_full=True), OfPortion.SEARCH),
        (Portion(DRAINING, None), OfPortion.TRY_AGAIN),
        (Portion(DRAINING, None, GRACE), OfPortion.TRY_AGAIN),
        (Portion(DRAINING, None, GRACE + 0.1), OfPortion.LOSE),
        (Portion(COMPLETE, None, GRACE + 0.1), OfPortion.LOSE),
        (Portion(FOLLOWING, None, 10 * GRACE), OfPortion.TRY_AGAIN),  # the log is never given up
    ],
)
def test_what_was_read_counts_if_the_file_still_holds_what_was_read_before(portion: Portion, action: OfPortion) -> None:
    assert of_portion(portion) is action


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
        (Traced(0), Ownership.UNKNOWN),  # empty, or the beginning of a line
        (Traced(0, is_followed=True), Ownership.OWN),
        (Traced(500), Ownership.OWN),  # more of it was read than another generation shares
        (Traced(500, shared=500, is_certain=True), Ownership.UNKNOWN),
        (Traced(0, shared=900, is_certain=True), Ownership.UNKNOWN),
        (Traced(0, shared=900, is_certain=True, is_filling=True), Ownership.UNKNOWN),
        (Traced(0, shared=900, is_certain=True, is_followed=True), Ownership.OWN),
        (Traced(0, shared=20), Ownership.OWN),  # one line in common may be chance
        (Traced(0, shared=20, is_filling=True), Ownership.HELD),
        (Traced(0, shared=20, is_filling=True, is_followed=True), Ownership.OWN),
        (Traced(0, is_short=True, is_filling=True, is_followed=True), Ownership.HELD),
        (Traced(0, is_short=True, is_followed=True), Ownership.OWN),
        (Traced(500, is_short=True, is_filling=True, is_followed=True), Ownership.OWN),
    ],
)
def test_a_file_is_read_unless_it_may_hold_what_was_read_already(traced: Traced, ownership: Ownership) -> None:
    assert of_traced(traced) is ownership
