"""What moves shares or cash without a trade: splits, transfers of securities, and deposits that are announced first."""

from __future__ import annotations

from fractions import Fraction

from bigdipper_exporter.demo.simulator.books import Activity, Lot, Position
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.units import SHARE, Number, cents, decimal, money, quantity


def split(ledger: Ledger, symbol: str, new: int, old: int, ts: float) -> Activity | None:
    """Exchange every `old` shares for `new` ones, the price accordingly; None when the symbol is not held.

    Raises ValueError where that leaves a fraction that the books do not have.
    """
    ledger.marks[symbol] = ledger.marks[symbol] * old // new
    if symbol in ledger.closing_prices:
        ledger.closing_prices[symbol] = ledger.closing_prices[symbol] * old // new
    held = ledger.positions.get(symbol)
    if held is None:
        return None
    if held.qty * new % old or held.day_qty * new % old:
        raise ValueError(f"{new}-for-{old} split of {symbol}: {held.qty / SHARE:g} shares cannot be divided by {old}")
    before = held.qty
    for lot in held.lots:
        lot.qty *= Fraction(new, old)
    held.qty, held.day_qty = held.qty * new // old, held.day_qty * new // old
    if held.lastday_price is not None:
        held.lastday_price = held.lastday_price * old // new
    return ledger.record("SPLIT", 0, ts, f"{new}-for-{old} split", symbol=symbol, qty=decimal(held.qty - before, SHARE))


def transfer(ledger: Ledger, kind: str, symbol: str, shares: Number, price: Number, ts: float) -> Activity:
    """Move shares in (shares > 0) from another broker or account, or out of a long position, at `price` dollars each."""
    units, worth = quantity(shares), cents(price)
    ledger.marks[symbol] = worth
    ledger.asset(symbol)
    held = ledger.positions.setdefault(symbol, Position(lastday_price=worth))
    if units < 0:
        held.cost -= held.cost * -units // held.qty
        held.take(-units)
    else:
        held.cost += units * worth
        held.lots.append(Lot(Fraction(units), units * worth))
    held.qty += units
    if held.qty == 0:
        del ledger.positions[symbol]
    ledger.today.add_flow(units * worth)
    return ledger.record(kind, 0, ts, "securities moved", symbol=symbol, qty=decimal(units, SHARE), price=decimal(worth, 100))


def announce(ledger: Ledger, dollars: Number) -> int:
    """Move cash that only `intraday_adjustments` shows so far; `Ledger.record` adds its activity. Returns the amount."""
    amount = money(dollars)
    ledger.cash += amount
    ledger.adjustments += amount
    ledger.today.add_flow(amount)
    return amount
