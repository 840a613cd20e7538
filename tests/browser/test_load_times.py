"""The seconds that a page took, by the times that Playwright gives of its requests; needs no browser."""

import math

from playwright.sync_api import ResourceTiming

from tests.browser.boards import Load, times
from tests.browser.chromium import seconds_between

NOON = 1_790_000_000_000.0  # milliseconds since 1970


def timing(start: float, end: float) -> ResourceTiming:
    """Times of a request that began `start` and was answered `end` milliseconds later; the rest is not looked at."""
    return ResourceTiming(
        startTime=start,
        domainLookupStart=-1,
        domainLookupEnd=-1,
        connectStart=-1,
        secureConnectionStart=-1,
        connectEnd=-1,
        requestStart=-1,
        responseStart=-1,
        responseEnd=end,
    )


def test_from_the_first_request_to_the_last_answer() -> None:
    document, query, slow = timing(NOON, 30), timing(NOON + 400, 200), timing(NOON + 300, 900)
    assert seconds_between([document, query, slow], [query, slow]) == 1.2


def test_a_request_whose_time_is_not_known_counts_for_nothing() -> None:
    document, query = timing(NOON, 30), timing(NOON + 400, 200)
    for unknown in (timing(0, -1), timing(-1, -1)):
        assert seconds_between([unknown, document, query], [unknown, query]) == 0.6


def test_without_an_answer_the_time_is_unknown() -> None:
    assert math.isnan(seconds_between([timing(NOON, 30), timing(0, -1)], []))
    assert math.isnan(seconds_between([timing(NOON, 30), timing(0, -1)], [timing(0, -1)]))
    assert math.isnan(seconds_between([], []))


def test_the_line_of_a_board_has_the_median_of_its_warm_loads() -> None:
    warm = [Load(9, 14, seconds) for seconds in (1.4, 3.0, 1.5, 1.3, 1.45)]
    line = "risk: 9 requests, 14 queries, warm 1.45 s to the last answer (1.30 to 3.00), cold 2.50 s"
    assert times("risk", Load(9, 14, 2.5), warm) == line
