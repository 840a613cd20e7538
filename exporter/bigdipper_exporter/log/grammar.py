"""The grammar of the bot's log: the rules of every subject, in the order in which they are tried.

Order matters only among patterns that match the same line.
"""

from bigdipper_exporter.log.lines import account, brake, cycles, errors, lifecycle, orders, skips
from bigdipper_exporter.log.rule import Event, Rule, Tag, kind_of

# Skips first: at DEBUG they are nine lines in ten.
SUBJECTS = (skips, orders, account, cycles, brake, errors, lifecycle)
RULES: tuple[Rule, ...] = tuple(rule for subject in SUBJECTS for rule in subject.RULES)
TAGS: tuple[Tag, ...] = tuple(tag for subject in SUBJECTS for tag in subject.TAGS)
EVENT_KINDS: dict[type[Event], str] = {rule.event: kind_of(rule.event) for rule in RULES}
