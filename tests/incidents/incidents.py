"""The incidents, one table: when each happens, its script, and the alerts that the owner is sent.

The recording begins with the script. All else follows: which rules fire, what Alertmanager makes of them (`story.py`), and
the page docs/incidents.md (`page.py`).
"""

from dataclasses import dataclass

from bigdipper_exporter.demo.simulator.incidents import stuck_order, wash_trade
from tests.incidents import scripts as does
from tests.incidents.laboratory import Setting
from tests.incidents.scripts import Script

QUIET = 5  # minutes that are recorded before anything happens
NOON = Setting("2026-10-14 11:00")


@dataclass(frozen=True)
class Incident:
    """One incident. `sent`: the alerts of each message in order, "-" before those that are over; empty: nothing is sent.

    off: minutes (from the recording's begin) in which Prometheus sends nothing; deaf: in which Alertmanager is off. every: how
    often the rules are evaluated (shipped: every 15 s; a minute is enough where no two alerts race). settle: quarters of a
    minute between the exporter's start and the recording. long: in `make soak`.
    """

    name: str
    what: str
    script: Script
    sent: tuple[str, ...]
    setting: Setting = NOON
    settle: int = 3
    every: str = "1m"
    off: range = range(0)
    deaf: range = range(0)
    long: bool = False


OF_BOT_LOG_AND_DISK = (
    Incident("bot-killed", "The bot is killed; 20 minutes later it is started again", does.killed, ("BotSilent", "-BotSilent")),
    Incident(
        "bot-stopped", "The bot is stopped; 20 minutes later it is started again", does.stopped, ("BotStopped", "-BotStopped")
    ),
    Incident("bot-upgraded", "The bot is restarted within three minutes", does.upgraded, ()),
    Incident(
        "bot-hangs", "The bot hangs while one of its threads goes on writing", does.hangs, ("BotNotCycling", "-BotNotCycling")
    ),
    Incident(
        "cycles-fail",
        "Every cycle breaks off with an error for half an hour",
        does.failing("clock"),
        ("BotCyclesFailing", "-BotCyclesFailing"),
    ),
    Incident(
        "positions-unreadable",
        "The bot cannot read its positions for half an hour",
        does.failing("positions"),
        ("BotCyclesFailing", "-BotCyclesFailing"),
        long=True,
    ),
    Incident(
        "some-cycles-fail",
        "Every third cycle breaks off, for an hour",
        does.sometimes,
        ("BotCycleErrors", "-BotCycleErrors"),
        long=True,
    ),
    Incident(
        "one-of-eight",
        "One cycle of eight completes, for an hour",
        does.one_of_eight,
        ("BotCycleErrors", "-BotCycleErrors"),
    ),
    Incident("one-bad-minute", "One cycle fails", does.one_bad_minute, ()),
    Incident("cycle-slow", "Cycles take 52 s", does.slow, ("BotCyclesSlow", "-BotCyclesSlow"), long=True),
    Incident(
        "crash-loop",
        "The bot crashes and is started again, four times",
        does.crash_loop,
        ("BotRestarting", "-BotRestarting"),
        long=True,
    ),
    Incident(
        "reboot", "The machine reboots: all of it is gone for three minutes", does.reboot, (), off=range(5, 9), deaf=range(5, 9)
    ),
    Incident(
        "log-renamed", "logrotate renames the log and creates a new one; the bot goes on in the old file", does.renamed, ()
    ),
    Incident("log-truncated", "logrotate copies and truncates the log", does.copied, ()),
    Incident("log-gone", "The log is moved away for a quarter of an hour", does.log_gone, ("LogUnreadable", "-LogUnreadable")),
    Incident("disk-full", "The disk is full for 20 minutes", does.disk_full, ("DiskFull", "-DiskFull")),
)
OF_ALL_ELSE = (
    Incident(
        "network-down",
        "The network to the broker is down for half an hour in session",
        does.network_down,
        ("BrokerDownInSession", "-BrokerDownInSession"),
    ),
    Incident(
        "network-down-late",
        "The same, from shortly before the polls that come every five minutes",
        does.network_down,
        ("BrokerDownInSession", "-BrokerDownInSession"),
        settle=18,
    ),
    Incident(
        "network-down-at-night",
        "The network to the broker is down at night",
        does.network_down,
        (),
        Setting("2026-10-14 01:00"),
    ),
    Incident(
        "network-down-before-the-session",
        "The network to the broker is down from 06:05 to 06:35",
        does.network_down,
        ("BrokerDownInSession", "-BrokerDownInSession"),
        Setting("2026-10-14 06:00"),
        every="15s",
    ),
    Incident(
        "network-down-from-the-night-on",
        "The network to the broker is down from 03:25, when nobody is woken for it, to 04:40",
        does.network_down_for(75, after=20),
        ("BrokerDownInSession", "-BrokerDownInSession"),
        Setting("2026-10-14 03:20"),
        every="15s",
        long=True,
    ),
    Incident(
        "network-down-over-the-close",
        "The network to the broker is down from 15:50 to 16:25",
        does.network_down_for(35, after=15),
        ("BrokerDownInSession", "DayClosed", "-BrokerDownInSession"),
        Setting("2026-10-14 15:45"),
        every="15s",
    ),
    Incident("broker-outage-short", "The broker answers 503 for five minutes", does.short_outage, ()),
    Incident(
        "broker-errors",
        "The broker answers 503 for 35 minutes in session",
        does.errors,
        ("BrokerDownInSession", "-BrokerDownInSession"),
        long=True,
    ),
    Incident(
        "one-endpoint",
        "The broker's activities fail for half an hour",
        does.one_endpoint,
        ("BrokerUnreachable", "-BrokerUnreachable"),
    ),
    Incident(
        "keys-rejected",
        "The keys are revoked, and replaced after half an hour",
        does.keys_rejected,
        ("BrokerUnauthorized", "-BrokerUnauthorized"),
        long=True,
    ),
    Incident(
        "budget", "Another program uses up the account's request budget", does.budget, ("BrokerBudgetLow", "-BrokerBudgetLow")
    ),
    Incident(
        "brake",
        "The brake is on for 40 minutes",
        does.brake(40),
        ("BrakeActive", "-BrakeActive"),
        Setting(NOON.begins, leverage=1.1),
        long=True,
    ),
    Incident(
        "brake-over-close",
        "The brake is on from 14:40 until after the close",
        does.brake(110),
        ("BrakeActive", "BrakeHeldLong", "DayClosed", "-BrakeActive"),
        Setting("2026-10-14 14:40", leverage=1.1),
        long=True,
    ),
    Incident(
        "brake-twice",
        "The bot dies under the brake and is started again without it; 20 minutes later there is another brake",
        does.brake_twice,
        ("BrakeActive", "BotSilent", "-BotSilent", "-BrakeActive", "BrakeActive"),
        Setting(NOON.begins, leverage=1.1),
    ),
    Incident(
        "margin-call",
        "The broker raises its margin requirement: a margin call",
        does.margin_call,
        ("MaintenanceCallNear", "-MaintenanceCallNear"),
        Setting(NOON.begins, leverage=1.1),
        long=True,
    ),
    Incident(
        "leveraged-crash",
        "The market falls by 12 % at a leverage of 114 %",
        does.leveraged_crash,
        ("BrakeActive", "DayLossSevere", "UnrealizedLossDeep"),
        Setting(NOON.begins, leverage=1.13),
    ),
    Incident("position-crash", "The largest position falls by 38 %", does.position_crash, ("PositionLossDeep",)),
    Incident(
        "loss-overnight",
        "The market opens 8 % down, with the broker",
        does.overnight,
        ("DayLoss",),
        Setting("2026-10-14 03:56", 2),
    ),
    Incident(
        "loss-overnight-log",
        "The market opens 8 % down, without keys",
        does.overnight,
        ("DayLoss",),
        Setting("2026-10-14 03:56", 2, keys=False),
    ),
    Incident("day-crash", "The market falls by 13 %", does.day_crash, ("DayLossSevere",)),
    Incident("order-by-hand", "The owner sells half a position by hand", does.by_hand, ("PositionChangedByHand",)),
    Incident(
        "stuck-order",
        "An order that nobody fills",
        does.simulated(stuck_order, 45),
        ("OrderOpenLong",),
        Setting(NOON.begins, dips=True),
        long=True,
    ),
    Incident(
        "wash-trade",
        "An opposite order stands for 35 minutes",
        does.simulated(wash_trade, 10),
        ("MissedTrades",),
        Setting(NOON.begins, dips=True),
        long=True,
    ),
    Incident(
        "exporter-killed",
        "The exporter is killed; 15 minutes later it is started again",
        does.exporter_killed,
        ("ExporterDown", "-ExporterDown"),
    ),
    Incident("exporter-restarted", "The exporter is restarted within seconds", does.exporter_restarted, ()),
    Incident(
        "exporter-stalled",
        "The exporter's main loop stands still for ten minutes",
        does.exporter_stalled,
        ("ExporterStalled", "-ExporterStalled"),
    ),
    Incident(
        "clock-wrong", "The machine's clock is ten minutes slow", does.clock_wrong, ("ClockSkew", "-ClockSkew"), long=True
    ),
    Incident(
        "fleet",
        "The machine of three exporters is gone",
        does.fleet,
        ("FleetSilent", "-FleetSilent"),
        Setting(NOON.begins, bots=("big-dipper", "second", "third")),
        every="15s",
    ),
    Incident(
        "fleet-network-down-at-night",
        "The network of three bots to the broker is down at night",
        does.network_down,
        (),
        Setting("2026-10-14 01:00", bots=("big-dipper", "second", "third")),
        every="15s",
    ),
    Incident(
        "prometheus-restarts",
        "Prometheus is restarted while the bot is dead",
        does.killed,
        ("BotSilent", "-BotSilent"),
        off=range(15, 17),
    ),
    Incident(
        "prometheus-dead",
        "Prometheus is off for half an hour while the bot is dead",
        does.prometheus_dead,
        ("BotSilent", "-BotSilent"),
        off=range(15, 45),
        long=True,
    ),
    Incident(
        "alertmanager-restarts",
        "Alertmanager is restarted while the bot is dead",
        does.killed,
        ("BotSilent", "-BotSilent"),
        deaf=range(15, 16),
        long=True,
    ),
    Incident(
        "first-start",
        "The exporter is started on a week of history",
        does.nothing(30),
        (),
        Setting(NOON.begins, 7),
        settle=0,
    ),
    Incident("quiet", "An ordinary hour of the market", does.nothing(60), (), long=True),
    Incident("close", "The close of an ordinary day", does.nothing(30), ("DayClosed",), Setting("2026-10-14 15:55")),
    Incident(
        "half-day",
        "The close of a half day, and the hours after it",
        does.nothing(60),
        ("DayClosed",),
        Setting("2026-11-27 12:55", 2),
    ),
    Incident("holiday", "Thanksgiving, at the hour of the opening bell", does.nothing(30), (), Setting("2026-11-26 09:20")),
    Incident("weekend", "Saturday at noon", does.nothing(30), (), Setting("2026-10-17 12:00")),
)
INCIDENTS = (*OF_BOT_LOG_AND_DISK, *OF_ALL_ELSE)
