"""Whether the running bot has read its file as it is now: it reads it at its start only."""

from collections.abc import Iterable

from bigdipper_exporter.archive.queries.settings import SettingChange

COMMANDS = """Restart the bot the way it runs; it reads its file at its start only.
shell:          end it with Ctrl-C and start it again
systemd:        systemctl restart BOT.service
docker compose: docker compose up -d --build   (a plain restart starts the old file, which is inside the image)"""
COOLDOWNS = (
    "A restart forgets cooldowns: the bot may buy again what it bought in the last hours."
    " Best between 20:00 and 04:00 New York."
)


def not_in_effect(changes: Iterable[SettingChange], started: float | None) -> tuple[str, ...] | None:
    """Return the settings whose values differ from those at the bot's start, by name.

    changes: in their order. Where the file was first seen after the start, only what changed since then is known. None when
    nothing is: no start was logged, or nothing has changed since the file was first seen after it.
    """
    at_start: dict[str, str | None] = {}
    seen_first: dict[str, str | None] = {}
    now: dict[str, str | None] = {}
    first = None
    for change in changes:
        first = change.ts if first is None else first
        now[change.setting] = change.value
        if change.ts == first:
            seen_first[change.setting] = change.value
        if started is not None and change.ts <= started:
            at_start[change.setting] = change.value
    if started is None:
        return None
    before = at_start or seen_first
    pending = tuple(sorted(name for name, value in now.items() if before.get(name) != value))
    return pending if at_start or pending else None
