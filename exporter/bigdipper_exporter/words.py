"""Times, money and percentages as text: the one way in which pages and commands write them."""

import re
import time
from datetime import datetime

from bigdipper_exporter.calendar import NEW_YORK


def ago(ts: float | None) -> str:
    """How long ago `ts` (unix seconds) was, in words."""
    if ts is None:
        return "never"
    seconds = max(0, int(time.time() - ts))
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            return f"{count(seconds // size, name)} ago"
    return "just now"


def duration(seconds: float) -> str:
    """Return a length of time in words: "45 s", "12 min", "3 h 5 min", "2 days 4 h"."""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if days:
        return f"{count(days, 'day')} {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"


def clock(ts: float) -> str:
    """The time of day in New York, where the trading day is: "10:31"."""
    return datetime.fromtimestamp(ts, NEW_YORK).strftime("%H:%M")


def dollars(usd: float | None, cents: bool = True) -> str:
    """Write an amount as brokers do: "$1,234.50", "-$12.00"; a dash if it is unknown. Without `cents`, in whole dollars."""
    if usd is None:
        return "–"
    digits = 2 if cents else 0
    return f"{'-' if round(usd, digits) < 0 else ''}${abs(usd):,.{digits}f}"


def signed(usd: float | None) -> str:
    """Write a profit or loss: "+$12.00", "-$12.00", "$0.00"."""
    return ("+" if usd is not None and round(usd, 2) > 0 else "") + dollars(usd)


def percent(ratio: float | None, plus: bool = True, digits: int = 1) -> str:
    """Write a ratio in percent: "+1.2%", "-3.4%", "0.0%"; without the plus sign if `plus` is false."""
    if ratio is None:
        return "–"
    rounded = round(ratio, digits + 2)
    return f"{'-' if rounded < 0 else '+' if plus and rounded > 0 else ''}{abs(ratio):.{digits}%}"


def number(quantity: float | None) -> str:
    """A number of shares, without zeros that say nothing."""
    return "–" if quantity is None else f"{quantity:,.6f}".rstrip("0").rstrip(".")


# An order's state, as the broker names it, in words; boards add a sign and a colour. partly_filled: of an order that ended.
ORDER_STATES = {
    "filled": "filled",
    "partially_filled": "partly filled",
    "partly_filled": "partly filled",
    "canceled": "cancelled",
    "expired": "expired",
    "replaced": "replaced",
    "rejected": "rejected",
    "new": "open",
    "accepted": "open",
    "pending_new": "open",
    "unknown": "not known",
}


def order_state(status: str) -> str:
    """Return an order's state in words; a rare one stays as the broker names it."""
    return ORDER_STATES.get(status, status.replace("_", " "))


# How an alert's figures are shortened, as alertmanager/templates/message.tmpl does it for messages. Decimals are cut and not
# rounded, as elsewhere: a template can only replace text, and page and message must name the same figure.
_FIGURES = (
    (r"\$[-+](0(?:\.0+)?)(?![0-9.])", r"$\1"),
    (r"\$([-+])", r"\1$"),
    (r"\$([0-9]{1,3})([0-9]{3})([0-9]{3})\b", r"$\1,\2,\3"),
    (r"\$([0-9]{1,3})([0-9]{3})\b", r"$\1,\2"),
    (r"([0-9]\.[0-9])[0-9]+%", r"\1%"),
    (r"([0-9]d [0-9]+h) [0-9]+m [0-9]+s\b", r"\1"),
    (r"([0-9]h [0-9]+m) [0-9]+s\b", r"\1"),
    (r"([0-9]m) [0-9]+s\b", r"\1"),
)


def short_figures(text: str) -> str:
    """Write the figures of an alert as people do: "$-34830.5 for 3h 4m 5s" becomes "-$34,830.5 for 3h 4m"."""
    for pattern, replacement in _FIGURES:
        text = re.sub(pattern, replacement, text)
    return text


def count(how_many: int, what: str) -> str:
    """A number and a noun: "1 line", "3 lines"."""
    return f"{how_many:,} {what}{'' if how_many == 1 else 's'}"
