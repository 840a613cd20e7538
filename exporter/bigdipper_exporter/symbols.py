"""What a symbol looks like in the bot's log, in its config.py and in files of the owner."""

import re

# Stocks (BRK.B), pairs (BTC/USD) and test symbols (ZVZZT-A); options have longer names, at the broker only.
SYMBOL = r"[A-Z0-9./-]{1,15}"
# So many have a label value of their own.
MAX_SYMBOLS = 200
_SYMBOL = re.compile(SYMBOL)
# As the bot prints them, at most three: the text needs no change.
_PERCENT = r"[-+](?:0|[1-9]\d{0,8})\.\d%"
PLAIN_MOVERS = re.compile(rf"({SYMBOL}) {_PERCENT}(?:, ({SYMBOL}) {_PERCENT})?(?:, ({SYMBOL}) {_PERCENT})?")
_MOVER = re.compile(rf"({SYMBOL}) ([-+]\d{{1,9}}(?:\.\d{{1,9}})?)%")


def is_symbol(text: str) -> bool:
    """Return whether the whole text is a symbol."""
    return _SYMBOL.fullmatch(text) is not None


def movers(text: str) -> list[tuple[str, float]]:
    """Return (symbol, percent) of each `NVDA +4.5%` in a list of winners or losers."""
    return [(symbol, float(percent)) for symbol, percent in _MOVER.findall(text)]
