"""The header of the bot's lines in all its variants, and the signs by which its messages are told from other text."""

import re

from bigdipper_exporter.log.compile import LEVELS
from bigdipper_exporter.log.forms import LEVELS as NAMES

_LEVEL = "|".join(LEVELS).encode()
# Other names of levels, which `logging.addLevelName` may have given them.
LEVEL_OF = {name.encode(): level.encode() for name, level in NAMES.items()}
_NAME = "|".join(sorted(NAMES, key=len, reverse=True)).encode()

# The bot's own header, and its variants under other settings of Python's logging.
EXACT = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[(?:%s)\]" % _LEVEL)
HEADER = re.compile(rb"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,]\d{1,9}+)?+ ?(Z|[+-]\d\d:?\d\d)?+ ++\[ *+(%s) *+\]" % _NAME)
BEGUN = re.compile(rb"20\d\d-\d|\d.{0,39}? \[(?:%s)\] " % _LEVEL)
# Supervisord's own lines, where it writes into the same file.
SUPERVISORD = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?:BLAT|TRAC|DEBG|INFO|WARN|ERRO|CRIT) (?!.{0,80}\[)")
STAMP = 19  # `YYYY-MM-DD HH:MM:SS`
# A header of which the end was cut off, or a line that the bot draws, which has lost its newline.
CUT_HEADER = re.compile(
    rb"={4,}+|\d{1,4}|\d{4}-[\d-]{0,5}|(?:\d{4}-\d\d-\d\d[T ][\d:]{0,8}(?:[.,]\d{0,9})?)?(?: ?\[[A-Z]{0,8}\]? ?| )?"
)
# Text that only the bot's lines contain, with or without a header.
OURS = re.compile(rb"\[(?:TRADE|ACCOUNT|OPPORTUNITY|SKIP|BRAKE)\] |Cycle #\d")
# The messages of errors quote other texts, which may hold whole lines; those of the bot's own words do not.
QUOTING = re.compile("❌|[Ee]rror|ERROR|FAILED|CRITICAL".encode())
# What may stand between a text and a line that it quotes.
SEPARATORS = b" \t'\"`([{"
PREFIX_LIMIT = 160
