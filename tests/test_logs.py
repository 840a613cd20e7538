"""The exporter's own log: one line per message, no secrets, no floods."""

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest

from bigdipper_exporter import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What the log writes; logging is as it was before afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("bigdipper_exporter")
    before = list(root.handlers), root.level, ours.level
    yield io.StringIO()
    logging.captureWarnings(False)
    root.handlers[:], root.level, ours.level = before
    logs._secrets.clear()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_logfmt_lines_have_time_level_component_message_and_fields(stream: io.StringIO) -> None:
    logs.setup("info", "logfmt", stream)
    logs.get("web").warning("port taken", address="127.0.0.1:1", tries=3, ok=False, why="", cause='a "b"\nc')
    line = stream.getvalue()
    assert re.fullmatch(
        r'ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=warn component=web msg="port taken" '
        r'address=127\.0\.0\.1:1 tries=3 ok=false why="" cause="a \\"b\\"\\nc"\n',
        line,
    )


def test_json_lines_can_be_parsed_whatever_they_hold(stream: io.StringIO) -> None:
    logs.setup("info", "json", stream)
    logs.get("log").info("💰 \ud800 \x1b[31m", ratio=float("nan"), count=2, nothing=None)
    record = json.loads(stream.getvalue())
    assert (record["level"], record["component"], record["count"], record["nothing"]) == ("info", "log", 2, None)
    assert record["ratio"] == "nan"


def test_signs_that_a_terminal_would_obey_are_escaped(stream: io.StringIO) -> None:
    logs.setup("info", "logfmt", stream)
    logs.get("log").info("\x1b[2J", path="a\u2028b\x9b")
    assert stream.getvalue().rstrip("\n").isascii()
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(("level", "said"), [("debug", 4), ("info", 3), ("warn", 2), ("error", 1)])
def test_only_messages_of_the_level_and_above_are_said(level: str, said: int, stream: io.StringIO) -> None:
    logs.setup(level, "logfmt", stream)
    log = logs.get("x")
    for say in (log.debug, log.info, log.warning, log.error):
        say("m")
    assert len(stream.getvalue().splitlines()) == said


def test_libraries_are_heard_from_warnings_on_even_at_debug(stream: io.StringIO) -> None:
    logs.setup("debug", "logfmt", stream)
    logging.getLogger("urllib3").debug("GET /v2/account")
    logging.getLogger("urllib3").warning("retrying")
    assert "level=warn component=urllib3 msg=retrying" in stream.getvalue()
    assert "GET" not in stream.getvalue()


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_secrets_show_nowhere_in_a_line(form: str, stream: io.StringIO) -> None:
    logs.setup("debug", form, stream)
    logs.hide('hun"ter2', None, "", 'hun"ter2-longer')
    try:
        raise ValueError('key hun"ter2-longer refused')
    except ValueError as error:
        logs.get("alpaca").error("with %s", 'hun"ter2', header='Bearer hun"ter2', exc_info=error)
    logging.getLogger("library").warning('hun"ter2')
    assert "ter2" not in stream.getvalue()
    assert "longer" not in stream.getvalue()
    assert stream.getvalue().count(logs.MASK) >= 5


def test_an_error_with_its_traceback_is_still_one_line(stream: io.StringIO) -> None:
    logs.setup("info", "logfmt", stream)
    try:
        raise OSError("disk\nfull")
    except OSError as error:
        logs.get("archive").error("cannot write", exc_info=error)
    assert len(stream.getvalue().splitlines()) == 1
    assert 'error="OSError: disk\\nfull"' in stream.getvalue()


class TestThrottle:
    def test_says_at_once_then_once_a_minute_with_what_was_left_out(self, stream: io.StringIO) -> None:
        logs.setup("info", "json", stream)
        clock = Clock()
        throttle = logs.Throttle(logs.get("log"), clock=clock)
        for second in range(121):
            clock.now = 1000.0 + second
            throttle.problem("missing", "waiting for the log", path="x.log")
        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        assert [(line["msg"], line.get("seconds"), line.get("times")) for line in lines] == [
            ("waiting for the log", None, None),
            ("still waiting for the log", 60, 60),
            ("still waiting for the log", 120, 60),
        ]
        assert all(line["path"] == "x.log" for line in lines)

    def test_says_once_that_it_is_over_and_starts_again(self, stream: io.StringIO) -> None:
        logs.setup("info", "logfmt", stream)
        throttle = logs.Throttle(logs.get("log"), clock=Clock())
        assert not throttle.solved("missing", "the log is there")
        assert throttle.problem("missing", "waiting")
        assert throttle.solved("missing", "the log is there")
        assert not throttle.solved("missing", "the log is there")
        assert throttle.problem("missing", "waiting")

    def test_keeps_problems_apart_and_their_number_bounded(self, stream: io.StringIO) -> None:
        logs.setup("info", "logfmt", stream)
        throttle = logs.Throttle(logs.get("log"), clock=Clock())
        assert all(throttle.problem(number, "failing") for number in range(10_000))
        assert not throttle.problem(9_999, "failing")
        assert len(throttle._told) <= 256
