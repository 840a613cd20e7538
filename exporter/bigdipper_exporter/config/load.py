"""Settings from a YAML file, overridden by the environment, overridden by flags. Every problem is reported at once."""

import argparse
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bigdipper_exporter.config.kinds import PATH
from bigdipper_exporter.config.patterns import Pattern
from bigdipper_exporter.config.patterns import parse as parse_patterns
from bigdipper_exporter.config.settings import ENV_PREFIX, GROUPS, SETTINGS, Origin, Setting, Settings
from bigdipper_exporter.config.yamlfile import ConfigError, Item, quoted, read, refusal, unknown
from bigdipper_exporter.files import read_regular
from bigdipper_exporter.logs import MASK

MOST_SECRET_BYTES = 1 << 16


Required = tuple[tuple[str, ...], ...]
CONFIG_FLAG = "config.file"
CONFIG_ENV = ENV_PREFIX + "CONFIG_FILE"
RELATIVE_PATHS = "Relative paths, also those inside the YAML file, start at the working directory."

_FILE_SUFFIX = "_file"
_BY_NAME = {setting.name: setting for setting in SETTINGS}
_SECRETS = tuple(setting for setting in SETTINGS if setting.secret)


@dataclass(frozen=True, slots=True)
class _Given:
    """A value of one layer: its text, the place, and whether the text is the path of a file that holds the value."""

    text: str
    where: str
    in_file: bool = False


class _RefuseSecret(argparse.Action):
    """A flag for a secret. Using it raises ConfigError, which says why and does not repeat the value."""

    def __call__(self, *_: object, **__: object) -> None:
        why = "every user of the machine can read a command line"
        raise ConfigError([_no_secret_here(_BY_NAME[self.dest], f"flag --{self.dest}", why)])


def add_flags(parser: argparse.ArgumentParser, shown: tuple[str, ...] = ("",)) -> None:
    """Give `parser` a flag for every setting, grouped; `load` takes the namespace that it returns.

    The help lists those whose names begin with one of `shown`: a command accepts all, but does not use all.
    """
    parser.add_argument(
        f"--{CONFIG_FLAG}",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help=f"YAML file with settings; environment and flags override it. {RELATIVE_PATHS} [env: {CONFIG_ENV}]",
    )
    used = {setting.name for setting in SETTINGS if setting.name.startswith(shown)}
    titles = {setting.group: GROUPS[setting.group] for setting in SETTINGS if setting.name in used}
    groups = {name: parser.add_argument_group(title) for name, title in titles.items()}
    for setting in SETTINGS:
        flag, dest = f"--{setting.name}", setting.name
        if setting.secret:
            parser.add_argument(
                flag, dest=dest, nargs="?", action=_RefuseSecret, default=argparse.SUPPRESS, help=argparse.SUPPRESS
            )
            continue
        text = _flag_help(setting).replace("%", "%%") if setting.name in used else argparse.SUPPRESS
        kwargs: dict[str, Any] = {"dest": dest, "default": argparse.SUPPRESS, "help": text}
        group = groups.get(setting.group, parser)
        if setting.default in ("true", "false"):
            # --x and --no-x, as usual; and --x=no, as the environment and the YAML file have it.
            group.add_argument(flag, nargs="?", const="true", metavar="yes|no", **kwargs)
            kwargs["help"] = argparse.SUPPRESS
            group.add_argument(f"--no-{setting.name}", action="store_const", const="false", **kwargs)
        else:
            group.add_argument(flag, metavar=setting.name.split(".")[-1].upper(), **kwargs)


def load(flags: argparse.Namespace | Mapping[str, Any], environ: Mapping[str, str], required: Required = ()) -> Settings:
    """The settings in force, from the flags as parsed, the environment and the YAML file that either names.

    `required` names settings that must be set, as tuples of which one each is enough. Raises ConfigError with one line per
    problem.
    """
    problems: list[str] = []
    given = vars(flags) if isinstance(flags, argparse.Namespace) else flags
    path = _config_path(str(given.get(CONFIG_FLAG) or environ.get(CONFIG_ENV) or ""), problems)
    in_file, patterns = _yaml_layer(path, problems) if path else ({}, ())
    layers = (_flag_layer(given), _env_layer(environ, problems), in_file)
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    for setting in SETTINGS:
        found = next((layer[setting.name] for layer in layers if setting.name in layer), None)
        value, origin = _value(setting, found, problems)
        values[setting.attribute], origins[setting.name] = value, origin
    for names in required:
        if all(origins[name].text == "" for name in names):
            problems.append(_missing(names))
    _check_together(values, origins, problems)
    if problems:
        raise ConfigError(problems)
    return Settings(**values, patterns=patterns, config_file=path, origins=MappingProxyType(origins))


def _missing(names: tuple[str, ...]) -> str:
    ways = [_ways(next(setting for setting in SETTINGS if setting.name == name)) for name in names]
    return f"{' or '.join(names)}: is required; allowed: {', or '.join(ways)}"


def _ways(setting: Setting) -> str:
    """What the setting may be, and where it can be given. A secret has no flag."""
    flag = "" if setting.secret else f"as --{setting.name}, "
    return f"{setting.kind.allowed} ({flag}environment {' or '.join(_env_names(setting))}, or {setting.name} in the YAML file)"


def describe(settings: Settings) -> str:
    """The settings in force, one line each with its origin; secrets masked."""
    rows = [(name, origin.text or "(not set)", origin.where) for name, origin in settings.origins.items()]
    rows += [(p.name, f"{p.type} '{p.regex.pattern}'", f"pattern in {settings.config_file}") for p in settings.patterns]
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)] if rows else [0, 0]
    return "\n".join(f"{name:<{wide[0]}}  {text:<{wide[1]}}  {where}".rstrip() for name, text, where in rows)


def settings_table() -> str:
    """The table of all settings in docs/settings.md, in Markdown."""
    lines = ["| setting | environment | default | allowed | meaning |", "|---|---|---|---|---|"]
    for setting in SETTINGS:
        env = ", ".join(f"`{name}`" for name in _env_names(setting))
        default = f"`{setting.default}`" if setting.default else ""
        name = f"`{setting.name}`" + (f" or `{setting.name}{_FILE_SUFFIX}`, no flag" if setting.secret else "")
        lines.append(f"| {name} | {env} | {default} | {setting.kind.allowed} | {setting.help} |")
    return "\n".join(lines) + "\n"


def _no_secret_here(setting: Setting, where: str, why: str) -> str:
    names = " or ".join(_env_names(setting))
    return (
        f"{setting.name}: secrets are not accepted here ({where}), since {why}; "
        f"allowed: environment {names}, or {setting.name}{_FILE_SUFFIX} in the YAML file"
    )


def _config_path(text: str, problems: list[str]) -> Path | None:
    try:
        return PATH.parse(text) if text else None
    except ValueError as error:
        problems.append(refusal(CONFIG_FLAG, quoted(text), "flag or environment", str(error), PATH.allowed))
        return None


def _flag_help(setting: Setting) -> str:
    default = f"; default {setting.default}" if setting.default else ""
    return f"{setting.help} ({setting.kind.allowed}{default}) [env: {', '.join(setting.env)}]"


def _env_names(setting: Setting) -> Iterator[str]:
    for name in setting.env:
        yield name
        if setting.secret:
            yield name + _FILE_SUFFIX.upper()


def _flag_layer(given: Mapping[str, Any]) -> dict[str, _Given]:
    return {
        name: _Given(given[name], f"flag --{name}") for name in given.keys() & _BY_NAME.keys() if given[name] not in (None, "")
    }


def _env_layer(environ: Mapping[str, str], problems: list[str]) -> dict[str, _Given]:
    """The environment's values. An empty variable counts as not set, since compose files pass those on."""
    layer: dict[str, _Given] = {}
    known: set[str] = {CONFIG_ENV}
    for setting in SETTINGS:
        names = list(_env_names(setting))
        known.update(names)
        present = [name for name in names if environ.get(name)]
        if setting.secret and len(present) > 1:
            problems.append(f"{setting.name}: given twice (environment {' and '.join(present)}); keep one of them")
        if present:
            in_file = setting.secret and present[0].endswith(_FILE_SUFFIX.upper())
            layer[setting.name] = _Given(environ[present[0]], f"environment {present[0]}", in_file)
    # Only near misses are errors: orchestrators put names of their own here, such as BIGDIPPER_SERVICE_HOST.
    for name in environ:
        if name.startswith(ENV_PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.9)
            problems.extend(f"{name}: unknown name in the environment; did you mean {guess}?" for guess in near)
    return layer


def _yaml_layer(path: Path, problems: list[str]) -> tuple[dict[str, _Given], tuple[Pattern, ...]]:
    """The file's values, nested or flat, and its patterns. A file that is no YAML is one problem, not the end."""
    try:
        root = read(path, problems)
    except ConfigError as error:
        problems.extend(error.problems)
        return {}, ()
    patterns: tuple[Pattern, ...] = ()
    if isinstance(root.value, dict) and "patterns" in root.value:
        entry = root.value.pop("patterns")
        patterns = parse_patterns(entry, problems) if entry.value is not None else ()
    layer: dict[str, _Given] = {}
    for name, item in _leaves(root, "", problems):
        in_file = name.endswith(_FILE_SUFFIX) and name not in _BY_NAME
        key = name.removesuffix(_FILE_SUFFIX) if in_file else name
        if key in _BY_NAME and _BY_NAME[key].secret and not in_file:
            problems.append(_no_secret_here(_BY_NAME[key], item.where, "such files get copied and shared"))
        elif key in layer:
            problems.append(f"{key}: given twice ({layer[key].where} and {item.where})")
        elif isinstance(item.value, str):
            layer[key] = _Given(item.value, item.where, in_file)
    return layer, patterns


def _leaves(item: Item, name: str, problems: list[str]) -> Iterator[tuple[str, Item]]:
    """Names and values of all settings below `item`; what is no setting goes to `problems`."""
    leaves = [*_BY_NAME, *(setting.name + _FILE_SUFFIX for setting in _SECRETS)]
    if name in leaves:
        if isinstance(item.value, str) and item.value:
            yield name, item
        elif isinstance(item.value, dict | list):
            problems.append(f"{name}: must be one value, not {item.form} ({item.where})")
    elif not name or any(leaf.startswith(name + ".") for leaf in leaves):
        if isinstance(item.value, dict):
            for key, child in item.value.items():
                yield from _leaves(child, f"{name}.{key}" if name else key, problems)
        elif item.value is not None:
            problems.append(f"{name or 'the file'}: must be keys and values, not {item.form} ({item.where})")
    else:
        parents = {leaf.rpartition(".")[0] for leaf in leaves}
        problems.append(f"{unknown(name, [*leaves, *sorted(parents), 'patterns'])} ({item.where})")


def _value(setting: Setting, given: _Given | None, problems: list[str]) -> tuple[Any, Origin]:
    """The value of a setting and its origin; None, with a line in `problems`, if it is wrong."""
    text, where = (given.text, given.where) if given else (setting.default, "default")
    shown = MASK if setting.secret and text else text
    try:
        if given and given.in_file:
            where += f", file {text}"
            text = read_regular(PATH.parse(text), MOST_SECRET_BYTES).decode("utf-8-sig").strip()
            if not text:
                raise ValueError("is empty")
        return setting.parse(text), Origin(shown, where)
    except OSError as error:
        problems.append(f"{setting.name}: cannot be read ({where}): {error.strerror or error}")
    except ValueError as error:
        # UnicodeDecodeError is a ValueError whose text would show a part of the file.
        reason = "is not text" if isinstance(error, UnicodeDecodeError) else str(error)
        display = MASK if setting.secret and text else quoted(text)
        problems.append(refusal(setting.name, display, where, reason, setting.kind.allowed))
    return None, Origin(shown, where)


def _check_together(values: Mapping[str, Any], origins: Mapping[str, Origin], problems: list[str]) -> None:
    """Rules about two settings at once; looked at only where each one by itself is right."""
    for one, other in (("alpaca.key", "alpaca.secret"), ("alpaca.secret", "alpaca.key")):
        if origins[one].text and not origins[other].text:
            problems.append(f"{other}: is missing, while {one} is set ({origins[one].where}); set both or neither")
    brake, hard = values["limits_brake"], values["limits_hard"]
    if brake is not None and hard is not None and hard < brake:
        text, where = origins["limits.hard"].text, origins["limits.hard"].where
        problems.append(refusal("limits.hard", quoted(text), where, "is below limits.brake", f"{brake:g} or more"))


__all__ = ["SETTINGS", "ConfigError", "Required", "Settings", "add_flags", "describe", "load", "settings_table"]
