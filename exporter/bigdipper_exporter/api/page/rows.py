"""The table of settings: each with its value, what it means and may be, and whether the running bot has read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bigdipper_exporter import calendar
from bigdipper_exporter.api.page import html
from bigdipper_exporter.archive.queries.settings import SettingNow
from bigdipper_exporter.botconfig import rules
from bigdipper_exporter.botconfig.edit import why_not
from bigdipper_exporter.botconfig.effect import COMMANDS, COOLDOWNS
from bigdipper_exporter.botconfig.tree import Parsed, parsed

DEFAULT_COUNTS = "as DEFAULT"


@dataclass(frozen=True, slots=True)
class Known:
    """What the archive says about the settings. pending: those not in effect, None where that is not known.

    started: the bot's last start, unix seconds. settings: the newest row of each by name.
    """

    pending: tuple[str, ...] | None
    started: float | None
    settings: Mapping[str, SettingNow]


def rows(data: bytes, known: Known) -> list[html.Row]:
    """Return every setting of the file; thresholds one by one, those that only DEFAULT gives included.

    Raises EditError where the file is not Python.
    """
    file = parsed(data)
    watched = file.values.get("SYMBOLS")
    found = []
    for name, value in file.values.items():
        if not isinstance(value.value, dict):
            found.append(_row(file, name, "?" if value.problem is not None else rules.shown(name, value.value), known))
            continue
        parts = {f"{name}.{key}": rules.shown(name, part) for key, part in value.value.items()}
        if name == rules.THRESHOLDS and watched is not None and isinstance(watched.value, list):
            parts |= {own: DEFAULT_COUNTS for symbol in watched.value if (own := f"{name}.{symbol}") not in parts}
        found += [_row(file, full, text, known) for full, text in parts.items()]
    return found


def _row(file: Parsed, name: str, value: str, known: Known) -> html.Row:
    setting, _, part = name.partition(".")
    rule, reason = rules.RULES.get(setting), why_not(file, name)
    return html.Row(
        name,
        value,
        rule.meaning if rule and part in ("", rules.DEFAULT) else "",
        rules.default(name) if rule else "",
        rules.allowed(name) if rule else "",
        rule.note if rule else "",
        reason and reason.partition(": ")[2],
        None if known.pending is None else name in known.pending,
        _changed(known.settings.get(name)),
    )


def _changed(setting: SettingNow | None) -> str:
    """When and from what a setting was changed last; empty where it never was."""
    if setting is None or setting.previous is None:
        return ""
    at = datetime.fromtimestamp(setting.since, calendar.NEW_YORK)
    by = f" by {setting.author}" if setting.author else ""
    return f"{setting.previous} until {at:%Y-%m-%d %H:%M} New York{by}"


def label(name: str) -> str:
    """Label of the field of a new value."""
    released = rules.default(name)
    return f"Allowed: {rules.allowed(name)}" + (f". Default: {released}" if released else "")


def state(known: Known) -> list[str]:
    """Whether the bot runs with the file as it is, and how to make it so."""
    if known.pending is None:
        return [html.paragraph("Whether the bot runs with these settings is not known.", "note")]
    if not known.pending and known.started is not None:
        at = datetime.fromtimestamp(known.started, calendar.NEW_YORK)
        return [html.paragraph(f"In effect since the bot's start on {at:%Y-%m-%d at %H:%M} New York.", "note")]
    said = f"Changed on disk, not in effect: {', '.join(known.pending)}."
    return [html.paragraph(said, "warn"), html.preformatted(COMMANDS), html.paragraph(COOLDOWNS, "note")]
