"""Settings: three layers, one table, and an error line that a person can act on."""

import argparse
import dataclasses
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bigdipper_exporter.config.kinds import duration_seconds
from bigdipper_exporter.config.load import SETTINGS, ConfigError, Settings, add_flags, describe, load, settings_table

YEAR = 365 * 86400

# Every setting: a right value as text, what it must become, and a wrong value.
EXAMPLES = {
    "log.path": ("/logs/big_dipper.log", Path("/logs/big_dipper.log"), "~nobody-of-that-name/x"),
    "log.timezone": ("America/New_York", ZoneInfo("America/New_York"), "Mars/Olympus"),
    "log.from": ("end", "end", "middle"),
    "log.copies": ("/var/log/old/bot.log*", Path("/var/log/old/bot.log*"), "~nobody-of-that-name/x"),
    "log.rotated": ("yes", True, "perhaps"),
    "log.level": ("DEBUG", "debug", "loud"),
    "log.format": ("json", "json", "xml"),
    "archive.path": ("data/a.db", Path("data/a.db"), "~nobody-of-that-name/x"),
    "archive.retention": ("1y30d", YEAR + 30 * 86400, "5m"),
    "web.listen-address": ("[::1]:10077", "[::1]:10077", "::1:10077"),
    "web.telemetry-path": ("/m", "/m", "/-/healthy"),
    "web.config.file": ("web.yml", Path("web.yml"), "~nobody-of-that-name/x"),
    "web.max-requests": ("7", 7, "0"),
    "web.allowed-hosts": ("a.example, b.example", ("a.example", "b.example"), "a.example:10077"),
    "alpaca.key": ("PKTEST0001", "PKTEST0001", "PK TEST"),
    "alpaca.secret": ("s3cr3t/+=", "s3cr3t/+=", "line\nbreak"),
    "alpaca.paper": ("0", False, "2"),
    "alpaca.url": ("http://127.0.0.1:9/", "http://127.0.0.1:9", "ftp://example.org"),
    "alpaca.account-interval": ("90s", 90, "90"),
    "alpaca.positions-interval": ("2m", 120, "1s"),
    "alpaca.orders-interval": ("1h", 3600, "-5m"),
    "alpaca.clock-interval": ("10m", 600, "ten minutes"),
    "alpaca.activities-interval": ("1d", 86400, "2d"),
    "alpaca.history": ("1y", 365 * 86400, "1d"),
    "alpaca.timeout": ("2s", 2, "1h"),
    "alpaca.requests-per-minute": ("30", 30, "61"),
    "alpaca.stream": ("0", False, "2"),
    "market-data.enabled": ("0", False, "2"),
    "market-data.url": ("http://127.0.0.1:9/", "http://127.0.0.1:9", "ftp://example.org"),
    "market-data.history": ("1y", 365 * 86400, "1d"),
    "market-data.interval": ("5m", 300, "1s"),
    "market-data.minute-retention": ("0", 0, "1h"),
    "market-data.requests-per-minute": ("30", 30, "61"),
    "benchmark.symbol": ("BRK.B", "BRK.B", "spy"),
    "bot.config": ("config.py", Path("config.py"), "~nobody-of-that-name/x"),
    "bot.config-editable": ("yes", True, "maybe"),
    "bot.config-copies": ("copies", Path("copies"), "~nobody-of-that-name/x"),
    "bot.name": ("Orion 1", "Orion 1", "x" * 101),
    "limits.brake": ("1.15", 1.15, "15"),
    "limits.hard": ("1.2", 1.2, "20%"),
    "sectors.file": ("sectors.yml", Path("sectors.yml"), "~nobody-of-that-name/x"),
    "alertmanager.url": ("http://alertmanager:9093", "http://alertmanager:9093", "alertmanager:9093"),
    "links.grafana": ("https://boards.example/grafana/", "https://boards.example/grafana", "javascript:alert(1)"),
    "links.prometheus": ("http://localhost:9090", "http://localhost:9090", "localhost:9090"),
    "links.alertmanager": ("http://localhost:9093", "http://localhost:9093", "//localhost"),
    "api.listen-address": (":10078", ":10078", "10078"),
    "api.token": ("0123456789abcdef", "0123456789abcdef", "two words"),
    "api.archives": ("b=b.db, c=/c.db", {"b": Path("b.db"), "c": Path("/c.db")}, "b.db"),
    "api.cors-origins": ("https://a.example, http://b:8080", ("https://a.example", "http://b:8080"), "a.example"),
    "api.requests-per-minute": ("60", 60, "0"),
}
SECRETS = {"alpaca.key", "alpaca.secret", "api.token"}
OPEN = [name for name in EXAMPLES if name not in SECRETS]


def attribute(name: str) -> str:
    return name.replace(".", "_").replace("-", "_")


def flags(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_flags(parser)
    return parser.parse_args(argv)


def yaml_file(folder: Path, text: str) -> Path:
    path = folder / "bigdipper.yml"
    path.write_text(text)
    return path


def problems(text: str, folder: Path, environ: dict[str, str] | None = None, *argv: str) -> list[str]:
    path = yaml_file(folder, text)
    with pytest.raises(ConfigError) as caught:
        load(flags(f"--config.file={path}", *argv), environ or {})
    assert all("\n" not in line for line in caught.value.problems)
    return [line.replace(str(path), "FILE") for line in caught.value.problems]


def test_examples_cover_every_setting() -> None:
    assert set(EXAMPLES) == {setting.name for setting in SETTINGS}
    assert {setting.name for setting in SETTINGS if setting.secret} == SECRETS


def test_each_setting_fills_the_field_of_its_own_name() -> None:
    fields = [field.name for field in dataclasses.fields(Settings) if "setting" in field.metadata]
    assert fields == [attribute(setting.name) for setting in SETTINGS]


def test_without_anything_the_defaults_hold() -> None:
    settings = load({}, {})
    assert settings.log_path is None
    assert settings.archive_path == Path("bigdipper.db")
    assert settings.archive_retention == 5 * YEAR
    assert settings.web_listen_address == "127.0.0.1:10077"
    assert (settings.web_telemetry_path, settings.web_max_requests) == ("/metrics", 40)
    assert settings.alpaca_paper is True
    assert settings.alpaca_key is None
    assert (settings.alpaca_account_interval, settings.alpaca_orders_interval) == (60, 300)
    assert (settings.alpaca_timeout, settings.alpaca_requests_per_minute) == (10, 60)
    assert settings.limits_brake is None
    assert settings.patterns == ()


@pytest.mark.parametrize("name", OPEN)
def test_each_setting_is_read_from_a_flag(name: str) -> None:
    text, value, _ = EXAMPLES[name]
    bare = name if value is True else f"no-{name}"
    argv = f"--{bare}" if isinstance(value, bool) else f"--{name}={text}"
    assert getattr(load(flags(argv), {}), attribute(name)) == value


@pytest.mark.parametrize(
    ("argv", "value"),
    [(["--log.rotated"], True), (["--log.rotated=yes"], True), (["--log.rotated", "no"], False), (["--no-log.rotated"], False)],
)
def test_a_setting_of_yes_or_no_takes_a_value_as_in_the_table_or_none(argv: list[str], value: bool) -> None:
    assert load(flags(*argv), {}).log_rotated is value


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_setting_is_read_from_its_environment_name(name: str) -> None:
    text, value, _ = EXAMPLES[name]
    environ = {"BIGDIPPER_" + attribute(name).upper(): text, "ALPACA_KEY": "k", "ALPACA_SECRET": "s"}
    if name in SECRETS:
        environ.pop(name.upper().replace(".", "_"), None)  # the short name would be the same secret given twice
    assert getattr(load({}, environ), attribute(name)) == value


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("name", OPEN)
def test_each_setting_is_read_from_yaml_nested_or_flat(name: str, flat: bool, tmp_path: Path) -> None:
    text, value, _ = EXAMPLES[name]
    document = (
        f"{name}: '{text}'"
        if flat
        else "".join(
            "  " * depth + part + (": \n" if depth < name.count(".") else f": '{text}'\n")
            for depth, part in enumerate(name.split("."))
        )
    )
    assert getattr(load(flags(f"--config.file={yaml_file(tmp_path, document)}"), {}), attribute(name)) == value


@pytest.mark.parametrize("name", OPEN)
def test_a_wrong_value_in_yaml_is_one_line_with_key_place_value_and_what_is_allowed(name: str, tmp_path: Path) -> None:
    wrong = EXAMPLES[name][2]
    allowed = next(setting.kind.allowed for setting in SETTINGS if setting.name == name)
    (line,) = problems(f"# a remark\n{name}: '{wrong}'\n", tmp_path)
    assert line.startswith(f"{name}: {wrong!r} (FILE:2) ")
    assert line.endswith(f"; allowed: {allowed}")


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_wrong_value_in_the_environment_names_the_variable(name: str) -> None:
    variable = "BIGDIPPER_" + attribute(name).upper()
    with pytest.raises(ConfigError) as caught:
        load({}, {variable: EXAMPLES[name][2]})
    line = caught.value.problems[0]
    assert line.startswith(f"{name}: ")
    assert f"(environment {variable})" in line
    assert "; allowed: " in line


@pytest.mark.parametrize("name", [name for name in OPEN if not isinstance(EXAMPLES[name][1], bool)])
def test_a_wrong_value_in_a_flag_names_the_flag(name: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"(flag --{name})")):
        load(flags(f"--{name}={EXAMPLES[name][2]}"), {})


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    document = "".join(f"{name}: '{EXAMPLES[name][2]}'\n" for name in OPEN)
    told = problems(document, tmp_path)
    assert [line.split(":")[0] for line in told] == OPEN


def test_flags_override_the_environment_which_overrides_yaml(tmp_path: Path) -> None:
    path = yaml_file(tmp_path, "log: {path: from-yaml, level: error}\nweb: {max-requests: 3}\n")
    environ = {"BIGDIPPER_CONFIG_FILE": str(path), "BIGDIPPER_LOG_PATH": "from-env", "LOG_LEVEL": "warn"}
    settings = load(flags("--log.path=from-flag"), environ)
    assert (settings.log_path, settings.log_level, settings.web_max_requests) == (Path("from-flag"), "warn", 3)
    assert settings.origins["log.path"].where == "flag --log.path"
    assert settings.origins["log.level"].where == "environment LOG_LEVEL"
    assert settings.origins["web.max-requests"].where == f"{path}:2"
    assert settings.origins["log.from"].where == "default"
    assert settings.config_file == path


def test_names_of_the_design_keep_working_and_the_long_name_goes_first() -> None:
    settings = load({}, {"LOG_PATH": "a", "DB_PATH": "b", "LOG_LEVEL": "WARNING", "ALPACA_PAPER": "no"})
    assert (settings.log_path, settings.archive_path) == (Path("a"), Path("b"))
    assert (settings.log_level, settings.alpaca_paper) == ("warn", False)
    assert load({}, {"LOG_PATH": "a", "BIGDIPPER_LOG_PATH": "c"}).log_path == Path("c")


def test_empty_values_count_as_not_set(tmp_path: Path) -> None:
    path = yaml_file(tmp_path, "log:\n  path:\n  level: ''\nweb:\n")
    settings = load(flags(f"--config.file={path}", "--log.format="), {"LOG_PATH": "", "DB_PATH": ""})
    assert (settings.log_path, settings.log_level, settings.log_format) == (None, "info", "logfmt")


def test_a_missing_required_setting_says_every_way_to_give_it() -> None:
    with pytest.raises(ConfigError) as caught:
        load({}, {}, required=(("log.path",),))
    (line,) = caught.value.problems
    assert all(way in line for way in ("--log.path", "BIGDIPPER_LOG_PATH or LOG_PATH", "YAML"))


def test_one_of_several_settings_can_be_enough() -> None:
    required = (("log.path", "alpaca.key"),)
    with pytest.raises(ConfigError, match=r"^log\.path or alpaca\.key: is required; allowed: .*--log\.path.*, or .*ALPACA_KEY"):
        load({}, {"LOG_PATH": ""}, required)
    assert load({}, {"ALPACA_KEY": "k", "ALPACA_SECRET": "s"}, required).log_path is None
    assert load({"log.path": "x.log"}, {}, required).alpaca_key is None


def test_home_and_zero_retention_and_local_time() -> None:
    settings = load({"log.path": "~/x.log", "archive.retention": "0"}, {})
    assert settings.log_path == Path.home() / "x.log"
    assert settings.archive_retention == 0
    assert isinstance(settings.log_timezone, ZoneInfo)


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ("log:\n  paht: x\n", "unknown key 'log.paht'; did you mean log.path? (FILE:2)"),
        ("logg:\n  path: x\n", "unknown key 'logg'; did you mean log? (FILE:1)"),
        ("web: {listen_address: ':1'}\n", "unknown key 'web.listen_address'; did you mean web.listen-address? (FILE:1)"),
        ("zzzz: 1\n", "unknown key 'zzzz' (FILE:1)"),
        ("log: 5\n", "log: must be keys and values, not a value (FILE:1)"),
        ("log.path: [a, b]\n", "log.path: must be one value, not a list (FILE:1)"),
        ("- a\n", "the file: must be keys and values, not a list (FILE:1)"),
        ("just words\n", "the file: must be keys and values, not a value (FILE:1)"),
        ("log.path: a\nlog.path: b\n", "log.path: given twice (FILE:1 and FILE:2)"),
        ("log.path: a\nlog:\n  path: b\n", "log.path: given twice (FILE:1 and FILE:3)"),
        ("patterns: 5\n", "patterns: must be a list of patterns, not a value (FILE:1)"),
    ],
)
def test_what_does_not_belong_in_the_file_is_named_with_its_line(document: str, line: str, tmp_path: Path) -> None:
    assert problems(document, tmp_path) == [line]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"log:\n  path: 'x\n", ":3:1"),
        (b"log: {path: x\nweb: y\n", ":2:4"),
        (b"log:\n\tpath: x\n", ":2:1"),
        (b"a: 1\n---\nb: 2\n", ":2:1"),
        (b"log.path: \xff\n", ":1"),
        (b"log.path: x\nbot.name: \x07\n", ":2:11"),
        (b"[" * 5000, ""),
    ],
)
def test_broken_yaml_is_one_line_with_file_line_and_column(content: bytes, place: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.yml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load({"config.file": str(path)}, {})
    (line,) = caught.value.problems
    assert line.startswith(f"{path}{place}: ")
    assert "\n" not in line


def test_a_missing_or_unreadable_file_is_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yml", tmp_path):
        with pytest.raises(ConfigError, match=re.escape(f"{path}: cannot be read: ")):
            load({"config.file": str(path)}, {})


def test_aliases_that_repeat_or_contain_themselves_do_no_harm(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"{c}: &{c} [*{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True))
    assert len(problems(bomb, tmp_path)) == 9
    assert problems("log: &l\n  web: *l\n", tmp_path) == ["unknown key 'log.web'; did you mean log.level? (FILE:2)"]


@pytest.mark.parametrize("variable", ["BIGDIPPER_LOG_PAHT", "BIGDIPPER_WEB_LISTEN_ADRESS"])
def test_a_misspelt_name_in_the_environment_is_an_error(variable: str) -> None:
    with pytest.raises(ConfigError, match=f"{variable}: unknown name in the environment; did you mean BIGDIPPER_"):
        load({}, {variable: "x"})


def test_names_that_orchestrators_add_to_the_environment_are_left_alone() -> None:
    load({}, {"BIGDIPPER_SERVICE_HOST": "10.0.0.1", "BIGDIPPER_PORT": "tcp://10.0.0.1:80", "BIGDIPPER_VERSION": "1"})


class TestSecrets:
    KEY, SECRET = "PKSECRETKEY", "verysecretvalue"

    def test_are_read_from_files_named_in_the_environment_or_in_yaml(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text(self.KEY + "\n")
        (tmp_path / "secret").write_bytes(b"\xef\xbb\xbf" + self.SECRET.encode() + b"\r\n")  # as Notepad writes it
        document = f"alpaca:\n  secret_file: {tmp_path / 'secret'}\n"
        path = yaml_file(tmp_path, document)
        settings = load({"config.file": str(path)}, {"ALPACA_KEY_FILE": str(tmp_path / "key")})
        assert (settings.alpaca_key, settings.alpaca_secret) == (self.KEY, self.SECRET)

    @pytest.mark.parametrize("argv", [["--alpaca.key=verysecretvalue"], ["--alpaca.secret", "verysecretvalue"]])
    def test_are_refused_as_flags_with_the_reason(self, argv: list[str]) -> None:
        with pytest.raises(ConfigError, match=r"every user of the machine can read a command line.*_FILE") as caught:
            flags(*argv)
        assert self.SECRET not in str(caught.value)

    def test_are_refused_inside_the_yaml_file(self, tmp_path: Path) -> None:
        (line,) = problems(f"alpaca:\n  key: {self.SECRET}\n", tmp_path)
        assert line.startswith("alpaca.key: secrets are not accepted here (FILE:2)")
        assert self.SECRET not in line

    def test_never_show_in_errors_descriptions_or_representations(self) -> None:
        with pytest.raises(ConfigError) as caught:
            load({}, {"ALPACA_KEY": self.KEY + " ", "ALPACA_SECRET": self.SECRET})
        assert "alpaca.key: ******** (environment ALPACA_KEY)" in str(caught.value)
        assert self.KEY not in str(caught.value)
        settings = load({}, {"ALPACA_KEY": self.KEY, "ALPACA_SECRET": self.SECRET})
        for text in (describe(settings), repr(settings)):
            assert self.KEY not in text
            assert self.SECRET not in text
        assert re.search(r"^alpaca\.key +\*{8} +environment ALPACA_KEY$", describe(settings), re.MULTILINE)

    def test_come_both_or_not_at_all(self) -> None:
        with pytest.raises(ConfigError, match=r"alpaca\.secret: is missing, while alpaca\.key is set"):
            load({}, {"ALPACA_KEY": self.KEY})

    def test_given_twice_are_an_error(self, tmp_path: Path) -> None:
        environ = {"ALPACA_KEY": self.KEY, "ALPACA_KEY_FILE": "x", "ALPACA_SECRET": self.SECRET}
        with pytest.raises(ConfigError, match=r"alpaca\.key: given twice \(environment ALPACA_KEY and ALPACA_KEY_FILE"):
            load({}, environ)

    @pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), (b"", "is empty"), (b"\xff\xfe", "is not text")])
    def test_in_a_file_that_cannot_be_used_are_one_line(self, content: bytes | None, reason: str, tmp_path: Path) -> None:
        path = tmp_path / "key"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            load({}, {"ALPACA_KEY_FILE": str(path), "ALPACA_SECRET": self.SECRET})
        (line,) = caught.value.problems
        assert reason in line
        assert str(path) in line


def test_the_hard_limit_is_not_below_the_brake() -> None:
    with pytest.raises(ConfigError, match=r"limits\.hard: '1\.1' \(flag --limits\.hard\) is below limits\.brake"):
        load({"limits.brake": "1.15", "limits.hard": "1.1"}, {})


def test_description_has_every_setting_with_its_origin() -> None:
    lines = describe(load({"log.path": "x.log"}, {"DB_PATH": "y.db"})).splitlines()
    assert [line.split()[0] for line in lines] == [setting.name for setting in SETTINGS]
    assert re.fullmatch(r"log\.path +x\.log +flag --log\.path", lines[0])
    assert any(re.fullmatch(r"archive\.path +y\.db +environment DB_PATH", line) for line in lines)


def test_table_for_the_readme_has_a_row_of_five_cells_for_each_setting() -> None:
    rows = settings_table().splitlines()
    assert len(rows) == len(SETTINGS) + 2
    for row, setting in zip(rows[2:], SETTINGS, strict=True):
        assert row.startswith(f"| `{setting.name}`")
        assert row.count("|") == 6
    assert "`ALPACA_KEY_FILE`" in settings_table()


def test_help_text_is_made_from_the_table_and_shows_no_flag_for_secrets() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    text = parser.format_help()
    assert all((f"--{setting.name}" in text) != setting.secret for setting in SETTINGS)
    assert "start at the working" in text


def test_help_of_a_command_shows_what_it_uses_and_all_flags_are_accepted() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, ("archive.path",))
    text = parser.format_help()
    assert "--archive.path" in text
    assert not any(f"--{setting.name}" in text for setting in SETTINGS if setting.name != "archive.path")
    assert load(parser.parse_args(["--log.path", "x.log", "--no-alpaca.paper"]), {}).alpaca_paper is False


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("1d", 86400), ("1w", 604800), ("1y", YEAR), ("0", 0)],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "1.5h", "5M", "-1s", "5mm", "1h-2m", "\u0665m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"unit|duration"):
        duration_seconds(text)


@pytest.mark.parametrize("text", ["127.0.0.1", "10077", "host:", "host:99999", "a b:1", "[::1]", "[zz]:1", "::1:10077"])
def test_addresses_that_cannot_be_listened_on_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"web\.listen-address"):
        load({"web.listen-address": text}, {})


@pytest.mark.parametrize("text", [":10077", "localhost:0", "0.0.0.0:65535", "[::1]:10077", "[fe80::1%eth0]:1"])
def test_addresses_in_the_usual_forms_are_accepted(text: str) -> None:
    assert load({"web.listen-address": text}, {}).web_listen_address == text


@pytest.mark.parametrize("text", ["http://u:p@host", "http://host?q", "http://", "http://h:port", "host", "http://[x"])
def test_broker_addresses_with_anything_but_host_and_path_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"alpaca\.url"):
        load({"alpaca.url": text}, {})
