"""The bot's own settings."""

from pydantic import Field

from bigdipper_exporter.api.models.base import Model, Moment, count, moment, text


class FindingOut(Model):
    """Something about a setting."""

    severity: str = text("error, warning or info.", "warning")
    setting: str = text("The setting.", "DIP_THRESHOLDS")
    message: str = text("What is wrong and what is allowed.", "thresholds of symbols that are not in SYMBOLS: TSM")


class SettingOut(Model):
    """One setting as the bot's config.py has it; thresholds one by one as DIP_THRESHOLDS.SYMBOL."""

    name: str = text("Name in config.py.", "MAX_MARGIN_PCT", "setting")
    value: str = text("The value as text; secrets are masked.", "0.2")
    meaning: str | None = text(
        "What the bot does with it; null where the released bot has no such setting.", "The emergency brake"
    )
    default: str | None = text("The literal in the bot's release; null where there is no single one.", "0.20")
    allowed: str | None = text("What it may be; null where the released bot has no such setting.", "at least 0, at most 1")
    note: str | None = text("What the bot really does with it, where the name misleads.", "the bot never looks at it")
    since: Moment = moment("When the file got this value, or when that was noticed.")
    previous: str | None = text("The value before; null where there was none.", "0.15")
    author: str | None = text("Who changed it, where bot-config or this API did; null otherwise.", "command line, anna")
    in_effect: bool | None = Field(description="Whether the running bot has read it; null when not known.", examples=[True])


class ConfigNow(Model):
    """The bot's configuration as the monitor read it last."""

    known: bool = Field(description="Whether a config.py was ever read (setting bot.config).", examples=[True])
    changed: Moment | None = moment("Last change of any setting.")
    pending: int | None = count("Settings that the running bot has not read: it reads its file at its start only.", 0)
    bot_started: Moment | None = moment("The bot's last start.")
    settings: list[SettingOut] = Field(description="Every setting, by name.")
    findings: list[FindingOut] = Field(description="What is wrong, worst first.")


class Draft(Model):
    """A config.py to be checked."""

    text: str = Field(
        description="The whole file. It is read by its syntax tree and never executed.",
        max_length=200_000,
        examples=["class Config:\n    MAX_MARGIN_PCT = 0.18\n"],
    )


class Validation(Model):
    """What the check says."""

    valid: bool = Field(description="Whether there is no error.", examples=[True])
    findings: list[FindingOut] = Field(description="Errors, warnings and remarks.")
