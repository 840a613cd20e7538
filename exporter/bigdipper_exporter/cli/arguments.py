"""Kinds of arguments. Each function takes the text of one and returns its value; ArgumentTypeError says what is allowed."""

import argparse
import re
from datetime import date, datetime, timedelta

from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.config.kinds import duration


def past_date(text: str) -> date:
    """A date of the past, New York."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; allowed: YYYY-MM-DD (New York)") from None
    if not day.year >= 2000 or day > datetime.now(NEW_YORK).date():
        raise argparse.ArgumentTypeError(f"{text} is not a date of the past; allowed: from 2000-01-01 to today (New York)")
    return day


def midnight(text: str, days: int = 0) -> float:
    """Midnight in New York that begins a date, or the one `days` later: not every day has 24 hours."""
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
        return datetime.combine(day, datetime.min.time(), NEW_YORK).timestamp()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; allowed: YYYY-MM-DD (New York)") from None


def retention(text: str) -> float:
    """Seconds of a retention as Prometheus writes it."""
    kind = duration("1d", "20y")
    try:
        return kind.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}; allowed: {kind.allowed}, as 400d") from None


def label(text: str) -> tuple[str, str]:
    """Name and value of a label of Prometheus."""
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[a-zA-Z_]\w*", name) or not re.fullmatch(r'[^"\\\n]+', value):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value
