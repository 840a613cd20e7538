"""Forms of lines other than the bot's own: those that say the same are read, the others are at least named.

Other settings of Python's logging, other loggers and other programs write time, level and message in another order. A form is
read if its dates can be understood in one way only.
"""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from bigdipper_exporter.log.localtime import LocalTime

ADVICE = (
    "Let the bot log in its own format, '%(asctime)s [%(levelname)s] %(message)s' with the times '%Y-%m-%d %H:%M:%S', one line"
    " for each message"
)

_NAMES = {
    "DEBUG": ("DEBUG", "TRACE", "DBG", "DEBG"),
    "INFO": ("INFO", "INFORMATION", "NOTICE", "SUCCESS"),
    "WARNING": ("WARNING", "WARN"),
    "ERROR": ("ERROR", "ERR"),
    "CRITICAL": ("CRITICAL", "FATAL", "CRIT", "ALERT", "EMERGENCY", "EMERG"),
}
LEVELS = {name: level for level, names in _NAMES.items() for name in names}
# By the severity of syslog.
SEVERITIES = ("CRITICAL", "CRITICAL", "CRITICAL", "ERROR", "WARNING", "INFO", "INFO", "DEBUG")

# By the numbers of pino and bunyan, of which Python's are others: there 30 is a warning.
_NUMBERS = {10: "DEBUG", 20: "DEBUG", 30: "INFO", 40: "WARNING", 50: "ERROR", 60: "CRITICAL"}
_NUMBERS_OF_PYTHON = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}

_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9}+)?+(?: ?(?:Z|[+-]\d\d:?\d\d))?+"
_DATE = r"(?:\d{4}-\d\d-\d\d|\d{4}/\d\d/\d\d|\d\d\.\d\d\.\d{4})"
_TIME = rf"(?P<time>{_DATE}[T ]{_CLOCK})"
_NAMES_OF_LEVELS = "|".join(sorted(LEVELS, key=len, reverse=True))
_LEVEL = rf"(?P<level>(?i:{_NAMES_OF_LEVELS})\b)"
_MONTH = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_EPOCH = r"(?P<time>\d{10}(?:\d{3}|\d{6}|\d{9})?(?:\.\d{1,9}+)?)"
_TEXT = r"(?P<text>.*+)"
# A quoted field ends at the first quotation mark that is neither doubled nor escaped; other fields may follow.
_CSV_FIELD = rf'(?:"(?P<doubled>(?:[^"\\]++|""|\\"(?![,;]|$)|\\)*+)"?|{_TEXT})'
_LOGFMT_FIELD = rf'(?:"(?P<escaped>(?:[^"\\]++|\\.)*+)"?|{_TEXT})'
_THREAD = r"\[(?=[^\]\n]{0,80}?[a-z])[^\]\n]{1,80}+\]"
_ANY = r"[^\s|]{1,200}+"

TIME = re.compile(
    r"(?:(\d{4})[-/](\d\d)[-/](\d\d)|(\d\d)\.(\d\d)\.(\d{4}))[T ](\d\d:\d\d:\d\d)(?:[.,]\d{1,12}+)?+ ?(Z|[+-]\d\d:?\d\d)?+",
    re.ASCII,
)
EPOCH = re.compile(r"\d{10,19}(?:\.\d{1,9})?", re.ASCII)

# Fields of a JSON object.
TIMES = ("asctime", "timestamp", "@timestamp", "time", "ts", "datetime", "date", "created")
LEVEL_FIELDS = ("levelname", "level", "severity", "log.level", "loglevel", "lvl", "levelno")
MESSAGES = ("message", "msg", "event", "textPayload", "short_message", "log")


class Line(NamedTuple):
    """What a line of another form says. stamp: `YYYY-MM-DD HH:MM:SS` in the log's zone. form: its name."""

    stamp: str
    level: str
    text: str
    form: str


@dataclass(frozen=True, slots=True)
class Form:
    """How lines of a form look. is_read: whether the pattern names their time, level and message."""

    name: str
    pattern: re.Pattern[str]
    is_read: bool = True


def _form(name: str, pattern: str, is_read: bool = True) -> Form:
    # Digits and letters are those of ASCII: `İ` would match `(?i:I)`, and is no part of a level's name.
    return Form(name, re.compile(pattern, re.ASCII), is_read)


JSON_LOGGER = "JSON objects of a logger"
CARRIED = "JSON objects around whole lines"
FORMS = (
    _form("loguru's default format", rf"{_TIME} ++\| ++{_LEVEL} *+\| *+{_ANY} - {_TEXT}"),
    _form("log4j's or logback's format", rf"{_TIME} ++{_LEVEL} ++{_THREAD} ++{_ANY} ++- {_TEXT}"),
    _form("log4j's or logback's format", rf"{_TIME} ++{_THREAD} ++{_LEVEL} ++{_ANY} ++- {_TEXT}"),
    _form("'%(asctime)s - %(name)s - %(levelname)s - %(message)s'", rf"{_TIME} - {_ANY} - {_LEVEL} - {_TEXT}"),
    _form("'%(asctime)s - %(levelname)s - %(message)s'", rf"{_TIME} - {_LEVEL} - {_TEXT}"),
    _form("another order of the date", rf"{_TIME} ++\[ *+{_LEVEL} *+\] {_TEXT}"),
    _form("tab-separated columns", rf"{_TIME}\t\[?{_LEVEL}\]?\t{_TEXT}"),
    _form("'%(asctime)s %(levelname)s %(message)s'", rf"{_TIME}:? ++{_LEVEL}:? ++{_TEXT}"),
    _form("'[%(levelname)s] %(asctime)s %(message)s'", rf"(?:\[ *+)?{_LEVEL} *+\]?:? ++{_TIME}:? ++{_TEXT}"),
    _form("'[%(asctime)s] [%(levelname)s] %(message)s'", rf"\[{_TIME}\] ?\[? *+{_LEVEL} *+\]?:? ++(?:- )?{_TEXT}"),
    _form("a format with everything in brackets", rf"\[{_TIME}\] ?\[[^\]\n]{{1,80}}+\] ?\[ *+{_LEVEL} *+\]:? ++(?:- )?{_TEXT}"),
    _form("columns between bars", rf"{_TIME} *+\| *+{_LEVEL} *+\| *+{_TEXT}"),
    _form("comma-separated columns", rf'"?{_TIME}"?[,;]"?{_LEVEL}"?[,;]{_CSV_FIELD}'),
    _form(
        "logfmt",
        rf'(?:ts|time|timestamp)="?{_TIME}"? ++(?:level|lvl)={_LEVEL} (?:\w+=[^\s"]{{0,200}}+ )?msg={_LOGFMT_FIELD}',
    ),
    _form("times as seconds or milliseconds since 1970", rf"\[?{_EPOCH}\]?:?[ \t]++\[? *+{_LEVEL} *+\]?:?[ \t]++{_TEXT}"),
    _form(
        "syslog's format (RFC 5424)",
        rf"<(?P<priority>\d{{1,3}})>1 {_TIME}(?: {_ANY}){{4}} (?:-|\[[^\]\n]{{0,200}}+\]) ?\ufeff?{_TEXT}",
    ),
    _form(
        "dates with slashes, which do not say what is the month and what is the day",
        r"\[?\d{1,2}/\d{1,2}/\d{2,4}[ ,T]",
        is_read=False,
    ),
    _form("times with AM and PM", r".{0,40}?\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)? ?[AaPp]\.?[Mm]\b", is_read=False),
    _form("Python's default format, which has no time", r"(?:DEBUG|INFO|WARNING|ERROR|CRITICAL):[\w.]{1,80}:", is_read=False),
    _form("lines without a date", r"\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]? ", is_read=False),
    _form(
        "syslog's short format, which has no year and no level",
        r"(?:<\d{1,3}>)?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ \S+: ",
        is_read=False,
    ),
    _form("glog's format, which has no year", r"[DIWEF]\d{4} \d\d:\d\d:\d\d", is_read=False),
    _form("dates with the name of the month", rf".{{0,12}}?(?:{_MONTH})[ /-]", is_read=False),
    _form("dates without dashes", r"20\d{6}[T ]\d\d", is_read=False),
    _form("times without seconds", r"\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?!:?\d)", is_read=False),
    _form("times with the name of a zone", rf"{_TIME} [A-Z]{{3,4}} ", is_read=False),
    _form("lines without a level", rf"\[?{_TIME}\]?:? ++(?:- )?(?!\[[DIWEC])\S.{{8}}", is_read=False),
    _form("lines without a time", rf"\[?{_LEVEL}\]?:? ++\S", is_read=False),
    _form(
        "JSON objects of several lines (write one object in each line; `journalctl -o json` does)",
        r'\s{1,40}"[\w@. -]{1,80}" ?: ?',
        is_read=False,
    ),
    _form(
        "journald's export format with messages without the bot's header (take `journalctl -o json` instead)",
        r"MESSAGE=|_?_?[A-Z][A-Z_]{1,60}=",
        is_read=False,
    ),
    _form("XML or HTML", r"\s{0,40}<[A-Za-z!?/]", is_read=False),
    _form(JSON_LOGGER, r"\[?\{", is_read=False),
)
# How lines of a form that is read begin, if not with a year; and the first character alone, which takes a tenth of the time.
_BEGINNING = rf"[{{<\"\[]|1\d{{9}}|\d\d\.\d\d\.\d{{4}}|ts=|time|(?i:{_NAMES_OF_LEVELS})\b"
FIRST = re.compile(rb'\n[{<"\[013t%s]' % "".join({name[0] + name[0].lower() for name in LEVELS}).encode())
BEGINNING = re.compile(rf"\n(?:{_BEGINNING})".encode())
# Most lines without the bot's header are tracebacks, which do not begin like this.
READABLE = re.compile(rf"\d{{4}}[-/]|{_BEGINNING}".encode())


def may_begin(text: bytes) -> bool:
    """Whether a line, after its newline, begins like one of a form that is read and does not begin with a year."""
    return FIRST.search(text) is not None and BEGINNING.search(text) is not None


def read(line: bytes, time: LocalTime) -> Line | None:
    """Read a line of another form; None when it has none that can be read."""
    if not READABLE.match(line):
        return None
    try:
        text = line.decode("utf-8", "replace").rstrip("\r")
        if text.startswith("{"):
            found = _object(text.rstrip(", "), time)
        else:
            found = next((one for form in FORMS if form.is_read and (one := _matched(form, text, time))), None)
        # Half a surrogate pair is valid in JSON, but no text.
        return found and found._replace(text=found.text.encode("utf-8", "replace").decode())
    except Exception:  # whatever a line holds, it must not end the exporter at every start
        return None


def _matched(form: Form, line: str, time: LocalTime) -> Line | None:
    match = form.pattern.match(line)
    if match is None:
        return None
    said = match.groupdict()
    level = SEVERITIES[int(said["priority"]) % 8] if "priority" in said else LEVELS[said["level"].upper()]
    return Line(_stamp(said["time"], time), level, _text(said), form.name)


def _text(said: Mapping[str, str | None]) -> str:
    """Return the message without the marks of a quoted field."""
    if (doubled := said.get("doubled")) is not None:
        return doubled.replace('""', '"').replace('\\"', '"')
    if (escaped := said.get("escaped")) is not None:
        with suppress(ValueError):
            return str(json.loads(f'"{escaped}"', strict=False))
        return escaped.replace('\\"', '"')
    return said["text"] or ""


def _object(line: str, time: LocalTime) -> Line | None:
    """Read an object of a JSON logger. Raises ValueError when it is none."""
    if not line.endswith("}"):
        return None
    found = json.loads(line)
    if isinstance(found.get("record"), dict):  # loguru's own
        found = found["record"]
    text, name = _first(found, MESSAGES), _level(found)
    if not isinstance(text, str):
        return None
    if name is None:
        # The message may be a whole line of the bot, around which somebody else has put an object.
        return Line("", "", text, CARRIED) if text[:1].isdigit() else None
    return Line(_stamp(_first(found, TIMES), time), name, text, JSON_LOGGER)


def message_of(line: bytes) -> bytes | None:
    """Return the message of a JSON object, whatever else is in it; None when there is none."""
    with suppress(ValueError, RecursionError, AttributeError):
        if line.startswith(b"{"):
            text = _first(json.loads(line), MESSAGES)
            return text.rstrip("\r\n").encode("utf-8", "replace") if isinstance(text, str) else None
    return None


def _level(found: dict[str, Any]) -> str | None:
    """Return the level of an object of a logger; None when it has none that is known."""
    level = str(_first(found, LEVEL_FIELDS))
    if not (level.isascii() and level.isdecimal()) or len(level) > 2:
        return LEVELS.get(level.upper())
    if (number := int(level)) < len(SEVERITIES):
        return SEVERITIES[number]
    # The loggers that write such numbers call the message `msg`; where Python's are written, it is `message`.
    return (_NUMBERS if "msg" in found and "levelno" not in found else _NUMBERS_OF_PYTHON).get(number)


def _first(found: dict[str, Any], names: Iterable[str]) -> object:
    """Return the first of these fields that there is. loguru's are objects themselves."""
    value = next((found[name] for name in names if name in found), None)
    return value.get("name", value.get("timestamp")) if isinstance(value, dict) else value


def _stamp(value: object, time: LocalTime) -> str:
    """Return a time in the log's zone. Raises ValueError and OverflowError when it is none."""
    text = str(value)
    if EPOCH.fullmatch(text):
        seconds = float(text)
        while seconds >= 1e11:  # milliseconds, microseconds, nanoseconds
            seconds /= 1000
        return f"{datetime.fromtimestamp(time.plausible(seconds), time.zone):%Y-%m-%d %H:%M:%S}"
    match = TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is no time")
    year, month, day = match.group(1, 2, 3) if match[1] else match.group(6, 5, 4)
    stamp = f"{year}-{month}-{day} {match[7]}"
    return time.stamp(stamp + match[8].replace("Z", "+00:00")) if match[8] else stamp


# What files begin with that are no text.
FILES = {
    b"\xfd7zXZ\0": "xz data",
    b"BZh": "bzip2 data",
    b"\x28\xb5\x2f\xfd": "zstd data",
    b"\x04\x22\x4d\x18": "lz4 data",
    b"LZIP": "lzip data",
    b"\x1f\x9d": "data of `compress`",
    b"PK\x03\x04": "a zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"SQLite format 3\0": "a SQLite database",
    b"\x7fELF": "a program",
}
TAR = slice(257, 262)
CARRIAGE_RETURN = re.compile(rb"\r\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")


def file_type(head: bytes) -> str | None:
    """Return the file type, or None for text. head: its first 1024 bytes, or all it has."""
    if head[TAR] == b"ustar":
        return "a tar archive"
    return next((name for magic, name in FILES.items() if head.startswith(magic)), None)


def unreadable_kind(head: bytes) -> str | None:
    """Return what a file holds that cannot be read: no text, or text without newlines; None for a log."""
    is_one_line = b"\n" not in head and len(CARRIAGE_RETURN.findall(head)) > 1
    return "lines that end in a carriage return alone" if is_one_line else file_type(head)


def name_of(lines: Iterable[str]) -> str | None:
    """Return the name of the form that most of these lines have; None when that is none that is known."""
    names = [next((form.name for form in FORMS if form.pattern.match(line)), "") for line in lines]
    name = max(names, key=names.count, default="")
    return name or None


def advice(lines: Iterable[str]) -> str:
    """Say what these lines look like and what to do; empty when they look like nothing that is known."""
    name = name_of(lines)
    return f"these lines look like {name}. {ADVICE}" if name else ""
