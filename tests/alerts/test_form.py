"""The form of rules and configuration: valid, complete, and about metrics that exist."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from bigdipper_exporter.metrics.registry import METRICS
from bigdipper_exporter.metrics.table import Counter, Histogram
from bigdipper_exporter.web.alerts import RESEND_SECONDS
from tests.alerts import page, rules

needs_promtool = pytest.mark.skipif(bool(rules.missing("promtool")), reason="promtool is not installed")
needs_both = pytest.mark.skipif(bool(rules.missing("promtool", "amtool")), reason="promtool or amtool is not installed")

SCRAPED = {"bot", "instance", "job"}
# What Prometheus and Alertmanager say of themselves; test_stack.py finds each of them in the real programs.
OUTSIDE: dict[str, set[str]] = {
    "up": set(),
    "prometheus_notifications_errors_total": set(),
    "prometheus_rule_evaluation_failures_total": set(),
    "prometheus_config_last_reload_successful": set(),
    "alertmanager_notifications_failed_total": {"integration"},
    "alertmanager_config_last_reload_successful": set(),
}
NOT_A_STATE = {"Watchdog", "ExporterDown", "ExporterMissing"}  # these do not read the exporter's series
EXPRESSIONS = [
    (rule.get("alert") or rule["record"], rule["expr"]) for kind in ("alert", "record") for rule in rules.rules(kind)
]
QUERIES = [
    (name, query.replace('\\"', '"').replace("%q", '"x"'))
    for name, rule in rules.alerts().items()
    for text in rule["annotations"].values()
    for query in re.findall(r'printf "((?:[^"\\]|\\.)*)" \$labels[^|}]*\| query', text)
]


def labels_of() -> dict[str, set[str]]:
    """Every series name that exists, with its labels."""
    known = {name: labels | SCRAPED for name, labels in OUTSIDE.items()}
    for metric in METRICS:
        suffixes = ("_bucket", "_sum", "_count") if metric.type == "histogram" else ("",)
        known |= {metric.name + suffix: {*metric.labels, *SCRAPED} for suffix in suffixes}
    for rule in rules.rules("record"):
        read = set().union(*(known[name] for name in rules.metric_names(rule["expr"]) if name in known))
        known[rule["record"]] = known.get(rule["record"], set()) | read | set(rule.get("labels", {}))
    return known


@needs_promtool
def test_promtool_finds_nothing_to_say_about_the_rules() -> None:
    result = rules.run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *rules.RULE_FILES)
    assert result.returncode == 0, result.stdout


@needs_promtool
@pytest.mark.parametrize("remote_write", [False, True], ids=["as shipped", "with remote_write switched on"])
def test_prometheus_accepts_the_configuration(remote_write: bool, tmp_path: Path) -> None:
    text = (rules.PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8")
    if remote_write:
        text = text.replace("#| ", "")
        assert text.count("\nremote_write:") == 1
    (tmp_path / "prometheus.yml").write_text(text, encoding="utf-8")
    (tmp_path / "remote-write-password").touch()
    for name in ("rules", "targets"):
        (tmp_path / name).symlink_to(rules.PROMETHEUS / name)
    result = rules.run("promtool", "check", "config", tmp_path / "prometheus.yml")
    assert result.returncode == 0, result.stdout
    assert f"{len(rules.RULE_FILES)} rule files found" in result.stdout


@pytest.mark.parametrize(("name", "expression"), [*EXPRESSIONS, *QUERIES])
def test_every_metric_and_label_of_a_rule_exists(name: str, expression: str) -> None:
    known = labels_of()
    read = rules.metric_names(expression)
    assert read - set(known) == set(), name
    selected = [
        (metric, label)
        for metric, selector in re.findall(r"([a-z_:0-9]+)\{([^}]*)\}", expression)
        for label in re.findall(r"(\w+)\s*(?:=|!=|=~|!~)", selector)
    ]
    assert [(metric, label) for metric, label in selected if label not in known[metric]] == []
    anywhere = SCRAPED.union(*(known[metric] for metric in read), {"alertname"} if "ALERTS{" in expression else ())
    matched = re.findall(r"\b(?:by|without|on|ignoring|group_left)\s*\(([^)]*)\)", expression)
    assert {label.strip() for group in matched for label in group.split(",") if label.strip()} <= anywhere


def test_every_label_value_that_a_rule_selects_is_counted_from_the_start() -> None:
    bot, broker = SimpleNamespace(symbols=("NVDA",)), SimpleNamespace(backfill=1.0)
    anything: Any = SimpleNamespace(broker=broker, bot=bot, prices=SimpleNamespace())
    seeded = {
        metric.name: (metric.labels, list(metric.known(anything)))
        for metric in METRICS
        if isinstance(metric, Counter | Histogram) and metric.known
    }
    checked = set()
    for name, expression in EXPRESSIONS:
        for metric, label, values in re.findall(r'([a-z_]+)\{(\w+)=~?"([^"]*)"\}', expression):
            if metric in seeded:
                labels, known = seeded[metric]
                assert set(values.split("|")) <= {sample[labels.index(label)] for sample in known}, name
                checked.add(name)
    assert {"BotCycleErrors", "BotHalted", "OrdersRejected", "BrokerUnauthorized", "PositionChangedByHand"} <= checked
    # WashSaleBuy looks for new series, since the symbols of an account are not known in advance.
    increases = {name for _, text in EXPRESSIONS for name in re.findall(r"increase\(([a-z_]+)", text)} - set(OUTSIDE)
    unseeded = {metric.name for metric in METRICS if metric.labels and metric.name in increases} - set(seeded)
    assert unseeded == {"bigdipper_wash_sale_buys_total"}, "the first incident would be invisible to increase()"


# Hours in steps of five minutes, weeks in steps of an hour: the rule looks back for 30 days, so that the former take a minute.
@pytest.mark.parametrize(
    ("step", "home", "missed"),
    [
        ("5m", "1x50 _x20", {"4h": False, "5h": True}),
        ("1h", "1x4 _x1166 1x8", {"4h": False, "6d": True, "40d": True, "1175h": False}),
    ],
)
def test_a_site_is_missed_until_it_sends_again(step: str, home: str, missed: dict[str, bool], tmp_path: Path) -> None:
    series = [
        {"series": 'up{job="bigdipper", site="home", bot="a"}', "values": home},
        {"series": 'up{job="bigdipper", site="office", bot="b"}', "values": "1x1180"},
    ]
    asked = 'count by (site) (ALERTS{alertname="SiteSilent", alertstate="firing"})'
    moments = [
        {"expr": asked, "eval_time": moment, "exp_samples": [{"labels": '{site="home"}', "value": 1}] * is_missed}
        for moment, is_missed in missed.items()
    ]
    test = {"interval": step, "input_series": series, "promql_expr_test": moments}
    central = rules.ROOT / "deploy" / "central" / "rules.yml"
    result = rules.promtool(tmp_path, [test], [central], interval=step)
    assert result.returncode == 0, result.stdout


def test_every_alert_says_what_to_do_in_a_runbook_heading_of_its_own() -> None:
    headings = re.findall(r"^## (\w+)$", (rules.ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == [*dict.fromkeys(headings)]
    assert set(headings) == set(rules.alerts())
    for name, rule in rules.alerts().items():
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"


def test_the_links_of_the_central_rules_lead_to_headings() -> None:
    central = yaml.safe_load((rules.ROOT / "deploy" / "central" / "rules.yml").read_text())
    for rule in (rule for rule in central["groups"][0]["rules"] if "alert" in rule):
        file, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        headings = re.findall(r"^#+ (.+)$", (rules.ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_every_alert_has_severity_subject_summary_description_and_panel() -> None:
    for name, rule in rules.alerts().items():
        assert rule["labels"]["severity"] in page.ICONS, name
        assert rule["labels"]["subject"] in page.SUBJECTS, name
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url", "dashboard"}, name


def test_an_alert_outlives_a_restart_of_the_exporter() -> None:
    shared = {name for name, case in rules.cases().items() if "shared" in case}
    brief = {name for name, rule in rules.alerts().items() if "keep_firing_for" not in rule}
    assert brief - shared == NOT_A_STATE - shared


WINDOW = re.compile(r"\b(?:increase|rate|changes|(?:max|min|avg|sum|count|present)_over_time)\([^\[\]]*\[(\d+)([smhd])\]")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
ENDS_WITH_ITS_CAUSE = {"BrokerUnauthorized"}  # the broker's last answer counts too, and that is a minute old


def test_one_hiccup_is_over_before_an_alert_that_waits() -> None:
    # What happened once is in a window of increase() for as long as that is: a shorter `for` waits for nothing.
    recorded = {rule["record"]: rule["expr"] for rule in rules.rules("record")}
    hasty = {}
    for name, rule in rules.alerts().items():
        text = rule["expr"] + "".join(expr for record, expr in recorded.items() if record in rule["expr"])
        windows = [int(number) * UNITS[unit] for number, unit in WINDOW.findall(text)]
        waits = [int(number) * UNITS[unit] for number, unit in re.findall(r"^(\d+)([smhd])$", rule.get("for", ""))]
        if windows and waits and waits[0] < min(windows):
            hasty[name] = min(windows)
    assert set(hasty) == ENDS_WITH_ITS_CAUSE


def test_every_for_is_explained() -> None:
    for file in rules.ALERT_FILES:
        for line in file.read_text(encoding="utf-8").splitlines():
            assert not line.strip().startswith("for:") or "#" in line, f"{file.name}: {line}"


@pytest.mark.parametrize(
    "flag",
    ["--rules.alert.for-grace-period=0s", f"--rules.alert.resend-delay={rules.RESENT_MINUTES}m"],
    ids=["grace", "resend"],
)
@pytest.mark.parametrize(
    "file",
    [
        "docker-compose.yml",
        "docs/deployment.md",
        "prometheus/prometheus.yml",
        "deploy/central/compose.yml",
        "exporter/bigdipper_exporter/demo/stack.py",
        "exporter/bigdipper_exporter/commands/stack.py",
    ],
)
def test_a_restart_of_prometheus_ends_no_incident(file: str, flag: str) -> None:
    text = (rules.ROOT / file).read_text(encoding="utf-8")
    assert set(re.findall(rf"{flag.partition('=')[0]}=\w+", text)) == {flag}


def test_the_page_knows_how_often_prometheus_sends() -> None:
    assert rules.RESENT_MINUTES * 60 == RESEND_SECONDS


def test_the_dead_man_waits_for_a_backup_of_prometheus() -> None:
    # deploy/backup.sh stops Prometheus while it copies up to 8 GB; without Prometheus nothing pings.
    text = (rules.ROOT / "docs" / "notifications.md").read_text(encoding="utf-8")
    assert re.findall(r"period (\d+) minutes, grace (\d+)", text) == [("5", "20")]


def test_every_threshold_is_a_number_of_its_own_name() -> None:
    thresholds = [rule for rule in rules.rules("record") if rule["record"] == "bigdipper:threshold"]
    assert all(re.fullmatch(r"vector\([0-9.]+\)", rule["expr"]) for rule in thresholds)
    assert len({tuple(sorted(rule["labels"].items())) for rule in thresholds}) == len(thresholds)


def test_every_threshold_that_a_rule_reads_exists() -> None:
    defined = {rule["labels"]["name"] for rule in rules.rules("record") if rule["record"] == "bigdipper:threshold"}
    read = {name for _, text in EXPRESSIONS for name in re.findall(r'bigdipper:threshold\{name="(\w+)"', text)}
    assert read <= defined
    assert defined - read == {"brake_silence_seconds"}  # for the exporter


@needs_both
def test_messages_are_written_in_words() -> None:
    for name, alert in page.fired().items():
        text = alert["annotations"]["summary"] + " " + alert["annotations"]["description"]
        assert not re.findall(r"\b[A-Z][a-z]+[A-Z][A-Za-z]+\b", text), name
        assert "_" not in text.replace("log.timezone", ""), name


@needs_both
def test_links_keep_any_name_of_a_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "BOTS", ("a&b c/#1",))
    case = rules.cases()["BotStopped"]
    assert page.fire("BotStopped", case)["annotations"]["dashboard"].endswith("?var-bot=a%26b+c%2F%231")


@needs_both
def test_the_page_of_messages_is_up_to_date() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.render(), "run: python -m tests.alerts.page"
