"""The boards of a bot without keys: nothing that only a broker can fill, and what the log says in its place.

Classic dashboards cannot hide a panel by its data, so these are boards of their own, in grafana/dashboards-log-only. Their uids
are the same: links, bookmarks and alerts lead to them too, and keys that are added later change the folder and nothing else.
"""

from collections.abc import Sequence
from dataclasses import replace

from grafana_foundation_sdk.models import dashboard as model

from grafana import sql, theme
from grafana.board import COLUMNS, ONE_SYMBOL, OPPORTUNITIES, Section, lay_out
from grafana.boards import BOARDS, positions
from grafana.overrides import override, transform
from grafana.panels import BY_NAME, lines, stat
from grafana.query import now, over_time, selector, series, table
from grafana.symbols import SYMBOLS, named
from grafana.theme import BOT, COUNT, DOLLARS, NO_ROWS, NOT_SAID, RATIO

# All of their panels need the broker, or market prices.
WITHOUT_BOARDS = ("symbol", "share")

# Board -> panels that need the broker, or market prices, which come with its keys.
LEFT_OUT: dict[str, tuple[str, ...]] = {
    "overview": ("Return", "Positions"),
    "trades": (
        "Fill rate",
        "Time to fill and slippage",
        "Oldest open order",
        "Open orders",
        "Orders by final status",
        "Discrepancies between log and broker",
    ),
    "positions": (
        "Positions",
        "Allocation by symbol",
        "Allocation by sector",
        "Unrealized P&L by symbol",
        "Depth by position",
        "Value by position",
        "Unrealized P&L by position",
        "Orders and fills by symbol",
        "Open wash-sale windows",
        "Deferred wash-sale loss",
    ),
    "opportunities": ("Bought and missed dips", "Missed dips by reason", "Missed dips by depth", "Missed dips"),
    "risk": ("Margin requirements", "Drawdown from peak", "Drawdown by day", "Largest positions"),
    "performance": (
        "Drawdown",
        "Risk-adjusted return",
        "Win rate of sales",
        "Time under water",
        "Daily returns",
        "Same deposits in the benchmark",
        "Return vs. benchmark",
        "Market risk",
        "Distance to the benchmark",
        "Capture",
        "Account and benchmark",
        "Account and the same deposits in the benchmark",
        "Return without deposits",
        "Under water",
        "Trade statistics",
        "Open lots",
        "Trades by symbol",
        "Expectancy by hour",
        "Expectancy by weekday",
        "Returns by day",
        "Equity change by source",
        "P&L attribution by day",
        "Realized P&L by symbol",
        "Other account activity",
    ),
    "health": (
        "Broker availability",
        "Broker request duration",
        "Failed broker requests",
        "Rate limit remaining",
        "Age of broker data",
    ),
    "config": ("Thresholds against the past", "Signals by threshold", "Limits of the replay", "Check of the replay"),
}

# Board and panel -> columns that the broker fills.
EMPTY_COLUMNS: dict[tuple[str, str], tuple[str, ...]] = {
    ("overview", "Recent orders"): ("State",),
    ("trades", "Orders"): ("State", "Filled", "Fill", "Slippage", "Time to fill"),
    ("trades", "Most traded symbols"): ("Fill rate", "Slippage", "Realized"),
    ("trades", "Orders and fills per day"): ("Fills", "By hand"),
    ("performance", "Profit and return"): ("return",),
    ("performance", "Equity, start and end"): ("peak",),
    ("performance", "Months in numbers"): ("Return",),
}


# Board and panel -> its title where the broker's part of it is not there.
TITLES = {
    ("trades", "Orders and fills per day"): "Orders per day",
    ("trades", "Orders and fills over time"): "Orders over time",
}


def boards() -> dict[str, model.Dashboard]:
    """The boards by name."""
    return {name: _without_keys(name, build()) for name, build in BOARDS.items() if name not in WITHOUT_BOARDS}


def _without_keys(name: str, board: model.Dashboard) -> model.Dashboard:
    staying = [replace(section, panels=_widened(_staying(name, section.panels))) for section in _sections(board)]
    board.panels = lay_out([section for section in staying if section.panels])
    return board


def _sections(board: model.Dashboard) -> list[Section]:
    """The sections that the board was laid out from, those without a panel too."""
    sections: list[tuple[model.RowPanel, list[model.Panel]]] = [(model.RowPanel(), [])]
    for panel in board.panels or []:
        if isinstance(panel, model.RowPanel):
            sections.append((panel, list(panel.panels or [])))
        else:
            sections[-1][1].append(panel)
    return [Section(own, row.title or "", row.collapsed) for row, own in sections]


def _staying(name: str, own: Sequence[model.Panel]) -> list[list[model.Panel]]:
    """Lines of the panels that stay, and of what stands in the place of those that do not."""
    lines_of: list[list[model.Panel]] = []
    top = -1
    for panel in own:
        assert panel.grid_pos is not None
        if panel.grid_pos.y != top:
            top = panel.grid_pos.y
            lines_of.append([])
        left_out = panel.title in LEFT_OUT.get(name, ())
        lines_of[-1].extend(_instead(name, panel.title or "") if left_out else [_narrowed(name, panel)])
    return [line for line in lines_of if line]


def _narrowed(name: str, panel: model.Panel) -> model.Panel:
    """Without the columns that stay empty, and without their names in the title."""
    if hidden := EMPTY_COLUMNS.get((name, panel.title or "")):
        panel.transformations = [
            *(panel.transformations or []),
            transform("organize", excludeByName=dict.fromkeys(hidden, True)),
        ]
    panel.title = TITLES.get((name, panel.title or ""), panel.title)
    return panel


def _widened(lines_of: Sequence[list[model.Panel]]) -> list[model.Panel]:
    """Each line of panels takes the whole width, shared in the proportions that they had."""
    for line in lines_of:
        widths = [panel.grid_pos.w for panel in line if panel.grid_pos]
        ends = [round(COLUMNS * sum(widths[: count + 1]) / sum(widths)) for count in range(len(line))]
        for panel, start, end in zip(line, [0, *ends], ends, strict=False):
            assert panel.grid_pos is not None
            panel.grid_pos.w = end - start
    return [panel for line in lines_of for panel in line]


def _instead(name: str, title: str) -> list[model.Panel]:
    """What stands in the place of a panel that is left out: what the log says instead of the broker."""
    match name, title:
        case "overview", "Return":
            return [_change()]
        case "overview", "Positions":
            return [positions.winners_and_losers((9, 9)), _open_profit("7d", (15, 9))]
        case "positions", "Positions":
            return [_holdings(), positions.winners_and_losers((7, 10)), _movers()]
        case "positions", "Allocation by symbol":
            return [_invested(), _open_profit()]
        case _:
            return []


def _change() -> model.Panel:
    def since(days: int) -> str:
        return f"(SELECT equity {logged} AND ts >= $__to / 1000 - {days} * 86400 ORDER BY ts LIMIT 1)"

    logged = "FROM account_history WHERE source = 'log' AND equity IS NOT NULL AND ts < $__to / 1000"
    last = f"(SELECT equity {logged} ORDER BY ts DESC LIMIT 1)"
    return stat(
        "Equity change",
        "The bot's newest equity less that of a week, a month and three months ago (archive: account_history). Deposits and "
        "withdrawals count, because the log does not name them. A shorter history begins with its first line.",
        table(f'SELECT {last} - {since(7)} AS "week", {last} - {since(30)} AS "month", {last} - {since(90)} AS "three months"'),
        unit=theme.SIGNED_DOLLARS,
        size=(8, 3),
        none=NO_ROWS,
        names=True,
        thresholds=theme.SIGNED,
    )


def _holdings() -> model.Panel:
    return stat(
        "Holdings",
        "What the bot's last lines say of its positions: how many, their value, leverage, and what they gained or lost.",
        now(selector("bot_positions"), "positions"),
        now(selector("bot_invested_usd"), "value"),
        now(selector("bot_leverage_ratio"), "leverage"),
        now(selector("bot_unrealized_pl_usd"), "open profit"),
        unit=COUNT,
        size=(5, 10),
        none=NOT_SAID,
        names=True,
        overrides=[
            override("byFrameRefID", "B", unit=DOLLARS),
            override("byFrameRefID", "C", unit=RATIO),
            override("byFrameRefID", "D", unit=theme.SIGNED_DOLLARS, thresholds=theme.SIGNED),
        ],
    )


def _open_profit(past: str | None = None, size: tuple[int, int] = (12, 9)) -> model.Panel:
    return lines(
        f"Open profit{' of the last seven days' if past else ''}",
        "Unrealized profit or loss of all positions, as the bot's account lines say it (archive: account_history).",
        series(sql.account("a.pl_dollar AS profit")),
        unit=theme.SIGNED_DOLLARS,
        size=size,
        none=NO_ROWS,
        past=past,
        points=600,
        gaps=4 * 3600 * 1000.0,
        overrides=[override("byRegexp", ".*profit.*", colour=BOT, displayName="open profit")],
    )


def _movers() -> model.Panel:
    return lines(
        "Winners and losers",
        "The three best and the three worst positions of each cycle by the bot's own lines (bigdipper_bot_mover_ratio): a line "
        "ends where the symbol is no longer among them.",
        over_time(f"max by (symbol) ({selector('bot_mover_ratio')})", "{{symbol}}"),
        unit=RATIO,
        size=(12, 10),
        none=NOT_SAID,
        past="2d",
        colour=BY_NAME,
        overrides=named(SYMBOLS),
    )


def _invested() -> model.Panel:
    return lines(
        "Equity and what is invested",
        "Equity, and equity less cash, as the bot's account lines say them (archive: account_history).",
        series(sql.account("a.equity AS equity", "a.equity - a.cash AS invested")),
        unit=DOLLARS,
        size=(12, 9),
        none=NO_ROWS,
        points=600,
        gaps=4 * 3600 * 1000.0,
        overrides=[
            override("byRegexp", ".*invested.*", colour=BOT, displayName="invested"),
            override("byRegexp", ".*equity.*", colour=theme.BROKER, displayName="equity"),
        ],
    )


def relinked(text: str) -> str:
    """JSON of a board whose links to the board Symbol lead to Opportunities, which has a symbol's dips."""
    return text.replace(f"/d/{ONE_SYMBOL}?", f"/d/{OPPORTUNITIES}?")
