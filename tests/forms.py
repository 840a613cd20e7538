"""A short log in every form that is read besides the bot's own."""

import json
import logging
from collections.abc import Callable

TRADE = "[TRADE] BUY {}: 1.0000 shares @ $100.00 = $100.00 (order 6f1c2a9e-0000-4000-8000-{:012})"
MESSAGES = [
    ("INFO", "🌟 Big Dipper v2.16 started in PAPER mode"),
    ("INFO", TRADE.format("AMD", 1)),
    ("ERROR", '❌ Cycle error: "no"'),
    ("INFO", TRADE.format("MSFT", 2)),
    ("INFO", "Cycle #2 - 09:32:05"),
]
PINO = {"INFO": 30, "ERROR": 50}
SYSLOG = {"INFO": 6, "ERROR": 3}
FIRST = 1760707865  # 09:31:05 in New York
Write = Callable[[int, str, str], str]  # the second, the level and the message


def log_of(write: Write) -> bytes:
    return "".join(write(5 + number, level, text) + "\n" for number, (level, text) in enumerate(MESSAGES)).encode()


def at(second: int) -> str:
    return f"2025-10-17 09:31:{second:02}"


def utc(second: int) -> str:
    return f"2025-10-17T13:31:{second:02}.123456Z"


def plain(second: int, level: str, text: str) -> str:
    return f"{at(second)} [{level}] {text}"


def docker(text: str, time: str, stream: str = "stderr") -> str:
    """An object of Docker's json-file driver, without its newline. time: as Docker writes it; text: with its line end."""
    return json.dumps({"log": text, "stream": stream, "time": time}, ensure_ascii=False)


READ: dict[str, Write] = {
    "python-json-logger": lambda s, level, text: json.dumps({"asctime": at(s) + ",123", "levelname": level, "message": text}),
    "structlog": lambda s, level, text: json.dumps({"event": text, "level": level.lower(), "timestamp": utc(s)}),
    "json, seconds": lambda s, level, text: json.dumps({"ts": FIRST - 5 + s + 0.25, "level": level, "msg": text}),
    "json, milliseconds": lambda s, level, text: json.dumps({"time": (FIRST - 5 + s) * 1000, "level": level, "msg": text}),
    "pino": lambda s, level, text: json.dumps(
        {"level": PINO[level], "time": (FIRST - 5 + s) * 1000, "pid": 812, "hostname": "host", "msg": text}
    ),
    "bunyan": lambda s, level, text: json.dumps(
        {"name": "bot", "hostname": "host", "pid": 812, "level": PINO[level], "msg": text, "time": utc(s), "v": 0}
    ),
    "python's numbers": lambda s, level, text: json.dumps(
        {"levelno": getattr(logging, level), "created": FIRST - 5 + s + 0.5, "message": text}
    ),
    "gelf": lambda s, level, text: json.dumps(
        {"version": "1.1", "short_message": text, "timestamp": FIRST - 5 + s, "level": SYSLOG[level]}
    ),
    "json around whole lines": lambda s, level, text: json.dumps({"date": 1.5, "log": plain(s, level, text)}),
    "loguru, serialized": lambda s, level, text: json.dumps(
        {
            "text": "x",
            "record": {"level": {"name": level}, "message": text, "time": {"repr": at(s), "timestamp": FIRST - 5 + s}},
        }
    ),
    "objects in docker's": lambda s, level, text: docker(
        json.dumps({"message": text, "level": level, "time": utc(s)}) + "\n", utc(s)
    ),
    "objects behind compose's prefix": lambda s, level, text: (
        "bot-1  | " + json.dumps({"message": text, "level": level, "time": utc(s)})
    ),
    "loguru": lambda s, level, text: f"{at(s)}.123 | {level:<8} | __main__:main:51 - {text}",
    "seconds": lambda s, level, text: f"{FIRST - 5 + s} [{level}] {text}",
    "milliseconds": lambda s, level, text: f"{FIRST - 5 + s}123 [{level}] {text}",
    "seconds in brackets": lambda s, level, text: f"[{FIRST - 5 + s}.123] {level}: {text}",
    "dots": lambda s, level, text: f"17.10.2025 09:31:{s:02} [{level}] {text}",
    "slashes": lambda s, level, text: f"2025/10/17 09:31:{s:02} [{level}] {text}",
    "log4j": lambda s, level, text: f"{at(s)},123 {level:<5} [main] BigDipper - {text}",
    "logback": lambda s, level, text: f"{at(s)}.123 [main] {level:<5} c.b.Dipper - {text}",
    "dashes": lambda s, level, text: f"{at(s)},123 - root - {level} - {text}",
    "no brackets": lambda s, level, text: f"{at(s)} {level} {text}",
    "level first": lambda s, level, text: f"[{level}] {at(s)} {text}",
    "time in brackets": lambda s, level, text: f"[{at(s)}] [{level}] {text}",
    "time in brackets, and a colon": lambda s, level, text: f"[{at(s)}] {level}: {text}",
    "all in brackets": lambda s, level, text: f"[{at(s)},123][root][{level}] - {text}",
    "bars": lambda s, level, text: f"{at(s)} | {level} | {text}",
    "rfc 5424": lambda s, level, text: f"<14>1 {utc(s)} host bot 812 - - {text}",
    "logfmt": lambda s, level, text: f"ts={utc(s)} level={level.lower()} msg={json.dumps(text, ensure_ascii=False)}",
    "logfmt with fields behind it": lambda s, level, text: (
        f'time={utc(s)} level={level.lower()} msg={json.dumps(text)} logger="the bot" thread=""'
    ),
    "csv": lambda s, level, text: '{},{},"{}"'.format(at(s), level, text.replace('"', '""')),
    "csv in quotes": lambda s, level, text: '"{}","{}","{}"'.format(at(s), level, text.replace('"', '""')),
    "csv with columns behind it": lambda s, level, text: '"{}","{}","{}","bot","a ""thread"" of it",""'.format(
        at(s), level, text.replace('"', '""')
    ),
    "csv with escapes": lambda s, level, text: '{};{};"{}";"bot"'.format(at(s), level, text.replace('"', '\\"')),
    "tabs": lambda s, level, text: f"{at(s)}\t{level}\t{text}",
}
