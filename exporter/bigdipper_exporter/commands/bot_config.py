"""`big-dipper-exporter bot-config`: look at the bot's settings, and change them with a diff, a confirmation and a way back."""

import os
import pwd
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from bigdipper_exporter import logs
from bigdipper_exporter.botconfig import rules
from bigdipper_exporter.botconfig.copies import Copies, hash_of, undo_to
from bigdipper_exporter.botconfig.edit import Edited, edit, why_not
from bigdipper_exporter.botconfig.effect import COMMANDS, COOLDOWNS
from bigdipper_exporter.botconfig.text import EditError
from bigdipper_exporter.botconfig.tree import Parsed, parsed
from bigdipper_exporter.botconfig.write import ConfigFile, WriteError, half_written
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.config.yamlfile import ConfigError

NOT_YET = f"\nNot in effect yet. {COMMANDS}\n{COOLDOWNS}"
OFF = "bot.config-editable: is false, so nothing is changed; set it to true to allow it"

Say = Callable[[str], None]


def opened(settings: Settings) -> ConfigFile:
    """The file of the setting bot.config. Raises ConfigError without one."""
    if settings.bot_config is None:
        raise ConfigError(["bot.config: is required; allowed: the path of the bot's config.py, as --bot.config"])
    return ConfigFile(settings.bot_config, Copies.of(settings.bot_config, settings.bot_config_copies))


def assignments(words: Sequence[str]) -> list[tuple[str, str]]:
    """Split NAME=VALUE words. Raises ConfigError."""
    pairs = [word.partition("=") for word in words]
    if wrong := [word for word, (name, equals, _) in zip(words, pairs, strict=True) if not equals or not name]:
        raise ConfigError([f"{wrong[0]!r}: is not NAME=VALUE, such as MAX_MARGIN_PCT=0.18 or {rules.THRESHOLDS}.PLTR=0.065"])
    return [(name.strip(), value) for name, _, value in pairs]


def show(file: ConfigFile, say: Say) -> None:
    """Print every setting with its value, what is allowed and, where it cannot be edited, why."""
    if interrupted := file.interrupted():
        say(half_written(file.path, interrupted))
    content = parsed(file.read())
    for name, value in content.values.items():
        if isinstance(value.value, dict):
            for symbol, part in value.value.items():
                say(_row(content, f"{name}.{symbol}", rules.shown(name, part)))
        else:
            say(_row(content, name, rules.shown(name, value.value) if value.problem is None else "?"))
    for copy in file.copies.contents():
        say(f"earlier: {copy.id}  (undo {copy.id})")


def _row(content: Parsed, name: str, value: str) -> str:
    rule = rules.RULES.get(name.partition(".")[0])
    reason = why_not(content, name)
    parts = [reason.partition(": ")[2] if reason else f"allowed: {rules.allowed(name)}"] if rule else []
    if rule and (released := rules.default(name)):
        parts.append(f"default: {released}")
    if rule and rule.note:
        parts.append(rule.note)
    return f"{name:<28} {value[:40]:<40} {'; '.join(parts)}".rstrip()


def prepare(file: ConfigFile, words: Sequence[str]) -> Edited:
    """Return the change that these NAME=VALUE words make. Raises ConfigError with what is wrong."""
    try:
        return edit(file.whole(), assignments(words))
    except EditError as error:
        raise ConfigError([str(error)]) from None


def present(edited: Edited, file: ConfigFile, say: Say) -> None:
    """Print the diff, what changes with it, and what the check says."""
    say(edited.diff(file.path.name).rstrip("\n"))
    for line in edited.changed:
        say(f"changes: {line}")
    for finding in edited.findings:
        say(str(finding))
    for finding in edited.earlier:
        say(f"in the file before this change: {finding}")
    say(f"hash of the file now: {hash_of(edited.before)}")


def change(settings: Settings, action: str, words: Sequence[str], expected: str | None, confirmed: bool) -> int:
    """Run one action of `bot-config`. Raises ConfigError; nothing was changed then."""
    file = opened(settings)

    def say(line: str) -> None:
        print(logs.printable(line))

    try:
        if action == "show":
            show(file, say)
            return 0
        if action == "undo":
            return _undo(settings, file, words, confirmed, say)
        if not words:
            raise ConfigError([f"bot-config {action}: name what to change, as MAX_MARGIN_PCT=0.18"])
        edited = prepare(file, words)
        present(edited, file, say)
        if action == "diff" or edited.before == edited.after:
            return 0
        if action == "apply":
            if expected is None:
                raise ConfigError(["bot-config apply: needs --hash, which `bot-config diff` prints"])
        elif not confirmed and not _confirm():
            return 1
        _allow(settings)
        how = file.write(edited.after, expected or hash_of(edited.before), _who(), ", ".join(words))
    except (WriteError, ValueError) as error:
        raise ConfigError([str(error)]) from None
    say(f"{file.path}: {how}. `bot-config undo` brings the old file back.")
    say(NOT_YET)
    return 0


def _undo(settings: Settings, file: ConfigFile, words: Sequence[str], confirmed: bool, say: Say) -> int:
    """Bring back the content before the last change, or the copy that is named."""
    copies = {copy.id: copy for copy in file.copies.contents()}
    now, interrupted = file.read(), file.interrupted()
    last = next((a.before for a in file.copies.attempts() if a.after == hash_of(now)), None)
    old_hash = interrupted.whole if interrupted else last
    wanted = words[0] if words else next((copy.id for copy in copies.values() if copy.hash == old_hash), None)
    if wanted is None or wanted not in copies:
        raise ConfigError([f"bot-config undo: there is no such copy; allowed: {', '.join(copies) or 'there are none yet'}"])
    old = file.copies.content(wanted)
    if old is None:
        raise ConfigError([f"bot-config undo: the copy {wanted} cannot be read any more; choose another one"])
    edited = Edited(now, old, (), ())
    say(edited.diff(file.path.name).rstrip("\n"))
    if not confirmed and not _confirm():
        return 1
    _allow(settings)
    how = file.write(edited.after, hash_of(now), _who(), undo_to(wanted))
    say(f"{file.path}: {how}.")
    say(NOT_YET)
    return 0


def _allow(settings: Settings) -> None:
    if not settings.bot_config_editable:
        raise ConfigError([OFF])


def _confirm() -> bool:
    if not sys.stdin.isatty():
        raise ConfigError(["there is nobody to ask: use --yes, or `apply --hash`"])
    return input("Write this? [y/N] ").strip().lower() in ("y", "yes")


def _who() -> str:
    with suppress(OSError, KeyError):
        return f"command line, {pwd.getpwuid(os.getuid()).pw_name}"
    return f"command line, user id {os.getuid()}"
