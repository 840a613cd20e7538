"""Whether the running bot has read what stands in its file: it reads it at its start only."""

from collections.abc import Iterable

from bigdipper_exporter.archive.queries.settings import SettingChange


def not_in_effect(changes: Iterable[SettingChange], started: float | None) -> tuple[str, ...] | None:
    """Return the settings whose values differ from those at the bot's start, by name.

    changes: in their order. None when it cannot be known: no start was logged, or the file was first seen after it.
    """
    at_start: dict[str, str | None] = {}
    now: dict[str, str | None] = {}
    for change in changes:
        now[change.setting] = change.value
        if started is not None and change.ts <= started:
            at_start[change.setting] = change.value
    if not at_start:
        return None
    return tuple(sorted(name for name, value in now.items() if at_start.get(name) != value))
