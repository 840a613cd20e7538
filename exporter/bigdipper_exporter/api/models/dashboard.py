"""Everything at a glance, and the bots that there are."""

from pydantic import Field

from bigdipper_exporter.api.models.account import AccountNow
from bigdipper_exporter.api.models.base import Model, Moment, count, moment, ratio, seconds, text


class Bot(Model):
    """One archive."""

    name: str = text("What the parameter `bot` calls it.", "main")
    available: bool = Field(description="Whether its archive can be read now.", examples=[True])
    problem: str | None = text("Why it cannot; null where it can.", "there is no archive")
    mode: str | None = text("Paper or live, as the bot's start-up line says.", "paper")
    version: str | None = text("Version that the bot prints.", "2.18")
    last_update: Moment | None = moment("Newest line of the log or answer of the broker.")


class Market(Model):
    """The exchange."""

    open: bool = Field(description="Whether the regular session of the NYSE is open.", examples=[True])
    session: str = text("Session by the NYSE's calendar: regular, extended or closed.", "regular")
    bot_session: str | None = text("Session as the bot believes, by the time of day alone.", "regular")
    next_open: Moment = moment("Next opening of the regular session.")
    next_close: Moment = moment("Next close of the regular session.")


class BrakeNow(Model):
    """The bot's emergency brake."""

    active: bool | None = Field(
        description="Whether it holds; null when the log has been silent too long to say.", examples=[False]
    )
    since: Moment | None = moment("Start of the open episode.")
    held_today_seconds: float = seconds("Time under the brake on this New York trading day.", 0.0)
    level_ratio: float | None = ratio("The margin or leverage that the last brake line named.", 1.157)
    limit_ratio: float | None = ratio("Where the brake acts, as debt over equity.", 0.15)
    distance_usd: float | None = Field(
        description="Dollars of positions until the brake acts; negative beyond it. US dollars.", examples=[2400.0]
    )
    distance_ratio: float | None = ratio("Uniform fall of prices until the brake acts; 1 where none leads there.", 0.31)
    dips_missed: int | None = count("Dips that the open episode let pass; null while none is open.", 2)


class Dashboard(Model):
    """Status, money and what the bot did today."""

    bot: str = text("Name of the bot.", "main")
    account: AccountNow = Field(description="The account.")
    market: Market = Field(description="The exchange.")
    positions: int | None = count("Open positions.", 18)
    trades_today: int = count("Orders that the bot submitted on this New York trading day.", 4)
    brake: BrakeNow = Field(description="The emergency brake.")
    running: bool | None = Field(description="False after the bot shut down or died; null when it is silent.", examples=[True])
    last_cycle: Moment | None = moment("Start of the bot's last cycle.")
    last_update: Moment | None = moment("Newest line of the log or answer of the broker.")
