"""Every alert fires when it must, not before, and clears: by promtool, over the table in cases.yml."""

from pathlib import Path

import pytest

from tests.alerts import page, rules
from tests.alerts.rules import BOTS, Entry

pytestmark = pytest.mark.skipif(bool(rules.missing("promtool")), reason="promtool is not installed")


def firing(alert: str, moment: str, bots: tuple[str, ...] | None) -> Entry:
    """Promtool's assertion that `alert` fires at `moment`, once for each of `bots` (None: once, without a bot)."""
    samples = (
        [{"labels": f'{{bot="{bot}"}}', "value": 1} for bot in bots] if bots is not None else [{"labels": "{}", "value": 1}]
    )
    return {
        "expr": f'count by (bot) (ALERTS{{alertname="{alert}",alertstate="firing"}})',
        "eval_time": moment,
        "exp_samples": samples,
    }


def silent(alert: str, moment: str) -> Entry:
    """Promtool's assertion that `alert` does not fire at `moment`."""
    return firing(alert, moment, ())


def life(alert: str, case: Entry) -> Entry:
    """The life of an alert: quiet, fires, clears."""
    shared = "shared" in case
    whose = {"": BOTS, "true": None}.get(case.get("shared", ""), (case.get("shared", ""),))
    checks = [silent(alert, moment) for moment in case["quiet"]]
    checks.append(firing(alert, case["fires"], whose))
    checks += [silent(alert, case["clears"])] if "clears" in case else []
    return {
        "name": alert,
        "interval": "1m",
        "input_series": list(rules.inputs(case["series"], shared)),
        "promql_expr_test": checks,
    }


def never(alert: str, case: Entry, replaced: dict[str, str]) -> Entry:
    """A variant in which the alert never fires, not even for a minute."""
    end = case.get("never_within", case["clears"])
    ever: Entry = {
        "expr": f'count_over_time(ALERTS{{alertname="{alert}",alertstate="firing"}}[{end}])',
        "eval_time": end,
        "exp_samples": [],
    }
    series = rules.inputs({**case["series"], **replaced}, "shared" in case)
    return {"name": alert, "interval": "1m", "input_series": list(series), "promql_expr_test": [ever]}


@pytest.mark.parametrize("alert", rules.cases())
def test_an_alert_fires_in_time_and_clears(alert: str, tmp_path: Path) -> None:
    result = rules.promtool_alone(tmp_path, alert, life(alert, rules.cases()[alert]))
    assert result.returncode == 0, result.stdout


def test_an_old_log_that_is_read_between_two_scrapes_is_caught_up_with(tmp_path: Path) -> None:
    read = {"bigdipper_log_lag_bytes": "0x130", "bigdipper_log_lines_total": "0x5 21000x130"}
    case = {"series": read, "quiet": ["5m"], "fires": "6m", "clears": "85m"}
    result = rules.promtool_alone(tmp_path, "CatchingUp", life("CatchingUp", case))
    assert result.returncode == 0, result.stdout


def test_an_outage_of_several_bots_is_one_incident_until_it_is_over(tmp_path: Path) -> None:
    case = {**rules.cases()["FleetSilent"], "quiet": ["4m"], "fires": "60m"}
    result = rules.promtool_alone(tmp_path, "FleetSilent", life("FleetSilent", case))
    assert result.returncode == 0, result.stdout


QUIET = [(alert, why) for alert, case in rules.cases().items() for why in case.get("never", {})]


@pytest.mark.parametrize(("alert", "why"), QUIET, ids=[f"{alert}: {why}" for alert, why in QUIET])
def test_an_alert_does_not_fire_when(alert: str, why: str, tmp_path: Path) -> None:
    case = rules.cases()[alert]
    result = rules.promtool_alone(tmp_path, alert, never(alert, case, case["never"][why]))
    assert result.returncode == 0, result.stdout


def test_the_watchdog_is_a_new_alert_every_five_minutes(tmp_path: Path) -> None:
    series = [{"series": 'up{job="prometheus"}', "values": "1x120"}]
    moments = {f"{5 * slot + late}m": slot for slot in (0, 1, 2, 11, 12) for late in (1, 4)}
    checks = [
        {
            "expr": 'ALERTS{alertname="Watchdog", alertstate="firing"}',
            "eval_time": moment,
            "exp_samples": [
                {
                    "labels": f'ALERTS{{alertname="Watchdog", alertstate="firing", minute="{5 * slot % 60}", severity="none", '
                    'subject="alerting"}',
                    "value": 1,
                }
            ],
        }
        for moment, slot in moments.items()
    ]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": checks}
    result = rules.promtool_alone(tmp_path, "Watchdog", test)
    assert result.returncode == 0, result.stdout


def test_every_alert_has_a_case_with_its_quiet_moments() -> None:
    assert set(rules.cases()) == set(rules.alerts())
    bare = [
        alert
        for alert, case in rules.cases().items()
        if alert != "Watchdog" and not (case["quiet"] and case["never"] and case["clears"])
    ]
    assert bare == []


UNUSUAL = {
    "an empty log": (
        "BotSilent",
        {"bigdipper_exporter_start_timestamp_seconds": "0x40", "bigdipper_log_up": "1x40"},
        "Bot silent for 20m 0s",
    ),
    "the log of something else": (
        "BotNotCycling",
        {"bigdipper_exporter_start_timestamp_seconds": "0x40", 'bigdipper_calendar_session{session="closed"}': "0x40"},
        "No cycle for 20m 0s in an open market",
    ),
    "a margin call": (
        "MaintenanceCallNear",
        {
            'bigdipper_limit_distance_ratio{limit="maintenance"}': "-0.02x40",
            "bigdipper_account_equity_usd": "9000x40",
            "bigdipper_account_maintenance_margin_usd": "9700x40",
        },
        "Margin call: equity is under the maintenance margin by $700",
    ),
    "a margin call where no drop can be named": (
        "MaintenanceCallNear",
        {"bigdipper_account_equity_usd": "-100x40", "bigdipper_account_maintenance_margin_usd": "9700x40"},
        "Margin call: equity is under the maintenance margin by $9800",
    ),
}


@pytest.mark.parametrize("why", UNUSUAL)
def test_what_is_seldom_is_told_in_its_own_words(why: str, tmp_path: Path) -> None:
    alert, series, summary = UNUSUAL[why]
    expected = [{"alertname": alert, "eval_time": "20m", "exp_alerts": []}]  # promtool shows what it got
    test = {"interval": "1m", "input_series": list(rules.inputs(series, bots=BOTS[:1])), "alert_rule_test": expected}
    said = rules.promtool_alone(tmp_path, alert, test).stdout
    assert f'summary="{summary}"' in said


def test_the_digest_says_how_old_the_money_is_when_the_broker_does_not_answer() -> None:
    case = rules.cases()["DayClosed"]
    old = {'bigdipper_alpaca_last_success_timestamp_seconds{endpoint="account"}': "-600x130"}  # 27 minutes, at the digest
    silent = page.fire("DayClosed", {**case, "series": {**case["series"], **old}})
    assert "Profit by the broker, which has not answered for 27m 0s." in silent["annotations"]["description"]
    fresh = dict.fromkeys(old, "0+60x130")
    assert (
        "not answered"
        not in page.fire("DayClosed", {**case, "series": {**case["series"], **fresh}})["annotations"]["description"]
    )
