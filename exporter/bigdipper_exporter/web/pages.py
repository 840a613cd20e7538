"""The landing page of one snapshot: sections, figures, tables and links."""

from bigdipper_exporter import __version__
from bigdipper_exporter.archive.recent import Recent
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.web import today
from bigdipper_exporter.web.alerts import Firing
from bigdipper_exporter.web.landing import Page
from bigdipper_exporter.web.sections.alerts import alert_rows
from bigdipper_exporter.web.sections.archive import archive_rows
from bigdipper_exporter.web.sections.bot import bot_rows
from bigdipper_exporter.web.sections.broker import broker_rows
from bigdipper_exporter.web.sections.log import log_rows


def status_page(snapshot: Snapshot, settings: Settings, recent: Recent, firing: Firing | None = None) -> Page:
    """The page for one snapshot, with what the archive holds of today, and the alerts if an Alertmanager is known."""
    name = f"Big Dipper Monitor: {settings.bot_name}" if settings.bot_name else "Big Dipper Monitor"
    sections = [
        *([("Alerts", alert_rows(firing, settings))] if firing else []),
        ("The bot", bot_rows(snapshot, recent)),
        ("The log", log_rows(snapshot, settings, recent)),
        ("The archive", archive_rows(snapshot, settings, recent)),
        ("The broker", broker_rows(snapshot)),
    ]
    links = [
        (address, words)
        for address, words in (
            (settings.links_grafana, "Boards"),
            (settings.links_prometheus, "Prometheus"),
            (settings.links_alertmanager, "Alertmanager"),
        )
        if address
    ]
    tables = today.tables(snapshot, recent)
    watched = "Big Dipper trading bot from outside" if snapshot.own.log_configured else "Alpaca account"
    about = f"Watches one {watched}, and never trades."
    return Page(name, __version__, sections, today.figures(snapshot), today.curve(recent.curve), tables, links, about)
