"""Figures of one account answer: debt, leverage, exposure. Pure; money in US dollars; None where an input is unknown."""


def margin_debt(cash: float | None) -> float | None:
    """Borrowed money: negative cash (short proceeds are netted, as in Alpaca's own figure)."""
    return None if cash is None else max(0.0, -cash)


def ratio_of_equity(amount: float | None, equity: float) -> float | None:
    """`amount` over equity; None when equity <= 0, where a ratio would hide the worst case."""
    return None if amount is None or equity <= 0 else amount / equity


def net_value(long: float | None, short: float | None) -> float | None:
    """Long plus (negative) short market value."""
    return None if long is None or short is None else long + short


def gross_value(long: float | None, short: float | None) -> float | None:
    """Long plus absolute short market value."""
    return None if long is None or short is None else long + abs(short)


def change_since_close(equity: float, last_equity: float | None) -> float | None:
    """Equity less that of the previous close; deposits count in it, as at Alpaca."""
    return None if last_equity is None else equity - last_equity


def percent_of_equity(unrealized_pl: float | None, equity: float) -> float | None:
    """Unrealized profit in percent of equity, as the bot's log prints `pl_pct`."""
    ratio = ratio_of_equity(unrealized_pl, equity)
    return None if ratio is None else 100 * ratio
