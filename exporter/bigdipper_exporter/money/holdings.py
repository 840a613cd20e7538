"""What was held of one symbol after each event, at average cost as the broker has it. Pure; quantities in units, US dollars."""

from dataclasses import dataclass

from bigdipper_exporter.money.lots import DUST, Event


@dataclass(slots=True)
class Holding:
    """Units held (below 0: short) and what they cost; unknown after a transfer or a sale of more than was bought."""

    quantity: float = 0.0
    cost: float = 0.0
    known: bool = True

    def apply(self, event: Event) -> None:
        """Apply one event, in order of time."""
        if event.kind in ("break", "flat"):
            self.quantity = self.cost = 0.0
            self.known = event.kind == "flat"
        elif event.kind == "split":
            self.quantity += event.quantity
        elif self.known:
            self._trade(event)

    def _trade(self, event: Event) -> None:
        units = event.quantity if event.kind == "buy" else -event.quantity
        closed = min(abs(units), abs(self.quantity)) if units * self.quantity < 0 else 0.0
        if event.kind == "sell" and event.quantity - closed > DUST:
            self.quantity, self.cost, self.known = 0.0, 0.0, False  # a purchase is missing
            return
        if closed:
            self.cost *= 1 - closed / abs(self.quantity)
        opened = abs(units) - closed
        self.quantity += units
        self.cost += (opened if units > 0 else -opened) * event.price
        if abs(self.quantity) <= DUST:
            self.quantity = self.cost = 0.0
