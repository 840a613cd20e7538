"""One incident, one cause, one message: what fires together, and what of it is sent."""

from itertools import combinations

import pytest

from tests.alerts import rules
from tests.alerts.inhibition import announced, labels_of, mutes

# What each incident makes fire sooner or later (the rules of these alerts are tested one by one), and what a person receives.
INCIDENTS: dict[str, tuple[str, str]] = {
    "the bot is killed": ("BotSilent BotNotCycling BrakeActive BrakeHeldLong", "BotSilent"),
    "the bot is stopped": ("BotStopped BotNotCycling BrakeActive BrakeHeldLong", "BotStopped"),
    "the bot hangs in a call": ("BotSilent BotNotCycling BotCyclesFailing", "BotSilent"),
    "the bot hangs and writes": ("BotNotCycling BotCyclesFailing", "BotNotCycling"),
    "every cycle fails": ("BotCyclesFailing BotCycleErrors BotErrorsPilingUp", "BotCyclesFailing"),
    "positions cannot be read": ("BotCyclesFailing BotHalted BotErrorsPilingUp", "BotCyclesFailing"),
    "equity is gone": ("BotEquityNotPositive BotCyclesFailing BotHalted", "BotEquityNotPositive"),
    "the brake": ("BrakeActive BrakeNear MissedTrades", "BrakeActive"),
    "a brake that lasts": ("BrakeActive BrakeHeldLong MissedTrades", "BrakeActive BrakeHeldLong"),
    "brake and hard limit": ("BrakeActive HardLimitExceeded BrakeNear", "BrakeActive HardLimitExceeded"),
    "a margin call": ("MaintenanceCallNear BrakeHeldLong BrakeNear", "MaintenanceCallNear"),
    "a crash of the market": ("DayLoss DayLossSevere UnrealizedLossDeep", "DayLossSevere UnrealizedLossDeep"),
    "a crash of one position": ("PositionLossDeep", "PositionLossDeep"),
    "the network is down in session": (
        "BrokerUnreachable BrokerDownInSession BotCyclesFailing BotCycleErrors BotHalted LogBrokerDisagree LimitsUnknown",
        "BrokerDownInSession",
    ),
    "the network is down at night": ("BrokerUnreachable LimitsUnknown", "BrokerUnreachable"),
    "keys are revoked": (
        "BrokerUnauthorized BrokerUnreachable BrokerDownInSession BotCycleErrors BotCyclesFailing TradesWithoutFills",
        "BrokerUnauthorized",
    ),
    "keys of the other account": ("PaperLiveMismatch LogBrokerDisagree TradesWithoutFills", "PaperLiveMismatch"),
    "the disk is full": (
        "DiskFull DiskLow ArchiveFailing ArchiveErrors BotSilent BotNotCycling BotCyclesFailing BrokerUnreachable"
        " BrokerDownInSession ExporterNotReady LogFallingBehind LimitsUnknown LogBrokerDisagree",
        "DiskFull",
    ),
    "the disk is nearly full, and the bot dies": ("DiskFull DiskLow BotSilent BotNotCycling", "DiskFull BotSilent"),
    "the archive is read-only": (
        "ArchiveFailing ArchiveErrors BotSilent BotNotCycling BrokerUnreachable BrokerDownInSession ExporterNotReady",
        "ArchiveFailing",
    ),
    "the log is gone": ("LogUnreadable BotSilent BotNotCycling BrakeActive ExporterNotReady", "LogUnreadable"),
    "the exporter is killed": ("ExporterDown BotSilent BrakeActive DayLossSevere BrokerUnreachable", "ExporterDown"),
    "the exporter stands still": (
        "ExporterStalled BotSilent BotNotCycling BrokerUnreachable BrokerDownInSession ExporterNotReady",
        "ExporterStalled",
    ),
    "the clock is moved": ("ClockSkew LogClockWrong", "ClockSkew"),
    "an old log is read": ("CatchingUp BotRestarting BotCycleErrors BotEquityNotPositive", "CatchingUp"),
    "the network of several bots is down": ("FleetSilent ExporterDown BotSilent BrokerUnreachable", "FleetSilent"),
    "Prometheus stores nothing": ("PrometheusNotStoring BrakeActive BotSilent ExporterDown", "PrometheusNotStoring"),
}


@pytest.mark.parametrize("incident", INCIDENTS)
def test_an_incident_is_told_by_its_cause(incident: str) -> None:
    firing, sent = (set(names.split()) for names in INCIDENTS[incident])
    assert firing <= set(rules.alerts())
    assert announced(firing) == sent


def test_no_two_alerts_mute_each_other() -> None:
    assert [pair for pair in combinations(rules.alerts(), 2) if mutes(*pair) and mutes(*reversed(pair))] == []


def test_what_is_critical_is_muted_by_a_cause_and_never_by_a_warning() -> None:
    alerts = [alert for alert in rules.alerts() if labels_of(alert)["severity"] == "critical"]
    lesser = [alert for alert in rules.alerts() if labels_of(alert)["severity"] in ("warning", "info")]
    assert [(source, target) for source in lesser for target in alerts if mutes(source, target)] == []
