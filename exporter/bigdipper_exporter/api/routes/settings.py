"""The bot's own settings, and the check of a config.py."""

from fastapi import APIRouter

from bigdipper_exporter.api.context import AskedBot
from bigdipper_exporter.api.models.config import ConfigNow, Draft, FindingOut, SettingOut, Validation
from bigdipper_exporter.archive.queries import settings as queries
from bigdipper_exporter.botconfig.reader import judge
from bigdipper_exporter.botconfig.rules import RULES, SEVERITIES

router = APIRouter(prefix="/api/v1/config", tags=["config"])


@router.get("/current", summary="The bot's settings")
def current(asked: AskedBot) -> ConfigNow:
    """Return the settings of the bot's config.py as the monitor read them last, and what is wrong with them."""
    with asked.archive() as connection:
        rows, findings = queries.settings_now(connection), queries.findings(connection)
    return ConfigNow.model_validate(
        {
            "known": bool(rows),
            "changed": max((row.since for row in rows), default=None),
            "settings": [_setting(row) for row in rows],
            "findings": [FindingOut.model_validate(finding) for finding in findings],
        }
    )


def _setting(row: queries.SettingNow) -> SettingOut:
    rule = RULES.get(row.setting.partition(".")[0])
    return SettingOut.model_validate(
        {
            "setting": row.setting,
            "value": row.value,
            "allowed": rule.allowed if rule else None,
            "note": rule.note or None if rule else None,
            "since": row.since,
            "previous": row.previous,
        }
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
