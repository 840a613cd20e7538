"""An order at the stand-in broker, and the refusal of one."""

from __future__ import annotations

import json
from dataclasses import dataclass

TERMINAL = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})


class Rejected(Exception):
    """The broker refuses an order; `str()` is the JSON body that the API (and so the bot's log) shows."""

    def __init__(self, code: int, message: str, reject_reason: str = "", existing_order_id: str = "") -> None:
        body: dict[str, str | int] = {"code": code, "message": message}
        if reject_reason:
            body |= {"existing_order_id": existing_order_id, "reject_reason": reject_reason}
        self.message = message
        super().__init__(json.dumps(body))


@dataclass(slots=True)
class Order:
    """Quantities in 1/10,000 shares, prices in cents, instants in unix nanoseconds."""

    symbol: str
    side: str  # buy, sell
    qty: int
    submitted_at: int
    limit: int | None = None  # None: a market order
    extended_hours: bool = False
    time_in_force: str = "day"
    source: str | None = "access_key"  # None: placed by hand
    fill_after: float = 0.0  # unix seconds before which nobody takes the other side (a stuck order)
    id: str = ""
    client_order_id: str = ""
    status: str = "new"
    filled_qty: int = 0
    filled_value: int = 0
    expires_at: int | None = None
    ended_at: int | None = None

    @property
    def type(self) -> str:
        return "market" if self.limit is None else "limit"

    @property
    def remaining(self) -> int:
        return self.qty - self.filled_qty

    @property
    def reserve_price(self) -> int:
        """What a share may cost at most; nothing is set aside for a market order, which fills at once."""
        return self.limit or 0
