"""Account, positions and movers, as the bot logged them. These lines also prove that the brake has been released."""

from bigdipper_exporter import symbols
from bigdipper_exporter.archive.bot_tables import AccountRow
from bigdipper_exporter.log.lines.account import Account, Movers, Positions
from bigdipper_exporter.log.parser import Record
from bigdipper_exporter.projection.brake import release
from bigdipper_exporter.projection.context import Context, handles, ratio

# The bot names three winners and three losers; a line that names more must not use up the labels of all symbols.
MAX_MOVERS = 10
MOVERS_LENGTH = 1000


@handles(Account)
def account(c: Context, record: Record, event: Account) -> None:
    """One row per cycle: later account lines of the same cycle replace its figures."""
    state = c.state
    release(c, record.ts)
    state.equity, state.cash, state.account_ts = event.equity, event.cash, record.ts
    state.margin_ratio, state.leverage_ratio = ratio(event.margin_percent), ratio(event.leverage_percent)
    state.margin_debt = event.margin_debt
    if event.hard_limit_percent is not None:
        state.hard_limit = ratio(event.hard_limit_percent)
    if event.pl is not None:
        state.pl, state.pl_ratio = event.pl, ratio(event.pl_percent)
    first = state.account_row
    row = state.account_row = AccountRow(
        id=first.id if first else record.id,
        ts=first.ts if first else record.ts,
        date=first.date if first else c.date(record.ts),
        source="log",
        cycle_number=state.cycle_number,
        equity=event.equity,
        cash=event.cash,
        margin_ratio=state.margin_ratio,
        leverage_ratio=state.leverage_ratio,
        margin_debt=event.margin_debt,
        pl_dollar=event.pl,
        pl_percent=event.pl_percent,
        market_status=state.session,
    )
    c.rows.put(row)
    c.rows.day(row.date).account(event.equity, state.margin_ratio, state.leverage_ratio)


@handles(Positions)
def positions(c: Context, record: Record, event: Positions) -> None:
    """The bot counted its positions."""
    release(c, record.ts)
    c.state.positions, c.state.invested = event.stocks, event.invested
    c.state.movers = {}


@handles(Movers)
def movers(c: Context, record: Record, event: Movers) -> None:
    """The bot named its best or worst positions."""
    named: dict[str, str] = {}
    for symbol, percent in symbols.movers(event.movers[:MOVERS_LENGTH])[:MAX_MOVERS]:
        if c.label(symbol) == symbol:
            named.setdefault(symbol, f"{symbol} {percent:+}%")
    c.state.movers = {**c.state.movers, event.side: ", ".join(named.values())}
