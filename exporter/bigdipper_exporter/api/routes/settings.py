"""The bot's own settings, and the check of a config.py."""

from collections.abc import Collection

from fastapi import APIRouter

from bigdipper_exporter.api.context import AskedBot
from bigdipper_exporter.api.models.base import utc
from bigdipper_exporter.api.models.config import ConfigNow, Draft, FindingOut, SettingOut, Validation
from bigdipper_exporter.archive.queries import settings as queries
from bigdipper_exporter.botconfig import rules
from bigdipper_exporter.botconfig.effect import not_in_effect
from bigdipper_exporter.botconfig.reader import judge
from bigdipper_exporter.botconfig.rules import SEVERITIES

router = APIRouter(prefix="/api/v1/config", tags=["config"])


@router.get("/current", summary="The bot's settings")
def current(asked: AskedBot) -> ConfigNow:
    """Return the settings of the bot's config.py as the monitor read them last, and what is wrong with them."""
    with asked.archive() as connection:
        rows, findings = queries.settings_now(connection), queries.findings(connection)
        started = asked.snapshot(connection).bot.started
        changed = not_in_effect(queries.history(connection), started)
    return ConfigNow(
        known=bool(rows),
        changed=utc(max((row.since for row in rows), default=None)),
        pending=None if changed is None else len(changed),
        bot_started=utc(started),
        settings=[_setting(row, changed) for row in rows],
        findings=[FindingOut.model_validate(finding) for finding in findings],
    )


def _setting(row: queries.SettingNow, pending: Collection[str] | None) -> SettingOut:
    rule = rules.RULES.get(row.setting.partition(".")[0])
    return SettingOut(
        name=row.setting,
        value=row.value,
        meaning=rule.meaning if rule else None,
        default=rules.default(row.setting) or None if rule else None,
        allowed=rules.allowed(row.setting) if rule else None,
        note=rule.note or None if rule else None,
        since=utc(row.since),
        previous=row.previous,
        author=row.author,
        in_effect=None if pending is None else row.setting not in pending,
    )


@router.post("/validate", summary="Check a config.py")
def validate(asked: AskedBot, draft: Draft) -> Validation:
    """Return what the check says about a config.py. Nothing is executed, nothing is stored."""
    reading = judge(draft.text.encode("utf-8", "surrogatepass"), "the text")
    found = [finding for finding in reading.findings if finding.severity in SEVERITIES]
    return Validation(
        valid=not any(finding.severity == "error" for finding in found),
        findings=[FindingOut.model_validate(finding) for finding in found],
    )
