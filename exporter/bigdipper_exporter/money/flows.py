"""Money and securities that enter or leave the account from outside. Pure; US dollars, positive is a deposit.

A flow is no profit. Its activity often arrives after the equity has moved, so a flow can be noticed first: from the account's
`intraday_adjustments`, or from a change of cash that neither prices nor trades explain. `merge` joins the two, each flow once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

Part = Literal["dividends", "fees", "interest"]

# Alpaca's activity types by what they are in the attribution of a day; flows are below, any other type ends up in `other`.
PARTS: dict[str, Part] = {
    **dict.fromkeys(("DIV", "DIVCGL", "DIVCGS", "DIVFT", "DIVNRA", "DIVROC", "DIVTW", "DIVTXEX", "CGD"), "dividends"),
    **dict.fromkeys(("FEE", "CFEE", "PTC", "PTR", "DIVFEE"), "fees"),
    **dict.fromkeys(("INT", "INTNRA", "INTTW"), "interest"),
}
DIVIDENDS = frozenset(kind for kind, part in PARTS.items() if part == "dividends")
CASH = frozenset(("CSD", "CSW", "CSR", "TRANS", "ACATC", "JNLC"))
# Transfers that can move shares; one without a symbol moves cash.
TRANSFERS = frozenset(("ACATS", "JNLS", "JNL", "FOPT"))
FLOWS = CASH | TRANSFERS
# Actions of companies: the shares that they bring or take are the account's own money in another form.
CORPORATE = frozenset(("SPLIT", "SPIN", "MA", "NC", "REORG", "SC", "SSO", "SSP"))
# Ends of option contracts, and the shares that are delivered with them: trades without an order. A contract ends at no price,
# and shares change hands at the strike.
OPTION_ENDS = frozenset(("OPASN", "OPEXC", "OPEXP", "OPTRD"))
# Activities after which a symbol's quantity or lots are not what its fills say.
ADJUSTMENTS = TRANSFERS | CORPORATE | OPTION_ENDS | {"OPCA"}
# Records with these statuses have not moved any money (yet).
NOT_BOOKED = frozenset(("canceled", "cancelled", "rejected", "failed", "returned", "voided", "pending", "queued"))

CENT = 0.005
SAME = 0.01  # an activity explains a noticed flow that differs by less: a fee or interest may have come with it
MOST_CANDIDATES = 8
EARLIER, LATER = 3 * 86400.0, 7 * 86400.0  # how far an activity's stamp may be from the change of equity that it explains

INCOME_NEAR = 1.5 * 86400.0  # the same for income: its record has the date on which it was paid, often without a time


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow at `ts` (unix seconds). `amount` is None when shares moved whose value is not known.

    is_income: money of a record that is no flow, such as a dividend.
    """

    ts: float
    amount: float | None
    is_income: bool = False


@dataclass(frozen=True, slots=True)
class Flows:
    """The flows of a span, both sums >= 0. `known` is False when one of them has no known value."""

    deposits: float = 0.0
    withdrawals: float = 0.0
    known: bool = True

    @property
    def net(self) -> float:
        """Deposits less withdrawals, of those whose value is known."""
        return self.deposits - self.withdrawals


def total(flows: Iterable[Flow]) -> Flows:
    """Sum flows by direction."""
    amounts = [flow.amount for flow in flows]
    known = [amount for amount in amounts if amount is not None]
    return Flows(sum(a for a in known if a > 0), -sum(a for a in known if a < 0), len(known) == len(amounts))


def transfer_value(quantity: float | None, price: float | None, net_amount: float | None) -> float | None:
    """Value of a transfer: of its shares at `price`, else the amount that the record itself names; None when neither is known.

    `quantity` is negative for shares that leave.
    """
    if quantity and price:
        return quantity * price
    if net_amount:
        return abs(net_amount) if quantity and quantity > 0 else -abs(net_amount) if quantity else net_amount
    return None if quantity else net_amount


def merge(booked: Sequence[Flow], noticed: Sequence[Flow], others: Sequence[Flow] = ()) -> list[Flow]:
    """All flows in order of time, each once: what was noticed counts from that moment, with the amounts of its activities.

    others: records that move cash and are no flow (dividends, fees, interest). What was noticed of them is none either.
    """
    left, rest, found = list(booked), list(others), []
    for seen in sorted(noticed, key=lambda flow: flow.ts):
        twins = records_of(seen, left) or records_of(seen, left, rest)
        for flow in twins:
            (rest if flow.is_income else left).remove(flow)
        known = [Flow(seen.ts, flow.amount) for flow in twins if flow.amount is not None and not flow.is_income]
        found += known if any(flow.amount is not None for flow in twins) else [seen]
    return sorted([*left, *found], key=lambda flow: flow.ts)


def records_of(seen: Flow, booked: Sequence[Flow], others: Sequence[Flow] = ()) -> tuple[Flow, ...]:
    """Return the records that explain a noticed flow, together if need be; those nearest in time first."""
    near = [flow for flow in booked if seen.ts - EARLIER <= flow.ts <= seen.ts + LATER]
    near += [flow for flow in others if abs(flow.ts - seen.ts) <= INCOME_NEAR]
    near = sorted(near, key=lambda flow: abs(flow.ts - seen.ts))[:MOST_CANDIDATES]
    for size in range(1, len(near) + 1):
        for group in combinations(near, size):
            amounts = [flow.amount for flow in group]
            if size == 1 and amounts[0] is None:
                return group
            if seen.amount is not None and None not in amounts:
                difference = abs(sum(a for a in amounts if a is not None) - seen.amount)
                if difference <= max(CENT, SAME * abs(seen.amount)):
                    return group
    return ()


def unbooked(adjustments: float | None, *known: float, moved: float | None = None) -> float:
    """The part of the broker's `intraday_adjustments` that no record explains yet.

    known: sums that the broker may mean (flows alone, or with dividends and fees; of today, or since the close).
    moved: by how much the cash changed since the answer before. It decides where the sums differ: cash that did not move
    holds no new flow, and a rest that is all of its change is one. Adjustments that fell to 0 are money that went back only if
    the cash says so: the broker also begins a new day with 0.
    """
    if adjustments is None or (moved is None and not adjustments) or (moved is not None and abs(moved) <= CENT):
        return 0.0
    rests = [adjustments - sum_ for sum_ in known] or [adjustments]
    rest = min(rests, key=lambda r: (moved is None or abs(r - moved) > CENT, abs(r), r * adjustments < 0))
    if not adjustments and moved is not None and abs(rest - moved) > CENT:
        return 0.0
    return rest if abs(rest) > CENT else 0.0
