"""Fill Alertmanager's receivers from the environment, since Alertmanager reads none.

    ALERT_TELEGRAM_TOKEN=… ALERT_TELEGRAM_CHAT=… python alertmanager/render.py --out DIR

writes DIR/alertmanager.yml and DIR/templates/. Every variable may be given as NAME, or as NAME_FILE: a file that holds the
value (a Docker secret). An empty variable counts as not set; with none set, the configuration is valid and sends nothing.
Values never reach the output of this program; the file it writes contains them and is readable for its owner only.
"""

import argparse
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import yaml

HERE = Path(__file__).resolve().parent
GRAFANA = "http://localhost:3000"  # as in templates/links.tmpl
# Each receiver that sends: the severity of its messages, and whether "over" is sent. Nobody needs to hear that a note, the
# digest, or what ends with its day is over.
RECEIVERS = {
    "critical": ("critical", True),
    "critical-without-end": ("critical", False),
    "warning": ("warning", True),
    "warning-without-end": ("warning", False),
    "info": ("info", False),
}
# What is over makes no sound.
NTFY_PRIORITY = {"critical": "5", "warning": "3", "info": "2"}  # 5 breaks through "do not disturb"
NTFY_QUIET = "2"
PUSHOVER_PRIORITY = {"critical": "1", "warning": "0", "info": "-1"}  # 2 would ring until acknowledged
PUSHOVER_QUIET = "-1"
TELL_SECONDS = 3.0
REFUSED_LASTS = timedelta(days=30)
YEARS = 3  # whose holidays are written: this one and the next two
TITLE, TEXT, WHOLE, LINK = (f'{{{{ template "bigdipper.{part}" . }}}}' for part in ("title", "text", "whole", "link"))

# ntfy renders these itself, from the JSON of Alertmanager's webhook; Alertmanager's own templates do not reach there.
# Its alerts are in the order of their labels: the title is that of the newest (the texts of startsAt compare as times do).
NTFY_ICON = {"critical": "🔴", "warning": "🟡", "info": "ℹ️"}
NTFY_TITLE = (
    '{{ if eq .status "resolved" }}✅{{ else }}ICON{{ end }} '
    "{{ with .commonLabels.bot }}{{ . }}{{ else }}monitor{{ end }}: "
    '{{ if eq .status "resolved" }}over: {{ end }}'
    '{{ $first := "" }}{{ $newest := "" }}{{ $status := .status }}{{ range .alerts }}'
    "{{ if and (eq .status $status) (gt .startsAt $newest) }}"
    "{{ $newest = .startsAt }}{{ $first = .annotations.summary }}{{ end }}{{ end }}{{ $first }}"
    "{{ if gt (len .alerts) 1 }}, and more{{ end }}"
)
NTFY_TEXT = (
    '{{ range .alerts }}{{ if eq .status "resolved" }}✅ over: {{ .annotations.summary }}{{ else }}'
    "{{ .annotations.summary }}{{ with .annotations.description }}. {{ . }}{{ end }}"  # a rule of the owner may lack some
    "{{ with .annotations.dashboard }}\nPanel: GRAFANA{{ . }}{{ end }}"
    "{{ with .annotations.runbook_url }}\nWhat to do: RUNBOOKS{{ . }}{{ end }}{{ end }}\n{{ end }}"
    "{{ if .truncatedAlerts }}And {{ .truncatedAlerts }} more: see Grafana.{{ end }}"
)
NTFY_ALERTS = 5  # ntfy refuses messages over 4,096 bytes

Variables = Mapping[str, str]
Config = dict[str, Any]


class Problem(Exception):
    """One thing that is wrong with the environment: names the variable and what is allowed, never the value."""


def is_url(value: str) -> bool:
    """True for an absolute http(s) address as Alertmanager reads it: with one that it refuses it would not start again."""
    try:
        parts = urlsplit(value)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    user, _, host = parts.netloc.rpartition("@")
    checked = parts._replace(query="").geturl()  # what stands behind ? may have a % of its own
    wrong = (
        re.search(r'[\s\x00-\x1f\x7f{}"]', value) or re.search(r"%(?![0-9A-Fa-f]{2})", checked) or re.search(r"[<>^`|\\]", host)
    )
    return right and not wrong and re.fullmatch(r"[\w.~!$&'()*+,;=:%@-]*", user, re.ASCII) is not None


def is_server(value: str) -> bool:
    """True for host:port."""
    found = re.fullmatch(r"[A-Za-z0-9._-]+:([0-9]{1,5})", value)
    return found is not None and 0 < int(found[1]) < 65536


def matches(pattern: str) -> Callable[[str], bool]:
    """A check that the whole value has the form of `pattern`."""
    return lambda value: re.fullmatch(pattern, value) is not None


URL = (is_url, "an address that begins with http:// or https://, where % and signs such as ^ are written as %25 and %5E")
MAIL = r"[^@\s,]+@[^@\s,]+"
# .env, Compose and systemd take quotes off; a value that has them was not read as it was meant.
ANY = (
    matches(r"(?!(['\"]).*\1$)[^\r\n]+"),
    "one line of text without quotes around it (docs/notifications.md: $, # and quotes)",
)
PUSHOVER_KEY = (matches(r"[A-Za-z0-9]{30}"), "30 letters and digits")

# Every variable: its check, and what is allowed in words.
VARIABLES: dict[str, tuple[Callable[[str], bool], str]] = {
    "ALERT_EMAIL_TO": (matches(rf"{MAIL}(\s*,\s*{MAIL})*"), "addresses separated by commas"),
    "ALERT_EMAIL_FROM": (matches(MAIL), "an address"),
    "ALERT_EMAIL_SMTP": (is_server, "host:port, such as smtp.example.org:587"),
    "ALERT_EMAIL_USER": ANY,
    "ALERT_EMAIL_PASSWORD": ANY,
    "ALERT_TELEGRAM_TOKEN": (matches(r"\d+:[A-Za-z0-9_-]{30,}"), "the token of @BotFather: digits, a colon, 35 characters"),
    "ALERT_TELEGRAM_CHAT": (matches(r"-?[1-9][0-9]{0,15}"), "the number of a chat (negative for groups)"),
    "ALERT_DISCORD_URL": URL,
    "ALERT_SLACK_URL": URL,
    "ALERT_NTFY_URL": (
        lambda value: is_url(value) and not urlsplit(value).query and urlsplit(value).path.strip("/") != "",
        "an address with a topic, such as https://ntfy.sh/my-topic",
    ),
    "ALERT_NTFY_TOKEN": ANY,
    "ALERT_PUSHOVER_USER": PUSHOVER_KEY,
    "ALERT_PUSHOVER_TOKEN": PUSHOVER_KEY,
    "ALERT_PAGERDUTY_KEY": (matches(r"[A-Za-z0-9]{32}"), "32 letters and digits: the integration key of Events API v2"),
    "ALERT_OPSGENIE_KEY": (matches(r"[A-Za-z0-9-]{20,}"), "the key of an API integration: letters, digits and hyphens"),
    "ALERT_TEAMS_URL": URL,
    "ALERT_GOTIFY_URL": (
        lambda value: is_url(value) and not urlsplit(value).query and not urlsplit(value).fragment,
        "an address such as https://gotify.example.org",
    ),
    "ALERT_GOTIFY_TOKEN": (matches(r"[A-Za-z0-9._-]{15,}"), "the token of an application: it begins with A"),
    "ALERT_APPRISE_URL": (
        lambda value: is_url(value) and re.search(r"/notify/[\w-]{1,128}/?$", urlsplit(value).path) is not None,
        "an address that ends with /notify/ and a key, such as http://apprise:8000/notify/phone",
    ),
    "ALERT_WEBHOOK_URL": URL,
    "ALERT_DEADMAN_URL": URL,
    "ALERT_GRAFANA_URL": URL,
    "ALERT_RUNBOOKS_URL": URL,
}


def grafana_of(v: Variables) -> str:
    """What stands before the path of a dashboard in a message."""
    return v.get("ALERT_GRAFANA_URL", GRAFANA).rstrip("/")


def runbooks_of(v: Variables) -> str:
    """What stands before `docs/runbooks.md#…` in a message; who gives the address of docs means the same."""
    return v["ALERT_RUNBOOKS_URL"].rstrip("/").removesuffix("/docs") + "/" if "ALERT_RUNBOOKS_URL" in v else ""


def email(v: Variables, severity: str) -> Config:
    """A plain-text mail. Port 465 means TLS from the start, others upgrade by STARTTLS."""
    login = {}
    if "ALERT_EMAIL_USER" in v:
        login = {"auth_username": v["ALERT_EMAIL_USER"], "auth_password": v["ALERT_EMAIL_PASSWORD"]}
    return {
        "to": v["ALERT_EMAIL_TO"],
        "from": v["ALERT_EMAIL_FROM"],
        "smarthost": v["ALERT_EMAIL_SMTP"],
        "require_tls": bool(login) and not v["ALERT_EMAIL_SMTP"].endswith(":465"),  # a relay without login is the local one
        **login,
        "headers": {"Subject": TITLE},
        "html": "",
        "text": TEXT,
    }


def telegram(v: Variables, severity: str) -> Config:
    """Plain text: no sign of a message needs escaping. Only critical ones make a sound."""
    return {
        "bot_token": v["ALERT_TELEGRAM_TOKEN"],
        "chat_id": int(v["ALERT_TELEGRAM_CHAT"]),
        "parse_mode": "",
        "message": WHOLE,
        "disable_notifications": severity != "critical",
    }


def discord(v: Variables, severity: str) -> Config:
    """A message in the channel of the webhook."""
    return {"webhook_url": v["ALERT_DISCORD_URL"], "title": TITLE, "message": TEXT}


def slack(v: Variables, severity: str) -> Config:
    """A message in the channel of the incoming webhook."""
    colour = {"critical": "danger", "warning": "warning", "info": "#439FE0"}[severity]
    colour = f'{{{{ if eq .Status "firing" }}}}{colour}{{{{ else }}}}good{{{{ end }}}}'
    look = {"title": TITLE, "title_link": LINK, "text": TEXT, "fallback": TITLE, "color": colour}
    return {"api_url": v["ALERT_SLACK_URL"], **look}


def ntfy(v: Variables, severity: str) -> Config:
    """A webhook whose address carries the templates: needs ntfy.sh, or an own server from version 2.9 on."""
    priority = NTFY_PRIORITY[severity]
    if urlsplit(v["ALERT_NTFY_URL"]).hostname == "ntfy.sh":  # an own server may be too old for a template in the priority
        priority = f'{{{{ if eq .status "resolved" }}}}{NTFY_QUIET}{{{{ else }}}}{priority}{{{{ end }}}}'
    query = {
        "template": "yes",
        "title": NTFY_TITLE.replace("ICON", NTFY_ICON[severity]),
        "message": NTFY_TEXT.replace("GRAFANA", grafana_of(v)).replace("RUNBOOKS", runbooks_of(v)),
        "priority": priority,
    }
    if "ALERT_GRAFANA_URL" in v:
        query["click"] = v["ALERT_GRAFANA_URL"]
    config: Config = {"url": f"{v['ALERT_NTFY_URL']}?{urlencode(query)}", "max_alerts": NTFY_ALERTS}
    if "ALERT_NTFY_TOKEN" in v:
        config["http_config"] = {"authorization": {"type": "Bearer", "credentials": v["ALERT_NTFY_TOKEN"]}}
    return config


def pushover(v: Variables, severity: str) -> Config:
    """A push with the link to the panel."""
    return {
        "user_key": v["ALERT_PUSHOVER_USER"],
        "token": v["ALERT_PUSHOVER_TOKEN"],
        "title": TITLE,
        "message": TEXT,
        "url": LINK,
        "url_title": "Panel",
        "priority": f'{{{{ if eq .Status "firing" }}}}{PUSHOVER_PRIORITY[severity]}{{{{ else }}}}{PUSHOVER_QUIET}{{{{ end }}}}',
    }


def pagerduty(v: Variables, severity: str) -> Config:
    """An event; what is over closes its incident."""
    details = {"text": TEXT}
    link = [{"href": LINK, "text": "Panel"}]
    return {
        "routing_key": v["ALERT_PAGERDUTY_KEY"],
        "description": TITLE,
        "severity": severity,
        "details": details,
        "links": link,
    }


def opsgenie(v: Variables, severity: str) -> Config:
    """An alert; what is over closes it."""
    priority = {"critical": "P1", "warning": "P3", "info": "P5"}[severity]
    return {"api_key": v["ALERT_OPSGENIE_KEY"], "message": TITLE, "description": TEXT, "priority": priority}


def teams(v: Variables, severity: str) -> Config:
    """A card in a channel of Microsoft Teams, by a workflow's webhook."""
    return {"webhook_url": v["ALERT_TEAMS_URL"], "title": TITLE, "text": TEXT}


def posted(url: str, fields: dict[str, str]) -> Config:
    """POST `fields` as JSON to `url`. Of Alertmanager's integrations, VictorOps' sends fields that one chooses, to
    api_url + api_key + "/" + routing_key: the address in three parts.
    """
    parts = urlsplit(url)
    folder, _, last = parts.path.strip("/").rpartition("/")
    above, _, key = folder.rpartition("/") if folder else ("", "", last)
    return {
        "api_url": parts._replace(path=f"/{above}/" if above else "/").geturl(),
        "api_key": key,
        "routing_key": last if folder else '{{ "" }}',  # one part only: a slash at the end, from which Gotify redirects
        "custom_fields": fields,
    }


def gotify(v: Variables, severity: str) -> Config:
    """A message; its priority is the default of the application, since the fields can only be text."""
    config = posted(f"{v['ALERT_GOTIFY_URL'].rstrip('/')}/message", {"title": TITLE, "message": TEXT})
    return {**config, "http_config": {"authorization": {"type": "Bearer", "credentials": v["ALERT_GOTIFY_TOKEN"]}}}


def apprise(v: Variables, severity: str) -> Config:
    """To all services that the Apprise API knows under the key: Matrix, Signal and a hundred more."""
    kind = {"critical": "failure", "warning": "warning", "info": "info"}[severity]
    kind = f'{{{{ if eq .Status "firing" }}}}{kind}{{{{ else }}}}success{{{{ end }}}}'
    return posted(v["ALERT_APPRISE_URL"], {"title": TITLE, "body": TEXT, "type": kind, "format": "text"})


def webhook(v: Variables, severity: str) -> Config:
    """Alertmanager's JSON, as it is."""
    return {"url": v["ALERT_WEBHOOK_URL"]}


@dataclass(frozen=True)
class Channel:
    """A way to people: on when any of its variables is set, and then all `required` ones must be.

    `since`: the version of Alertmanager that knows it.
    """

    key: str
    build: Callable[[Variables, str], Config]
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    since: tuple[int, int] = (0, 25)


CHANNELS = {
    "email": Channel(
        "email_configs",
        email,
        ("ALERT_EMAIL_TO", "ALERT_EMAIL_FROM", "ALERT_EMAIL_SMTP"),
        ("ALERT_EMAIL_USER", "ALERT_EMAIL_PASSWORD"),
    ),
    "telegram": Channel("telegram_configs", telegram, ("ALERT_TELEGRAM_TOKEN", "ALERT_TELEGRAM_CHAT")),
    "discord": Channel("discord_configs", discord, ("ALERT_DISCORD_URL",)),
    "slack": Channel("slack_configs", slack, ("ALERT_SLACK_URL",)),
    "ntfy": Channel("webhook_configs", ntfy, ("ALERT_NTFY_URL",), ("ALERT_NTFY_TOKEN",)),
    "pushover": Channel("pushover_configs", pushover, ("ALERT_PUSHOVER_USER", "ALERT_PUSHOVER_TOKEN")),
    "pagerduty": Channel("pagerduty_configs", pagerduty, ("ALERT_PAGERDUTY_KEY",)),
    "opsgenie": Channel("opsgenie_configs", opsgenie, ("ALERT_OPSGENIE_KEY",)),
    "teams": Channel("msteamsv2_configs", teams, ("ALERT_TEAMS_URL",), since=(0, 28)),
    "gotify": Channel("victorops_configs", gotify, ("ALERT_GOTIFY_URL", "ALERT_GOTIFY_TOKEN")),
    "apprise": Channel("victorops_configs", apprise, ("ALERT_APPRISE_URL",)),
    "webhook": Channel("webhook_configs", webhook, ("ALERT_WEBHOOK_URL",)),
}


def _refuse_misspelt(given: str, name: str) -> None:
    """Raise Problem for a variable of ALERT_ that does not exist, and for one of another prefix that is nearly one of them."""
    near = get_close_matches(name, VARIABLES, 1, 0.9)
    if near:
        raise Problem(f"{given}: no such variable; did you mean {near[0]}?")
    if given.startswith("ALERT_"):
        raise Problem(f"{given}: no such variable; there are {', '.join(VARIABLES)}")


def read(environ: Mapping[str, str]) -> Variables:
    """The variables that are set, each from its value or its file. Raises Problem at the first that is wrong."""
    values: dict[str, str] = {}
    for given, text in environ.items():
        name = given.removesuffix("_FILE")
        if name not in VARIABLES and text.strip():
            _refuse_misspelt(given, name)
        if name not in VARIABLES or not text.strip():
            continue
        if name in values:
            raise Problem(f"{name}: give either {name} or {name}_FILE, not both")
        value = _file(given, text.strip()) if given != name else text.strip()
        valid, allowed = VARIABLES[name]
        if not valid(value):
            raise Problem(f"{given}: must be {allowed}")
        values[name] = value
    if ("ALERT_EMAIL_USER" in values) != ("ALERT_EMAIL_PASSWORD" in values):
        raise Problem("ALERT_EMAIL_USER and ALERT_EMAIL_PASSWORD: give both or none")
    return values


def _file(name: str, path: str) -> str:
    try:
        value = Path(path).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"{name}: cannot read {path}: {getattr(error, 'strerror', None) or 'not text'}") from None
    if not value:
        raise Problem(f"{name}: {path} is empty")
    return value


def chosen(values: Variables) -> Iterator[tuple[str, Channel]]:
    """The channels that are switched on. Raises Problem where one is half configured."""
    for name, channel in CHANNELS.items():
        present = [variable for variable in (*channel.required, *channel.optional) if variable in values]
        missing = [variable for variable in channel.required if variable not in values]
        if present and missing:
            raise Problem(f"{name}: {', '.join(present)} is set, but {', '.join(missing)} is missing")
        if present:
            yield name, channel


def fill(config: Config, values: Variables) -> list[str]:
    """Put the chosen channels into the receivers of `config`. Returns the names of what was switched on."""
    receivers = {receiver["name"]: receiver for receiver in config["receivers"]}
    names = []
    for name, channel in chosen(values):
        names.append(name)
        for receiver, (severity, ends) in RECEIVERS.items():
            entry = {"send_resolved": ends, **channel.build(values, severity)}
            receivers[receiver].setdefault(channel.key, []).append(entry)
    if "ALERT_DEADMAN_URL" in values:
        names.append("dead man")
        ping = {"url": values["ALERT_DEADMAN_URL"], "send_resolved": False, "max_alerts": 1}
        receivers["deadman"]["webhook_configs"] = [ping]
    return names


def add_holidays(config: Config, today: date) -> bool:
    """Add the NYSE's holidays and half days to the hours outside the market's day. False without the exporter's calendar."""
    try:
        from bigdipper_exporter import calendar
    except ImportError:
        return False
    intervals = next(one for one in config["time_intervals"] if one["name"] == "outside-market-day")["time_intervals"]
    day, end = date(today.year, 1, 1), date(today.year + YEARS, 1, 1)
    while day < end:
        hours = {"times": [{"start_time": "17:00", "end_time": "24:00"}]} if calendar.is_half_day(day) else {}
        if hours or (day.weekday() < 5 and not calendar.is_trading_day(day)):
            when = {"years": [str(day.year)], "months": [str(day.month)], "days_of_month": [str(day.day)]}
            intervals.append({"location": "America/New_York", **when, **hours})
        day += timedelta(days=1)
    return True


def write(out: Path, config: Config, values: Variables) -> None:
    """Write the configuration and its templates into `out`, complete or not at all, readable for the owner only."""
    templates = out / "templates"
    templates.mkdir(parents=True, exist_ok=True)
    for source in (HERE / "templates").glob("*.tmpl"):
        shutil.copyfile(source, templates / source.name)
    base = {"grafana": grafana_of(values), "runbooks": runbooks_of(values)}
    links = [f'{{{{ define "bigdipper.{part}" }}}}{url}{{{{ end }}}}\n' for part, url in base.items()]
    (templates / "links.tmpl").write_text("".join(links), encoding="utf-8")
    draft = out / ".alertmanager.yml"
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write("# Written by alertmanager/render.py from ALERT_* variables. Contains secrets; changes are overwritten.\n")
        yaml.safe_dump(config, file, allow_unicode=True, sort_keys=False)
    draft.replace(out / "alertmanager.yml")


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns 0, or 2 with one line on stderr that says what is wrong."""
    parser = argparse.ArgumentParser(description="Fill Alertmanager's receivers from ALERT_* variables.")
    parser.add_argument("--out", type=Path, required=True, help="folder for alertmanager.yml and templates/")
    parser.add_argument(
        "--alertmanager", metavar="URL", help="tell this Alertmanager when settings are refused, and when not any more"
    )
    options = parser.parse_args(arguments)
    code, said = render(options.out)
    print(f"alertmanager: {said}", file=sys.stderr if code else sys.stdout)
    if options.alertmanager:
        tell(options.alertmanager, said if code else None)
    return code


def render(out: Path) -> tuple[int, str]:
    """Write the configuration into `out`. Returns the exit code, and what to say of it: never a value of a variable."""
    try:
        values = read(os.environ)
        config = yaml.safe_load((HERE / "alertmanager.yml").read_text(encoding="utf-8"))
        names = fill(config, values)
        if not add_holidays(config, date.today()):
            print("alertmanager: without the exporter's package holidays count as market days", file=sys.stderr)
        write(out, config, values)
    except Problem as problem:
        return 2, str(problem)
    except OSError as error:
        return 2, f"cannot write to {out}: {error.strerror}"
    return 0, f"notifications by {', '.join(names)}" if names else "no notifications configured"


def tell(address: str, problem: str | None) -> None:
    """Raise the alert NotificationSettingsRejected at a running Alertmanager, or end it; without one nothing happens.

    It still has the settings from before, so the message arrives by the ways that worked until now.
    """
    now = datetime.now(UTC)
    alert = {
        "labels": {"alertname": "NotificationSettingsRejected", "severity": "critical", "subject": "alerting"},
        "annotations": {
            "summary": f"Notification settings refused{': ' if problem else ''}{problem or ''}",
            "description": "The earlier settings stay in force. Correct this one and start again.",
            "runbook_url": "docs/notifications.md",
            "dashboard": "/alerting/list",
        },
        "endsAt": (now if problem is None else now + REFUSED_LASTS).isoformat(),
    }
    request = Request(
        f"{address.rstrip('/')}/api/v2/alerts", json.dumps([alert]).encode(), {"Content-Type": "application/json"}
    )
    with suppress(OSError, ValueError):
        urlopen(request, timeout=TELL_SECONDS).close()


if __name__ == "__main__":
    sys.exit(main())
