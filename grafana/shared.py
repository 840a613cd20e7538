"""Panels that more than one board shows."""

from grafana_foundation_sdk.models import dashboard as model

from grafana import theme
from grafana.board import ONE_SYMBOL, address
from grafana.overrides import answer, coloured, column, organise, transform
from grafana.panels import grid, stat
from grafana.query import now, rows, selector
from grafana.theme import COUNT, MODE_NUMBER, NO_BROKER, RATIO, SECONDS, TEXT, USD, WARNING, YES_NO_GOOD, steps, threshold

LAST_CYCLE = f"time() - {selector('bot_last_cycle_timestamp_seconds')}"
# By the bot's start-up line and by the broker's answer: live where one of the two says so.
MODE_QUERY = (
    'max(bigdipper_bot_info{bot="$bot",mode=~"(?i)live"} * 2 or bigdipper_bot_info{bot="$bot"}'
    ' or bigdipper_alpaca_info{bot="$bot",mode="live"} * 2 or bigdipper_alpaca_info{bot="$bot"})'
)
LOG_AGE = f"time() - {selector('log_last_line_timestamp_seconds')}"
BROKER_AGE = f"time() - {selector('alpaca_last_success_timestamp_seconds', endpoint='account')}"

SYMBOL_LINK = ("${__value.text}: prices, dip line, trades", address(ONE_SYMBOL, symbol="${__value.text}"))


def working() -> str:
    """1 while the newest cycle is younger than the alert's limit, 0 after."""
    return f"({LAST_CYCLE}) < bool {threshold('cycle_age_seconds'):g}"


def header() -> model.Panel:
    """The strip on top of every board: paper or live, working or not, how old the figures are."""
    ages = steps("text", (threshold("log_age_seconds"), WARNING))
    return stat(
        "Now",
        "Paper or live (bot's start-up line, or the broker), working (age of the newest cycle), age of the newest log line and "
        "of the broker's last answer.",
        now(MODE_QUERY, "account"),
        now(working(), "bot works"),
        now(LOG_AGE, "log line"),
        now(BROKER_AGE, "broker"),
        unit=SECONDS,
        size=(24, 3),
        names=True,
        pixels=18,  # the longest value, PAPER, fits into a quarter of a phone
        none=theme.NOT_SAID,
        thresholds=ages,
        overrides=[answer("A", COUNT, mappings=MODE_NUMBER), answer("B", COUNT, mappings=YES_NO_GOOD)],
    )


POSITION_COLUMNS = {
    "symbol": "Symbol",
    "bigdipper_position_market_value_usd": "Value",
    "share": "Share",
    "bigdipper_position_unrealized_pl_usd": "P/L",
    "bigdipper_position_unrealized_pl_ratio": "P/L %",
    "bigdipper_position_intraday_pl_usd": "Today",
    "bigdipper_position_current_price_usd": "Price",
    "bigdipper_position_avg_entry_price_usd": "Entry",
    "bigdipper_position_quantity": "Shares",
    "bigdipper_position_cost_basis_usd": "Cost",
    "bigdipper_position_unpriced": "Priced",
}


def positions(size: tuple[int, int]) -> model.Panel:
    """The live table of positions, in one query turned into a matrix."""
    prefix = "bigdipper_position_"
    names = "|".join(name.removeprefix(prefix) for name in POSITION_COLUMNS if name.startswith(prefix))
    value, equity = selector("position_market_value_usd"), selector("account_equity_usd")
    # `or` compares labels without the name: one more label keeps the shares apart from the values.
    named = f'label_replace({value} / on (bot) group_left () {equity}, "__name__", "share", "", "")'
    share = f'label_replace({named}, "figure", "share", "", "")'
    # Without keys: the three winners and losers that the bot's last cycle named.
    movers = f'label_replace({selector("bot_mover_ratio")}, "__name__", "{prefix}unrealized_pl_ratio", "", "")'
    matrix = {"symbol\\__name__": "Symbol"} | POSITION_COLUMNS
    return grid(
        "Positions",
        "What is held, and how is it doing? "
        "Alpaca's open positions at its last answer (bigdipper_position_*). Shares below zero are short. A position without "
        "a price is named, and left out of every sum. Share: of the "
        "equity. Without credentials: the bot's winners and losers. Click a symbol for its history.",
        rows(
            f'sum by (__name__, symbol) ({{__name__=~"{prefix}({names})",bot="$bot"}} or {share}'
            f" or ({movers} unless on (bot) {equity}))"
        ),
        size=size,
        none=f"no position, or {NO_BROKER}",
        sort=("Value", True),
        transformations=[
            transform("groupingToMatrix", columnField="__name__", rowField="symbol", valueField="Value", emptyValue="null"),
            organise(list(matrix), matrix),
        ],
        overrides=[
            column("Symbol", TEXT, link=SYMBOL_LINK, custom__width=90),
            column("Share", RATIO),
            coloured("P/L", theme.SIGNED_USD, thresholds=theme.SIGNED),
            coloured("P/L %", RATIO, thresholds=theme.SIGNED),
            coloured("Today", theme.SIGNED_USD, thresholds=theme.SIGNED),
            *(column(name, theme.SIGNED_USD) for name in ("Value", "Cost")),  # a short position has less than nothing
            *(column(name, USD) for name in ("Price", "Entry")),
            column("Shares", theme.QUANTITY),
            coloured("Priced", COUNT, mappings=theme.UNPRICED, custom__width=120),
        ],
    )
