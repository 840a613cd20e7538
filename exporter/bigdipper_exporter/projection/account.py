"""Account, positions and movers, as the bot logged them. These lines also prove that the brake has been released."""

from bigdipper_exporter import symbols
from bigdipper_exporter.archive.bot_tables import AccountRow
from bigdipper_exporter.log.lines.account import Account, Movers, Positions
from bigdipper_exporter.log.records import Record
from bigdipper_exporter.projection.brake import release
from bigdipper_exporter.projection.context import Context, handles, ratio

# The bot names three winners and three losers; a line that names more must not use up the labels of all symbols.
MAX_MOVERS = 10
MOVERS_LENGTH = 1000


@handles(Account)
def account(c: Context, record: Record, event: Account) -> None:
    """One row per cycle: later account lines of the same cycle replace its figures."""
    state, ts, (equity, cash, margin, leverage, debt, pl, pl_percent, hard_limit) = c.state, record.ts, event
    release(c, ts)
    state.equity, state.cash, state.account_ts, state.margin_debt = equity, cash, ts, debt
    margin_ratio, leverage_ratio = state.margin_ratio, state.leverage_ratio = ratio(margin), ratio(leverage)
    if hard_limit is not None:
        state.hard_limit = ratio(hard_limit)
    if pl is not None:
        state.pl, state.pl_ratio = pl, ratio(pl_percent)
    first = state.account_row
    ident, since, date = (first.id, first.ts, first.date) if first else (record.id, ts, c.date(ts))
    number, session = state.cycle_number, state.session
    # By position, in the order of the class: by name it takes three times as long, and every cycle has such a line.
    row = state.account_row = AccountRow(
        ident, since, date, "log", number, equity, cash, margin_ratio, leverage_ratio, debt, pl, pl_percent, session
    )
    c.rows.put(row)
    c.rows.day(date).account(equity, margin_ratio, leverage_ratio)


@handles(Positions)
def positions(c: Context, record: Record, event: Positions) -> None:
    """The bot counted its positions."""
    release(c, record.ts)
    c.state.positions, c.state.invested = event.stocks, event.invested
    c.state.movers = {}


@handles(Movers)
def movers(c: Context, record: Record, event: Movers) -> None:
    """The bot named its best or worst positions, which are often the same as in the cycle before."""
    if c.state.movers.get(event.side) == event.movers:
        return
    if (plain := symbols.PLAIN_MOVERS.fullmatch(event.movers)) and c.are_labels(plain.groups()):
        c.state.movers = {**c.state.movers, event.side: event.movers}
        return
    named: dict[str, str] = {}
    for symbol, percent in symbols.movers(event.movers[:MOVERS_LENGTH])[:MAX_MOVERS]:
        if c.label(symbol) == symbol:
            named.setdefault(symbol, f"{symbol} {percent:+}%")
    c.state.movers = {**c.state.movers, event.side: ", ".join(named.values())}
