"""Exact numbers and their spelling on Alpaca's wire.

Everything is an integer: prices in cents, share quantities in 1/10,000 shares, money in millionths of a dollar, so that
quantity x price is money without rounding and an account balances to the last digit. Instants are unix nanoseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

Number = int | float | str | Decimal

DOLLAR = 1_000_000  # money units in a dollar
CENT = 10_000  # money units in a cent
SHARE = 10_000  # quantity units in a share


def _scaled(value: Number, scale: int) -> int:
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    return int((number * scale).to_integral_value(ROUND_HALF_UP))


def money(dollars: Number) -> int:
    """Dollars -> money units."""
    return _scaled(dollars, DOLLAR)


def quantity(shares: Number) -> int:
    """Shares -> quantity units."""
    return _scaled(shares, SHARE)


def cents(price: Number) -> int:
    """Dollars a share -> cents."""
    return _scaled(price, 100)


def whole_cents(amount: int) -> int:
    """Money rounded to the cent, as the broker books fees, interest and dividends."""
    return (amount + CENT // 2) // CENT * CENT


def decimal(value: int, scale: int) -> str:
    """`value / scale` (a power of ten) the way Alpaca writes numbers: exact, no trailing zeros."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    whole, rest = divmod(value, scale)
    digits = f"{rest:0{len(str(scale)) - 1}d}".rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def ratio(numerator: int, denominator: int) -> str:
    """A quotient with 16 significant digits; "0" over nothing, as Alpaca says for worthless positions."""
    if denominator == 0:
        return "0"
    return format((Decimal(numerator) / Decimal(denominator)).normalize(), ".16g")


def nanoseconds(ts: float) -> int:
    """Unix seconds -> nanoseconds, without inventing digits below the microsecond."""
    return round(ts * 1_000_000) * 1000


def instant(ns: int) -> str:
    """RFC 3339 in UTC with nine digits of fraction, as in orders and activities."""
    seconds, fraction = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"
