"""What the page says of alerts: those of this bot by name, of others only how many."""

from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.web.alerts import MOST_ALERTS, RESEND_SECONDS, Firing, FiringAlert
from bigdipper_exporter.web.landing import MOST_NAMED, Row, State
from bigdipper_exporter.words import ago, count, short_figures

SEVERITIES: dict[str, State] = {"critical": "bad", "warning": "warn"}


def alert_rows(firing: Firing, settings: Settings) -> list[Row]:
    """Alerts of this bot, and of none; those of others only as a number."""
    bot = settings.bot_name or ""
    if firing.problem:
        advice = "is it running, and is alertmanager.url its address?"
        return [Row("warn", "Alertmanager", f"{settings.alertmanager_url} cannot be asked ({firing.problem}): {advice}")]
    if firing.at is None:
        return [Row("off", "Alertmanager", "It has not answered yet.")]
    own = [alert for alert in firing.alerts if not (bot and alert.bot) or alert.bot == bot]
    rows = [_alert(alert, bot) for alert in own[:MOST_ALERTS]]
    if len(own) > MOST_ALERTS:
        rows.append(Row("bad", "more", f"{len(own) - MOST_ALERTS} more: see Alertmanager or Grafana."))
    if firing.started is not None and firing.at - firing.started < RESEND_SECONDS:
        words = f"It started {ago(firing.started)} and hears of what fires within 15 minutes: alerts may be missing here."
        rows.append(Row("off", "Alertmanager", words))
    elif not rows:
        rows.append(Row("ok", "none", f"No alert of {bot} is firing." if len(firing.alerts) else "No alert is firing."))
    others = [alert for alert in firing.alerts if bot and alert.bot and alert.bot != bot]
    return rows + ([_others(others, not own)] if others else [])


def _others(alerts: list[FiringAlert], alone: bool) -> Row:
    """Alerts of other bots as a number. alone: this bot has none, and may be one of them under another name."""
    names = sorted({alert.bot for alert in alerts})
    critical = sum(alert.severity == "critical" and not alert.silenced for alert in alerts)
    words = f"{count(len(alerts), 'alert')} of {', '.join(names[:MOST_NAMED])}{f', {critical} critical' if critical else ''}."
    if critical and alone:
        words += " Is this bot one of them? Its name here is bot.name, in alerts it is the label `bot` of Prometheus' targets."
    return Row("warn" if critical else "ok", "other bots", words)


def _alert(alert: FiringAlert, bot: str) -> Row:
    state = "ok" if alert.silenced else SEVERITIES.get(alert.severity, "ok")
    whose = f" ({alert.bot})" if alert.bot and not bot else ""
    silenced = ", silenced" if alert.silenced else ""
    return Row(state, alert.name, f"{short_figures(alert.summary)}{whose}; began {ago(alert.since)}{silenced}.")
