"""The account's owner: the bot only buys, so a person sells by hand, and sometimes gets in the bot's way.

Once an hour of the regular session the owner sells what has gained enough and makes room when the account is stretched; in
extended hours only a brake makes them act. The bot's log has no line for these fills, like those of a real owner.
"""

from __future__ import annotations

from bigdipper_exporter.calendar import Session
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.market import Market
from bigdipper_exporter.demo.simulator.orders import Order
from bigdipper_exporter.demo.simulator.rules import Settings
from bigdipper_exporter.demo.simulator.units import DOLLAR, SHARE

TAKE_PROFIT = 0.04
STRETCHED, RELAXED = 1.04, 0.8  # above this leverage the owner makes room, down to that one
BRAKE = Settings().brake_leverage


class Owner:
    """Acts on the books directly; orders are filled by the exchange like any other."""

    def __init__(self, ledger: Ledger, market: Market) -> None:
        self.ledger, self.market = ledger, market

    def gain(self, symbol: str) -> float:
        """Unrealized profit as a share of the cost."""
        cost = self.ledger.positions[symbol].cost
        return (self.ledger.value(symbol) - cost) / abs(cost)

    def leverage(self) -> float:
        return self.ledger.sides()[0] / self.ledger.equity()

    def free(self) -> list[str]:
        """Long positions without an open order, best gain last."""
        busy = {order.symbol for order in self.ledger.open_orders.values()}
        return sorted((s for s in self.ledger.positions if s not in busy), key=self.gain)

    def look_after(self, session: Session, ts: float) -> None:
        """The hourly look."""
        extended = session == "extended"
        free = self.free()
        chosen = [] if extended else [s for s in free if self.gain(s) >= TAKE_PROFIT]
        if self.leverage() > (BRAKE if extended else STRETCHED):
            excess = self.ledger.sides()[0] - int(RELAXED * self.ledger.equity())
            for symbol in reversed(free):
                if sum(self.ledger.value(s) for s in chosen) < excess and symbol not in chosen:
                    chosen.append(symbol)
        for symbol in chosen:
            self.sell(symbol, ts, limit=self.market.bid(symbol) / 100 if extended else None, extended=extended)

    def sell(self, symbol: str, ts: float, part: float = 1.0, limit: float | None = None, extended: bool = False) -> Order:
        """Sell a part of a position: at the market, or with a limit that stands for a day of extended hours or longer."""
        shares = round(self.ledger.positions[symbol].qty * part) / SHARE
        lasting = "day" if limit is None or extended else "gtc"
        return self.ledger.place(symbol, -shares, limit, ts, time_in_force=lasting, extended_hours=extended, source=None)

    def stretch(self, symbol: str, leverage: float, ts: float) -> Order | None:
        """Buy so much of `symbol` that the account's leverage becomes `leverage`; None when it is there already."""
        missing = leverage * self.ledger.equity() - self.ledger.sides()[0]
        shares = int(missing / DOLLAR / (self.market.ask(symbol) / 100) * 100) / 100
        return self.ledger.place(symbol, shares, None, ts, source=None) if shares > 0 else None
