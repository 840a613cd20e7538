"""What stands around the bot's lines: each line is read as the bot wrote it, and nothing is malformed."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bigdipper_exporter.log.emoji import DAMAGED
from bigdipper_exporter.log.lines.skips import Skip
from bigdipper_exporter.log.parser import Reader
from bigdipper_exporter.log.records import ParsedChunk
from bigdipper_exporter.log.wording import wording
from tests.forms import docker

SAMPLES = Path(__file__).parent / "samples"
ORDER = "[TRADE] BUY {}: 1.0000 shares @ $100.00 = $100.00 (order 6f1c2a9e-0000-4000-8000-000000000001)"
LINES = [
    "2025-10-17 09:31:05 [INFO] 🌟 Big Dipper v2.16 started in PAPER mode",
    f"2025-10-17 09:31:05 [INFO] {ORDER.format('AMD')}",
    "2025-10-17 09:31:05 [ERROR] ❌ Cycle error: no",
    "Traceback (most recent call last):",
    f"2025-10-17 09:31:05 [INFO] {ORDER.format('MSFT')}",
    "2025-10-17 09:31:05 [INFO] ",
    "👋 Shutting down gracefully...",
]
EXPECTED = ["Start", "Trade", "Error", "Trade", "Stop"]
AT = 1760707865
DOCKER_TIME = "2025-10-17T13:31:05.123456789Z"


def text(prefix: str = "", end: str = "\n") -> str:
    return "".join(prefix + line + end for line in LINES)


def in_docker(end: str = "\n", time: str = DOCKER_TIME, first: str = "") -> str:
    return "".join(docker(first + line + end, time) + "\n" for line in LINES)


def journald(as_bytes: bool = False) -> str:
    messages = ([*line.encode()] if as_bytes else line for line in LINES)
    objects = ({"__CURSOR": "s=1", "MESSAGE": one, "__REALTIME_TIMESTAMP": f"{AT}123456"} for one in messages)
    return "".join(json.dumps(one) + "\n" for one in objects)


def exported(message: Callable[[bytes], bytes]) -> bytes:
    """journald's export format; Traceback and goodbye are messages of their own, as a service prints them."""
    fields = b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=%d123456\n_TRANSPORT=stdout\nPRIORITY=6\n_PID=812\n" % AT
    return b"".join(fields + message(line.encode()) + b"\n_SYSTEMD_UNIT=bot.service\n\n" for line in LINES)


def native(text: str, priority: int = 6, transport: str = "journal") -> str:
    fields = {"__REALTIME_TIMESTAMP": f"{AT}123456", "PRIORITY": str(priority), "_TRANSPORT": transport}
    return json.dumps({"MESSAGE": text, **fields}) + "\n"


def around(carrier: Callable[[str], dict[str, object]]) -> str:
    """Objects that a shipper puts around each line."""
    return "".join(json.dumps(carrier(line)) + "\n" for line in LINES)


WAYS: dict[str, str | bytes] = {
    "without blanks at the end": "".join(line.rstrip() + "\n" for line in LINES),
    "with blanks at the end": text(end=" \t\n"),
    "crlf twice": text(end="\r\r\n"),
    "two byte order marks": "\ufeff\ufeff" + text(),
    "a byte order mark in every line": text("\ufeff"),
    "a title for the terminal": text("\x1b]0;bot\x07"),
    "a link for the terminal": text("\x1b]8;;http://x\x1b\\"),
    "colours of terminfo": text().replace("INFO", "\x1b[38:2::1:2:3mINFO\x1b(B\x1b[m"),
    "a bell": text("\a"),
    "a progress bar": text().replace("2025", "10%|#\r20%|##\r2025"),
    "emoji by number, as on Windows": text(end="\r\n").encode("cp1252", "backslashreplace"),
    "docker with emoji by number": in_docker()
    .encode("ascii", "backslashreplace")
    .replace(b"\\U", b"\\\\U")
    .replace(b"\\u", b"\\\\u"),
    "docker": in_docker(),
    "docker of a terminal": in_docker("\r\n"),
    "docker with an offset": in_docker(time="2025-10-17T09:31:05.123456789-04:00"),
    "docker with a byte order mark": "\ufeff" + in_docker(),
    "docker in utf-16": in_docker().encode("utf-16"),
    "docker with colours": in_docker().replace("[INFO]", "[\\u001b[32mINFO\\u001b[0m]"),
    "journald as json": journald(),
    "journald as json, in bytes": journald(as_bytes=True),
    "journald's export format": exported(lambda line: b"MESSAGE=" + line),
    **{
        f"journald's export format with lengths, {blanks} blanks": exported(
            lambda line, blanks=blanks: b"MESSAGE\n" + struct.pack("<Q", len(line) + blanks) + line + blanks * b" "  # type: ignore[misc]
        )
        for blanks in (0, 10, 185, 230)
    },
    "journald since the start": text("[    5.678901] host python3[812]: "),
    "journald in french": text("févr. 17 09:31:05 host python3[812]: "),
    "kubernetes with an offset": text("2025-10-17T09:31:05.123456789-04:00 stderr F "),
    "rfc 5424 with a byte order mark": text(f"<14>1 {DOCKER_TIME} host bot 812 - - \ufeff"),
    "pm2 with times": text("0|bot  | 2025-10-17T09:31:05: "),
    "names of levels that were given to logging": text().replace("[ERROR]", "[ERR]").replace("[INFO]", "[INFORMATION]"),
    "gelf around whole lines": around(
        lambda line: {"version": "1.1", "short_message": line, "timestamp": AT + 7.5, "level": 6}
    ),
    "google cloud's objects around whole lines": around(
        lambda line: {"severity": "ERROR", "textPayload": line, "timestamp": "2025-10-17T13:32:01Z"}
    ),
    "elastic's objects around whole lines": around(lambda line: {"@timestamp": "2025-10-17T13:32:01Z", "message": line}),
    "heroku": text("2025-10-17T13:31:05.123456+00:00 app[worker.1]: "),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_log_is_read_in_whatever_it_is_carried(way: str) -> None:
    content, chunk = WAYS[way], ParsedChunk()
    data = content if isinstance(content, bytes) else content.encode()
    Reader(ZoneInfo("America/New_York")).read(1, 0, data, chunk)
    assert [type(record.event).__name__ for record in chunk.records] == EXPECTED
    assert [int(record.ts) for record in chunk.records] == [AT] * len(EXPECTED)


def decoded_as(code_page: str) -> Callable[[str], bytes]:
    """UTF-8 that was taken for a code page, and written as UTF-8 again; a byte that it lacks is a control character."""

    def character(byte: int) -> str:
        try:
            return bytes([byte]).decode(code_page)
        except UnicodeDecodeError:
            return chr(byte)

    return lambda log: "".join(map(character, log.encode())).encode()


def octal(log: str) -> bytes:
    return "".join(c if c.isascii() else "".join(f"#{byte:03o}" for byte in c.encode()) for c in log).encode()


# What becomes of emoji where they cannot be written.
WITHOUT_EMOJI: dict[str, Callable[[str], bytes]] = {
    "question marks": lambda log: log.encode("ascii", "replace"),
    "nothing": lambda log: log.encode("ascii", "ignore"),
    "names": lambda log: log.encode("ascii", "namereplace"),
    "numbers of html": lambda log: log.encode("ascii", "xmlcharrefreplace"),
    "halves of pairs": lambda log: json.dumps(log, ensure_ascii=True)[1:-1].replace("\\n", "\n").replace('\\"', '"').encode(),
    "signs of what is no text": lambda log: "".join(c if c.isascii() else "\ufffd" for c in log).encode(),
    "bytes in octal": octal,
    **{f"letters of {code_page}": decoded_as(code_page) for code_page in ("cp1252", "cp437", "cp850", "latin-1", "cp1250")},
    "letters of cp1252 that were lost": lambda log: log.encode().decode("cp1252", "replace").encode(),
    "letters of cp437 in utf-16": lambda log: decoded_as("cp437")(log).decode().encode("utf-16"),
}


@pytest.mark.parametrize("version", ["v2.16", "v2.17", "v2.18"])
@pytest.mark.parametrize("way", WITHOUT_EMOJI)
def test_messages_that_have_lost_their_emoji_are_read(way: str, version: str) -> None:
    log = "".join((SAMPLES / f"big_dipper_{version}.log").read_text(encoding="utf-8").splitlines(keepends=True)[-3000:])
    assert events(WITHOUT_EMOJI[way](log)) == events(log.encode())


def events(data: bytes) -> list[str]:
    chunk = ParsedChunk()
    Reader(ZoneInfo("America/New_York")).read(1, 0, data, chunk)
    return [type(record.event).__name__ for record in chunk.records]


@pytest.mark.parametrize("version", ["v2.16", "v2.17", "v2.18", "design_form"])
def test_the_bots_own_messages_have_lost_nothing(version: str) -> None:
    assert DAMAGED.search((SAMPLES / f"big_dipper_{version}.log").read_bytes()) is None


@pytest.mark.parametrize("field", ["log", "MESSAGE", "message", "short_message", "textPayload"])
def test_a_line_has_the_same_wording_in_any_object(field: str) -> None:
    line = json.dumps({field: LINES[1], "level": 6}, ensure_ascii=False)
    assert wording(line.encode()) == LINES[1].encode()


def test_an_object_around_a_line_of_a_traceback_is_no_message_of_the_bot() -> None:
    lines = [*LINES[2:4], ORDER.format("EVIL"), LINES[4]]
    objects = (json.dumps({"short_message": line, "timestamp": AT, "level": 3}) for line in lines)
    assert events("".join(one + "\n" for one in objects).encode()) == ["Error", "Trade"]


@pytest.mark.parametrize("transport", ["journal", "syslog"])
def test_a_handler_for_journald_leaves_the_header_out(transport: str) -> None:
    texts = [
        (6, LINES[0][27:]),
        (3, f"❌ Cycle error: no\n{LINES[1]}"),
        (6, LINES[4][27:]),
        (6, "\n👋 Shutting down gracefully..."),
    ]
    chunk = ParsedChunk()
    # What a service prints without a header, and what has one, stay as they are.
    data = "".join(native(text, priority, transport) for priority, text in texts)
    data += native(LINES[1][27:], transport="stdout") + native(LINES[1], 3, transport)
    Reader(ZoneInfo("America/New_York")).read(1, 0, data.encode(), chunk)
    assert [type(record.event).__name__ for record in chunk.records] == ["Start", "Error", "Trade", "Stop", "Trade"]
    assert [int(record.ts) for record in chunk.records] == [AT] * 5
    assert chunk.levels == {"INFO": 4, "ERROR": 1}


def test_what_systemd_says_of_the_bot_is_none_of_its_lines() -> None:
    failed = json.dumps(
        {
            "MESSAGE": "bot.service: Failed with result 'exit-code'.",
            "__REALTIME_TIMESTAMP": f"{AT}123456",
            "PRIORITY": "4",
            "_TRANSPORT": "journal",
            "_PID": "1",
        }
    )
    unknown = native(LINES[4][27:]).replace('"PRIORITY": "6"', '"PRIORITY": ""')
    chunk = ParsedChunk()
    Reader(ZoneInfo("America/New_York")).read(1, 0, f"{failed}\n{unknown}".encode(), chunk)
    assert [type(record.event).__name__ for record in chunk.records] == ["Trade"]
    assert chunk.levels == {"INFO": 1}


def test_a_month_in_another_language_changes() -> None:
    reader, chunk = Reader(ZoneInfo("America/New_York")), ParsedChunk()
    for month in ("févr. 28", "mars 1", "août 12"):
        reader.read(1, 0, text(f"{month} 09:31:05 host bot[812]: ").encode(), chunk)
    assert [type(record.event).__name__ for record in chunk.records] == EXPECTED * 3


@pytest.mark.parametrize("message", ["null", "[300]", '["x"]', "{}", '"x", "__REALTIME_TIMESTAMP": "soon"'])
def test_a_damaged_object_of_journald_is_malformed(message: str) -> None:
    chunk = ParsedChunk()
    line = f'{{"__REALTIME_TIMESTAMP": "1", "MESSAGE": {message}}}\n'
    Reader(ZoneInfo("America/New_York")).read(1, 0, line.encode(), chunk)
    assert [type(record.event).__name__ for record in chunk.records] == ["Malformed"]


def test_numbers_of_characters_inside_an_error_stay_as_they_are() -> None:
    chunk = ParsedChunk()
    line = '2025-10-17 09:31:05 [ERROR] ❌ Failed to place order for AMD: {"message": "caf\\u00e9 \\u274c"}\n'
    Reader(ZoneInfo("America/New_York")).read(1, 0, line.encode(), chunk)
    (record,) = chunk.records
    assert isinstance(record.event, Skip)
    assert record.event.detail.endswith('"caf\\u00e9 \\u274c"}')
