"""Alertmanager: every way to people is valid, alone and with others; routes, inhibition, quiet hours, the text of messages."""

import json
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from alertmanager import render as render_module
from bigdipper_exporter import calendar
from tests.alerts import lasting, page, rules
from tests.alerts.figures import FIGURES
from tests.alerts.inhibition import labels_of
from tests.alerts.rules import Entry
from tests.incidents.notifier import routes, seconds

needs_amtool = pytest.mark.skipif(bool(rules.missing("amtool")), reason="amtool is not installed")
needs_both = pytest.mark.skipif(bool(rules.missing("promtool", "amtool")), reason="promtool or amtool is not installed")

RENDER = rules.ROOT / "alertmanager" / "render.py"
CONFIG = rules.ROOT / "alertmanager" / "alertmanager.yml"
SECRET = "s3cretS3CRETs3cretS3CRETs3cret"  # 30 letters and digits, in every secret of the table
CHANNELS = {
    "email": {
        "ALERT_EMAIL_TO": "me@example.org, you@example.org",
        "ALERT_EMAIL_FROM": "bot@example.org",
        "ALERT_EMAIL_SMTP": "smtp.example.org:587",
        "ALERT_EMAIL_USER": "bot",
        "ALERT_EMAIL_PASSWORD": SECRET,
    },
    "telegram": {"ALERT_TELEGRAM_TOKEN": f"123456789:{SECRET}", "ALERT_TELEGRAM_CHAT": "-1001234567890"},
    "discord": {"ALERT_DISCORD_URL": f"https://discord.com/api/webhooks/1/{SECRET}"},
    "slack": {"ALERT_SLACK_URL": f"https://hooks.slack.com/services/T0/B0/{SECRET}"},
    "ntfy": {"ALERT_NTFY_URL": f"https://ntfy.sh/{SECRET}", "ALERT_NTFY_TOKEN": SECRET},
    "pushover": {"ALERT_PUSHOVER_USER": SECRET, "ALERT_PUSHOVER_TOKEN": SECRET},
    "pagerduty": {"ALERT_PAGERDUTY_KEY": f"{SECRET}00"},
    "opsgenie": {"ALERT_OPSGENIE_KEY": SECRET},
    "teams": {"ALERT_TEAMS_URL": f"https://prod.westus.logic.azure.com/workflows/1?sig={SECRET}"},
    "gotify": {"ALERT_GOTIFY_URL": "https://gotify.example.org", "ALERT_GOTIFY_TOKEN": f"A{SECRET}"},
    "apprise": {"ALERT_APPRISE_URL": f"http://apprise:8000/notify/{SECRET}"},
    "webhook": {"ALERT_WEBHOOK_URL": f"http://127.0.0.1:9/{SECRET}"},
    "dead man": {"ALERT_DEADMAN_URL": f"https://hc-ping.com/{SECRET}"},
}
SENDING = [name for name in CHANNELS if name != "dead man"]
ALL = {variable: value for variables in CHANNELS.values() for variable, value in variables.items()}
MIXES = [ALL, *({k: v for k, v in ALL.items() if k not in left_out} for left_out in CHANNELS.values())]
CHANNELS_OF_RENDER = render_module.CHANNELS


def render(out: Path, variables: Mapping[str, str]) -> tuple[int, str]:
    """Run the renderer with nothing but `variables` in its environment: exit code, and all that it said."""
    result = rules.run(sys.executable, RENDER, "--out", out, env={"PATH": os.environ["PATH"], **variables})
    return result.returncode, result.stdout


def rendered(out: Path, variables: Mapping[str, str]) -> Entry:
    """The configuration that the renderer writes for `variables`."""
    code, said = render(out, variables)
    assert code == 0, said
    config: Entry = yaml.safe_load((out / "alertmanager.yml").read_text(encoding="utf-8"))
    return config


def receiver(config: Entry, name: str) -> Entry:
    return next(one for one in config["receivers"] if one["name"] == name)


def integrations(config: Entry, name: str) -> Iterator[Entry]:
    """Everything that a receiver sends to."""
    for key, entries in receiver(config, name).items():
        if key != "name":
            yield from entries


@needs_amtool
def test_the_configuration_is_valid_with_nothing_configured(tmp_path: Path) -> None:
    config = rendered(tmp_path, dict.fromkeys(ALL, ""))
    shipped = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    assert {**config, "time_intervals": []} == {**shipped, "time_intervals": []}
    for file in (CONFIG, tmp_path / "alertmanager.yml"):
        result = rules.run("amtool", "check-config", file)
        assert result.returncode == 0, result.stdout


def test_every_way_is_tried_here_and_has_its_row_in_the_docs() -> None:
    source = RENDER.read_text(encoding="utf-8")
    offered = re.findall(r'^    "(\w+)": Channel\(', source, re.MULTILINE)
    assert set(SENDING) == set(offered)
    rows = re.findall(r"^\| .* \|$", (rules.ROOT / "docs" / "notifications.md").read_text(encoding="utf-8"), re.MULTILINE)
    known = {variable for variables in CHANNELS.values() for variable in variables}
    assert {variable for row in rows for variable in re.findall(r"ALERT_\w+", row)} == known


def installed() -> tuple[int, ...]:
    """The version of amtool, and so of Alertmanager: 0, 25."""
    found = re.search(r"version (\d+)\.(\d+)", rules.run("amtool", "--version").stdout)
    assert found
    return tuple(map(int, found.groups()))


@needs_amtool
@pytest.mark.parametrize("name", CHANNELS)
def test_each_way_alone_is_valid(name: str, tmp_path: Path) -> None:
    code, said = render(tmp_path, CHANNELS[name])
    assert (code, said) == (0, f"alertmanager: notifications by {name}\n")
    if name in SENDING and installed() < CHANNELS_OF_RENDER[name].since:
        pytest.skip(f"{name} needs Alertmanager {CHANNELS_OF_RENDER[name].since}")
    result = rules.run("amtool", "check-config", tmp_path / "alertmanager.yml")
    assert result.returncode == 0, result.stdout


@needs_amtool
def test_all_ways_together_and_without_any_one_are_valid(tmp_path: Path) -> None:
    files, known = [], installed()
    too_new = {name for way in CHANNELS_OF_RENDER.values() if way.since > known for name in way.required}
    for number, mixed in enumerate(MIXES):
        variables = {name: value for name, value in mixed.items() if name not in too_new}
        rendered(tmp_path / str(number), variables)
        files.append(tmp_path / str(number) / "alertmanager.yml")
    result = rules.run("amtool", "check-config", *files)
    assert result.returncode == 0, result.stdout
    assert result.stdout.count("SUCCESS") >= len(files)


@pytest.mark.parametrize("name", SENDING)
def test_a_way_serves_every_severity_and_only_what_matters_is_told_to_be_over(name: str, tmp_path: Path) -> None:
    config = rendered(tmp_path, CHANNELS[name])
    ends = {"critical": True, "critical-without-end": False, "warning": True, "warning-without-end": False, "info": False}
    for name_of_receiver, resolved in ends.items():
        assert [one["send_resolved"] for one in integrations(config, name_of_receiver)] == [resolved]
    assert list(integrations(config, "nobody")) == list(integrations(config, "deadman")) == []


def test_the_dead_man_hears_the_watchdog_and_nothing_else(tmp_path: Path) -> None:
    config = rendered(tmp_path, CHANNELS["dead man"])
    assert [one["url"] for one in integrations(config, "deadman")] == [CHANNELS["dead man"]["ALERT_DEADMAN_URL"]]
    assert [one for name in ("critical", "warning", "info", "nobody") for one in integrations(config, name)] == []


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text(f"123456789:{SECRET}\n")
    config = rendered(tmp_path / "out", {"ALERT_TELEGRAM_TOKEN_FILE": str(secret), "ALERT_TELEGRAM_CHAT": "7"})
    assert next(integrations(config, "critical"))["bot_token"] == f"123456789:{SECRET}"


def test_a_file_of_an_editor_for_windows_is_read_too(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_bytes(b"\xef\xbb\xbf" + f"123456789:{SECRET}\r\n".encode())
    config = rendered(tmp_path / "out", {"ALERT_TELEGRAM_TOKEN_FILE": str(secret), "ALERT_TELEGRAM_CHAT": "7"})
    assert next(integrations(config, "critical"))["bot_token"] == f"123456789:{SECRET}"


HOSTS = (
    "x",
    "[::1]",
    "[fe80::1%eth0]",
    "[fe80::1%25eth0]",
    "a_b.c",
    "é.org",
    "ex^ample",
    "x..y",
    "*.x",
    "a|b",
    "a<b",
    "x:080",
    "x:",
)
USERS = ("", "me:word@", "me:pa%ss@", "me:pa%25ss@", "me:p@ss@", "me:pa^ss@", "me:pa|ss@", "me:p'a~ss@", "é:x@", "me:pa[ss@")
PATHS = ("", "/%zz", "/%2", "/%C3%A9", "/é", "/a|b^c", "/a\\b", "/?y=%", "/#%", "/a\x7fb", "/a\x01b")


@needs_amtool
def test_alertmanager_reads_every_address_that_is_accepted(tmp_path: Path) -> None:
    urls = [f"https://{user}{host}/y" for user in USERS for host in HOSTS] + [f"https://x{path}" for path in PATHS]
    accepted = [url for url in urls if render_module.is_url(url)]
    assert {"https://me:pa%25ss@x/y", "https://a_b.c/y", "https://[::1]/y", "https://x/%C3%A9", "https://x/?y=%"} <= set(
        accepted
    )
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    receiver(config, "critical")["webhook_configs"] = [{"url": url} for url in accepted]
    (file := tmp_path / "alertmanager.yml").write_text(yaml.safe_dump({**config, "templates": []}), encoding="utf-8")
    result = rules.run("amtool", "check-config", file)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("given", ["https://example.org/main", "https://example.org/main/", "https://example.org/main/docs/"])
def test_the_address_of_the_runbooks_may_be_that_of_their_folder(given: str, tmp_path: Path) -> None:
    rendered(tmp_path, {"ALERT_RUNBOOKS_URL": given})
    assert '"bigdipper.runbooks" }}https://example.org/main/{{ end }}' in (tmp_path / "templates/links.tmpl").read_text()


def test_secrets_are_for_the_owner_only_and_never_said(tmp_path: Path) -> None:
    code, said = render(tmp_path, ALL)
    assert code == 0
    assert SECRET not in said
    assert stat.S_IMODE((tmp_path / "alertmanager.yml").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["alertmanager.yml"]


WRONG = {
    "a typing error": (
        {"ALERT_TELEGRAM_TOKN": SECRET},
        "ALERT_TELEGRAM_TOKN: no such variable; did you mean ALERT_TELEGRAM_TOKEN?",
    ),
    "a typing error in the prefix": (
        {"ALRT_TELEGRAM_CHAT_FILE": SECRET},
        "ALRT_TELEGRAM_CHAT_FILE: no such variable; did you mean ALERT_TELEGRAM_CHAT?",
    ),
    "an unknown way": ({"ALERT_PIGEON": SECRET}, "ALERT_PIGEON: no such variable; there are ALERT_EMAIL_TO"),
    "half a way": ({"ALERT_TELEGRAM_CHAT": "7"}, "telegram: ALERT_TELEGRAM_CHAT is set, but ALERT_TELEGRAM_TOKEN is missing"),
    "an option alone": ({"ALERT_NTFY_TOKEN": SECRET}, "ntfy: ALERT_NTFY_TOKEN is set, but ALERT_NTFY_URL is missing"),
    "value and file": ({"ALERT_SLACK_URL": "https://x", "ALERT_SLACK_URL_FILE": "/x"}, "give either ALERT_SLACK_URL or"),
    "no such file": (
        {"ALERT_SLACK_URL_FILE": "/nowhere/slack"},
        "ALERT_SLACK_URL_FILE: cannot read /nowhere/slack: No such file",
    ),
    "an empty file": ({"ALERT_SLACK_URL_FILE": os.devnull}, "ALERT_SLACK_URL_FILE: /dev/null is empty"),
    "an address without scheme": (
        {"ALERT_DISCORD_URL": f"discord.com/{SECRET}"},
        "ALERT_DISCORD_URL: must be an address that begins",
    ),
    "a chat by name": ({"ALERT_TELEGRAM_CHAT": f"@{SECRET}"}, "ALERT_TELEGRAM_CHAT: must be the number of a chat"),
    "a token in pieces": ({"ALERT_TELEGRAM_TOKEN": SECRET}, "ALERT_TELEGRAM_TOKEN: must be the token of @BotFather"),
    "a mail server without port": ({"ALERT_EMAIL_SMTP": "smtp.example.org"}, "ALERT_EMAIL_SMTP: must be host:port"),
    "a user without password": ({**CHANNELS["email"], "ALERT_EMAIL_PASSWORD": ""}, "give both or none"),
    "quotes that were taken for the value": (
        {**CHANNELS["email"], "ALERT_EMAIL_PASSWORD": f"'{SECRET}'"},
        "ALERT_EMAIL_PASSWORD: must be one line of text without quotes around it",
    ),
    "a topic that is missing": ({"ALERT_NTFY_URL": "https://ntfy.sh/"}, "ALERT_NTFY_URL: must be an address with a topic"),
    "a short key": ({"ALERT_PUSHOVER_USER": SECRET[:9]}, "ALERT_PUSHOVER_USER: must be 30 letters and digits"),
    "a mail server with a port that cannot be": (
        {"ALERT_EMAIL_SMTP": "smtp.example.org:99999"},
        "ALERT_EMAIL_SMTP: must be host:port",
    ),
    "a chat of too many digits": (
        {"ALERT_TELEGRAM_CHAT": "99999999999999999999"},
        "ALERT_TELEGRAM_CHAT: must be the number of a chat",
    ),
    "a query where a path is added": (
        {"ALERT_GOTIFY_URL": "https://gotify.example.org?token=x", "ALERT_GOTIFY_TOKEN": f"A{SECRET}"},
        "ALERT_GOTIFY_URL: must be an address such as",
    ),
    "a percent sign in an address": ({"ALERT_WEBHOOK_URL": f"https://me:{SECRET}%@x/y"}, "are written as %25"),
    "a template in a link": ({"ALERT_GRAFANA_URL": "https://x/{{.}}"}, "ALERT_GRAFANA_URL: must be an address"),
}


@pytest.mark.parametrize("why", WRONG)
def test_a_wrong_value_gives_one_clear_line_without_the_value(why: str, tmp_path: Path) -> None:
    variables, said = WRONG[why]
    code, output = render(tmp_path, variables)
    assert code == 2
    assert output.startswith("alertmanager: ")
    assert said in output
    assert output.count("\n") == 1
    assert SECRET[:9] not in output
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_gives_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, output = render(tmp_path / "file" / "out", {})
    assert (code, output) == (2, f"alertmanager: cannot write to {tmp_path / 'file' / 'out'}: Not a directory\n")


def test_mail_is_encrypted_whenever_there_is_a_password(tmp_path: Path) -> None:
    config = rendered(tmp_path, CHANNELS["email"])
    assert all(one["require_tls"] for one in integrations(config, "critical"))


@needs_both
def test_ntfy_gets_templates_that_it_accepts_and_a_message_that_is_short_enough(tmp_path: Path) -> None:
    config = rendered(tmp_path, CHANNELS["ntfy"])
    for severity, priority in (("critical", "5"), ("warning", "3"), ("info", "2")):
        (entry,) = integrations(config, severity)
        query = parse_qs(urlsplit(entry["url"]).query)
        assert query["priority"] == [f'{{{{ if eq .status "resolved" }}}}2{{{{ else }}}}{priority}{{{{ end }}}}']
        assert query["template"] == ["yes"]
        for template in (*query["title"], *query["message"]):
            assert not re.search(r"\{\{-?\s*(call|template|define)\b", template)  # ntfy refuses these
    texts = ["".join(alert["annotations"].values()) for alert in page.fired().values()]
    around = 200  # the words between them, and two addresses
    longest = sorted(len(text.encode()) + around for text in texts)[-entry["max_alerts"] :]
    assert sum(longest) < 4096  # ntfy refuses longer ones


def sent(name: str, severity: str, **more: str) -> Entry:
    return {
        "labels": {"alertname": name, "severity": severity, "bot": "b", **more},
        "annotations": {"summary": f"summary of {name}"},
    }


def since(hour: int, name: str, severity: str) -> Entry:
    return {**sent(name, severity), "startsAt": f"2026-10-16T{hour:02}:00:00.000Z"}


TEMPLATES_OF_GO = """package main
import ("encoding/json"; "os"; "text/template")
func main() {
	var data any
	if err := json.NewDecoder(os.Stdin).Decode(&data); err != nil { panic(err) }
	template.Must(template.New("title").Parse(os.Args[1])).Execute(os.Stdout, data)
}
"""


def title_on_ntfy(folder: Path, receiver: str, *alerts: Entry, status: str = "firing") -> str:
    """The title that ntfy makes of Alertmanager's JSON."""
    return on_ntfy(folder, receiver, "title", {}, *alerts, status=status)


def on_ntfy(folder: Path, receiver: str, part: str, variables: Mapping[str, str], *alerts: Entry, status: str) -> str:
    """What ntfy, which renders with Go's templates, makes of Alertmanager's JSON: title or message."""
    (entry,) = integrations(rendered(folder, {**CHANNELS["ntfy"], **variables}), receiver)
    (folder / "main.go").write_text(TEMPLATES_OF_GO, encoding="utf-8")
    labels = {"bot": "b"}
    body = {
        "receiver": receiver,
        "status": status,
        "commonLabels": labels,
        "alerts": [{"status": status, **one} for one in alerts],
    }
    (text,) = parse_qs(urlsplit(entry["url"]).query)[part]
    return rules.run("go", "run", folder / "main.go", text, input=json.dumps(body)).stdout


@pytest.mark.skipif(bool(rules.missing("go")), reason="Go is not installed")
def test_the_title_on_ntfy_is_the_newest_alert_with_the_icon_of_its_severity(tmp_path: Path) -> None:
    old, new = since(9, "A", "critical"), since(11, "B", "critical")
    assert title_on_ntfy(tmp_path, "critical-without-end", old) == "🔴 b: summary of A"
    assert title_on_ntfy(tmp_path, "critical", old, new) == "🔴 b: summary of B, and more"
    assert title_on_ntfy(tmp_path, "critical", new, old, status="resolved") == "✅ b: over: summary of B, and more"
    assert title_on_ntfy(tmp_path, "warning-without-end", old) == "🟡 b: summary of A"


@pytest.mark.skipif(bool(rules.missing("go", "promtool")), reason="Go or promtool is not installed")
def test_a_message_on_ntfy_says_what_to_do(tmp_path: Path) -> None:
    alert = page.fired()["BotSilent"]
    said = on_ntfy(tmp_path, "critical", "message", {}, alert, status="firing")
    assert said == (
        f"{alert['annotations']['summary']}. {alert['annotations']['description']}\n"
        "Panel: http://localhost:3000/d/bigdipper-health?var-bot=big-dipper\nWhat to do: docs/runbooks.md#botsilent\n"
    )
    where = {"ALERT_GRAFANA_URL": "https://grafana.example.org/", "ALERT_RUNBOOKS_URL": "https://example.org/main"}
    said = on_ntfy(tmp_path, "critical", "message", where, alert, status="firing")
    assert "\nPanel: https://grafana.example.org/d/bigdipper-health?var-bot=big-dipper\n" in said
    assert "\nWhat to do: https://example.org/main/docs/runbooks.md#botsilent\n" in said
    assert on_ntfy(tmp_path, "critical", "message", where, alert, status="resolved").count("\n") == 1
    own = {**alert, "annotations": {"summary": "mine"}}  # a rule of the owner's own
    assert on_ntfy(tmp_path, "warning", "message", where, own, status="firing") == "mine\n"


def test_the_icon_on_ntfy_is_that_of_the_severity(tmp_path: Path) -> None:
    config = rendered(tmp_path, CHANNELS["ntfy"])
    for name, (severity, _) in render_module.RECEIVERS.items():
        (entry,) = integrations(config, name)
        (title,) = parse_qs(urlsplit(entry["url"]).query)["title"]
        assert f"✅{{{{ else }}}}{page.ICONS[severity]}{{{{ end }}}} " in title


def test_what_is_over_makes_no_sound(tmp_path: Path) -> None:
    (entry,) = integrations(rendered(tmp_path, CHANNELS["pushover"]), "critical")
    assert entry["priority"] == '{{ if eq .Status "firing" }}1{{ else }}-1{{ end }}'
    own = {"ALERT_NTFY_URL": "https://ntfy.example.org/topic"}  # an own server may not know templates there
    (entry,) = integrations(rendered(tmp_path, own), "critical")
    assert parse_qs(urlsplit(entry["url"]).query)["priority"] == ["5"]


def test_holidays_and_half_days_of_three_years_are_outside_the_markets_day(tmp_path: Path) -> None:
    (interval,) = rendered(tmp_path, {})["time_intervals"]
    dated = [one for one in interval["time_intervals"] if "years" in one]
    days = {date(*(int(one[key][0]) for key in ("years", "months", "days_of_month"))): "times" in one for one in dated}
    first = date.today().year
    assert {day.year for day in days} == {first, first + 1, first + 2}
    assert all(calendar.is_half_day(day) if half else not calendar.is_trading_day(day) for day, half in days.items())
    assert sum(not half for day, half in days.items() if day.year == first) >= 8
    assert all(one["location"] == "America/New_York" for one in dated)


ROUTES = [
    ({"severity": "critical", "subject": "margin", "alertname": "BrakeActive"}, "critical"),
    ({"severity": "warning", "subject": "portfolio", "alertname": "Drawdown"}, "warning"),
    ({"severity": "critical", "subject": "margin", "alertname": "BrakeHeldLong", "ends": "unsaid"}, "critical-without-end"),
    ({"severity": "critical", "subject": "portfolio", "alertname": "DayLossSevere", "ends": "unsaid"}, "critical-without-end"),
    ({"severity": "warning", "subject": "portfolio", "alertname": "DayLoss", "ends": "unsaid"}, "warning-without-end"),
    ({"severity": "warning", "subject": "broker", "alertname": "BrokerUnreachable"}, "warning"),
    ({"severity": "info", "subject": "trading", "alertname": "PositionChangedByHand"}, "info"),
    ({"severity": "info", "subject": "digest", "alertname": "DayClosed"}, "info"),
    ({"severity": "none", "subject": "monitor", "alertname": "CatchingUp"}, "nobody"),
    ({"severity": "none", "subject": "alerting", "alertname": "Watchdog"}, "deadman"),
    ({"alertname": "YourOwn"}, "warning"),
]


@needs_amtool
@pytest.mark.parametrize(("labels", "expected"), ROUTES, ids=[labels["alertname"] for labels, _ in ROUTES])
def test_an_alert_takes_the_route_of_its_severity(labels: dict[str, str], expected: str) -> None:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    result = rules.run(
        "amtool", "config", "routes", "test", f"--config.file={CONFIG}", f"--verify.receivers={expected}", *pairs
    )
    assert result.returncode == 0, result.stdout


def test_only_critical_messages_and_the_digest_may_come_outside_the_market_day() -> None:
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    loud = [route["matchers"] for route in config["route"]["routes"] if "mute_time_intervals" not in route]
    assert loud == [
        ['alertname="Watchdog"'],
        ['subject="test"'],
        ['severity="none"'],
        ['severity="critical"'],
        ['alertname="DayClosed"'],
    ]


def repeated_after(alert: str) -> float:
    """Hours after which an alert that goes on is sent again, by the route that it takes."""
    (taken,) = routes(yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["route"], labels_of(alert), {})
    return seconds(taken["repeat_interval"]) / 3600


def test_what_ends_unsaid_and_comes_back_is_sent_within_hours() -> None:
    # Alertmanager never notes the end of what is muted then, and takes its return for the same incident until repeat_interval.
    found = {alert: repeated_after(alert) for alert in rules.alerts()}
    assert {alert for alert, hours in found.items() if hours > 24} == {
        "Watchdog",
        "SplitAhead",  # a split is not announced twice within a week
        *lasting.HELD,
    }
    # An end that is not sent by its route is noted all the same; a severe drawdown is not muted at night.
    assert {alert for alert, hours in found.items() if hours == 24} == {"DayLossSevere", "DrawdownSevere"}
    critical = {hours for alert, hours in found.items() if labels_of(alert)["severity"] == "critical" and hours < 12}
    assert critical == {4}
    warnings = {hours for alert, hours in found.items() if labels_of(alert)["severity"] == "warning" and hours < 24}
    assert warnings == {8}  # the night of outside-market-day: 20:00 to 04:00


def test_the_cause_of_a_critical_alert_comes_before_its_message() -> None:
    # Groups of rules are evaluated at moments of their own: what one says, another takes up a round or two later.
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    pace = yaml.safe_load((rules.PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))["global"]["evaluation_interval"]
    waits = {alert: next(routes(config["route"], labels_of(alert), {}))["group_wait"] for alert in rules.alerts()}
    hasty = {alert for alert, wait in waits.items() if seconds(wait) <= 2 * seconds(pace)}
    assert hasty == {"Watchdog", "BrakeActive", "HardLimitExceeded", "DayClosed"}  # no other alert is their cause


def test_inhibition_names_alerts_that_exist_and_stays_within_one_bot() -> None:
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    for rule in config["inhibit_rules"]:
        everywhere = [[f'alertname="{name}"'] for name in ("PrometheusNotStoring", "FleetSilent", "ExporterMissing")]
        assert "bot" in rule.get("equal", []) or rule["source_matchers"] in everywhere
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            label, _, values = re.fullmatch(r'(\w+)(=~?|!=|!~)"(.*)"', matcher).groups()  # type: ignore[union-attr]
            known = {"alertname": set(rules.alerts()), "severity": set(page.ICONS), "subject": {*page.SUBJECTS, "test"}}[label]
            assert set(values.split("|")) <= known


@needs_amtool
def test_links_lead_where_the_environment_says(tmp_path: Path) -> None:
    rendered(
        tmp_path, {"ALERT_GRAFANA_URL": "https://grafana.example.org/", "ALERT_RUNBOOKS_URL": "https://example.org/blob/main"}
    )
    alert = {"labels": {}, "annotations": {"dashboard": "/d/bigdipper-risk", "runbook_url": "docs/runbooks.md#x"}}
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"status": "firing", "alerts": [{**alert, "status": "firing"}]}), encoding="utf-8")
    text = '{{ template "bigdipper.text" . }}'
    glob = f"--template.glob={tmp_path}/templates/*.tmpl"
    said = rules.run("amtool", "template", "render", glob, f"--template.text={text}", f"--template.data={data}").stdout
    assert "https://grafana.example.org/d/bigdipper-risk\n" in said
    assert "https://example.org/blob/main/docs/runbooks.md#x\n" in said


@needs_amtool
@pytest.mark.parametrize("text", FIGURES)
def test_figures_are_written_as_people_write_them(text: str) -> None:
    alert = {"labels": {"alertname": "X", "severity": "warning", "bot": "b"}, "annotations": {"summary": text}}
    assert page.message([alert], template="title") == f"🟡 b: {FIGURES[text]}"


TITLES = {
    "the newest of equals": (
        [since(9, "A", "warning"), since(11, "B", "warning"), since(10, "C", "warning")],
        "firing",
        "🟡 b: summary of B, and 2 more",
    ),
    "the newest of the worst": (
        [since(9, "A", "critical"), since(11, "B", "warning"), since(10, "C", "critical")],
        "firing",
        "🔴 b: summary of C, and 2 more",
    ),
    "one without a severity": (
        [{"labels": {"alertname": "A", "bot": "b"}, "annotations": {"summary": "summary of A"}}],
        "firing",
        "🟡 b: summary of A",
    ),
    "one": ([sent("A", "critical")], "firing", "🔴 b: summary of A"),
    "the worst comes first": ([sent("A", "warning"), sent("B", "critical")], "firing", "🔴 b: summary of B, and 1 more"),
    "the first of equals": ([sent("A", "warning"), sent("B", "warning")], "firing", "🟡 b: summary of A, and 1 more"),
    "many": ([sent(name, "info") for name in "ABCDE"], "firing", "ℹ️ b: summary of A, and 4 more"),
    "several are over": ([sent(name, "critical") for name in "ABC"], "resolved", "✅ b: over: summary of A, and 2 more"),
    "over": ([sent("A", "critical")], "resolved", "✅ b: over: summary of A"),
    "the digest": ([sent("DayClosed", "info")], "firing", "📊 b: summary of DayClosed"),
}


@needs_amtool
@pytest.mark.parametrize("case", TITLES)
def test_the_title_says_who_and_what(case: str) -> None:
    alerts, status, title = TITLES[case]
    assert page.message(alerts, status, "title") == title
