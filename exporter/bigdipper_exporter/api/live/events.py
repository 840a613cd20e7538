"""What clients of the live channel get."""

import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import Field

from bigdipper_exporter.api.models.account import AccountPoint
from bigdipper_exporter.api.models.base import Model, Moment, moment, number, text
from bigdipper_exporter.api.models.opportunities import MissedTrade
from bigdipper_exporter.api.models.positions import Position
from bigdipper_exporter.api.models.trades import Trade
from bigdipper_exporter.api.routes.brake import episode
from bigdipper_exporter.api.routes.opportunities import opportunity
from bigdipper_exporter.archive.bot_tables import AccountRow, BrakeRow, OpportunityRow
from bigdipper_exporter.archive.broker_tables import PositionRow
from bigdipper_exporter.archive.queries import trades
from bigdipper_exporter.archive.queries.changes import Change

Channel = Literal["trades", "account", "opportunities", "brake", "skips", "positions"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
GAP = "gap"  # the event that says that changes are missing, whatever the client subscribed to


class Event(Model):
    """One change of the archive."""

    event: str = text("The channel; or `subscribed`, `heartbeat`, `gap`, which have no data.", "trades")
    seq: int = number("Number of the change, rising; send the last one as `since` to go on after it.", "Number.", 4711)
    time: Moment = moment("Time of the row.", "ts")
    data: dict[str, Any] | None = Field(description="The row, as the endpoint of its subject shows it.")


class Control(Model):
    """What a WebSocket client sends, at first and to change its channels."""

    subscribe: list[Channel] = Field(description="Channels.", min_length=1, max_length=len(CHANNELS))
    since: int | None = Field(None, description="The last `seq` that was seen; only what is new when left out.", ge=0)


@dataclass(frozen=True, slots=True)
class Encoded:
    """An event as JSON, made once for all clients."""

    seq: int
    channel: str
    json: str


def encode(change: Change) -> Encoded:
    """Return the event of one change."""
    body = {"event": change.channel, "seq": change.seq, "ts": change.ts, "data": _data(change)}
    return Encoded(change.seq, change.channel, Event.model_validate(body).model_dump_json())


def _data(change: Change) -> dict[str, Any]:
    row = change.row
    model: Model
    match row:
        case trades.Trade():
            model = Trade.model_validate(row)
        case AccountRow():
            model = AccountPoint.model_validate(row)
        case OpportunityRow():
            model = opportunity(row)
        case BrakeRow():
            model = episode(row)
        case PositionRow():
            model = Position.model_validate(row)
        case _:
            model = MissedTrade.model_validate(row)
    return model.model_dump(mode="json")


def notice(event: str, seq: int, **more: object) -> str:
    """An event without data: subscribed, heartbeat or gap."""
    return json.dumps({"event": event, "seq": seq, **more})
