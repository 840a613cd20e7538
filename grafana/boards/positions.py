"""Positions: what is held, how deep it stands, how it came there."""

from grafana_foundation_sdk.models import dashboard as model

from bigdipper_exporter.archive.figures import NEWEST_POSITIONS
from grafana import shared, theme
from grafana.board import POSITIONS, Section, board
from grafana.overrides import NARROW, coloured, column, organise, override
from grafana.panels import BY_NAME, LONGEST_WEEKEND, columns, grid, lines, pie
from grafana.query import listed, rows, selector, series, table, tidy
from grafana.sql import IN_TIME, SYMBOL, snapshots
from grafana.symbols import SECTORS, SYMBOLS, labelled, named
from grafana.theme import COUNT, DAYS, DOLLARS, LOSS, NO_BROKER, NO_ROWS, PERCENT, QUANTITY, RATIO, TEXT, USD, steps


def build() -> model.Dashboard:
    """The board."""
    return board(
        POSITIONS,
        "Positions",
        "What is held, how deep does it stand, how did it come there?",
        [
            Section([shared.header(), shared.positions((24, 10)), *_shares()]),
            Section(_ladder(), "Dip ladder"),
            Section(_history(), "History of the chosen symbols", folded=True),
            Section(_tax(), "Tax: wash-sale window", folded=True),
        ],
        since="now-30d",
        refresh="10s",
        symbols=True,
    )


def _shares() -> list[model.Panel]:
    newest = tidy(NEWEST_POSITIONS)
    return [
        pie(
            "Allocation by symbol",
            "How is the money spread over symbols? "
            "Market value of each position at the broker's last answer, shorts as their absolute value.",
            rows(f"sort_desc(sum by (symbol) (abs({selector('position_market_value_usd')})))"),
            name="symbol",
            unit=DOLLARS,
            size=(8, 9),
            none=f"no position, or {NO_BROKER}",
            overrides=named(SYMBOLS),
        ),
        pie(
            "Allocation by sector",
            "How is it spread over sectors? Market value by sector at the newest snapshot (at most 15 minutes old). "
            "The sectors are yours to edit: setting sectors.file (symbol,sector).",
            table(f"""WITH {newest}
                SELECT COALESCE(sector, 'unknown') AS Sector, SUM(ABS(market_value)) AS Value
                FROM newest LEFT JOIN sectors USING (symbol) GROUP BY 1 ORDER BY Value DESC"""),
            name="Sector",
            unit=DOLLARS,
            size=(8, 9),
            none=f"no position, or {NO_BROKER}",
            overrides=[*named(SECTORS), column("unknown", colour=theme.QUIET)],
        ),
        winners_and_losers((8, 9)),
    ]


def winners_and_losers(size: tuple[int, int]) -> model.Panel:
    """Bars of the best and the worst positions."""
    ratio = selector("position_unrealized_pl_ratio")
    return columns(
        "Unrealized P&L by symbol",
        "Who wins, who loses? "
        "Unrealized profit by cost of the seven best and the seven worst positions (broker). Without credentials: "
        "the three winners and losers that the bot's last cycle named.",
        rows(f"sort_desc(sum by (symbol) (topk(7, {ratio}) or bottomk(7, {ratio}) or on (bot) {selector('bot_mover_ratio')}))"),
        x="symbol",
        unit=RATIO,
        size=size,
        none="no position, or nothing said of any",
        horizontal=True,
        thresholds=theme.SIGNED,
        transformations=[organise(["symbol", "Value"], {}, hide=("Time",))],
    )


def _ladder() -> list[model.Panel]:
    return [
        grid(
            "Depth by position",
            "How deep are the dips that were bought? "
            "Open positions at the newest snapshot, of which `Price at` is the time (at most 15 minutes old). "
            "Since the position was last flat: buys with the lowest and highest price paid (of the last two years), first buy "
            "and days since; depth of the price under the mean entry; days of the last year whose close (16:00 New York) stood "
            "under water.",
            listed(f"""
                WITH {tidy(NEWEST_POSITIONS)},
                run AS (
                  SELECT symbol, ts, closed, MAX(COALESCE(closed, 1e12)) OVER (
                    PARTITION BY symbol ORDER BY ts, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until
                  FROM lots WHERE symbol IN (SELECT symbol FROM newest)),
                opening AS (
                  SELECT symbol, MAX(CASE WHEN until IS NULL OR until <= ts THEN ts END) AS since FROM run
                  GROUP BY symbol HAVING SUM(closed IS NULL) > 0),
                flat AS MATERIALIZED (
                  SELECT n.symbol, MAX(COALESCE(opening.since, 0), COALESCE((SELECT ts FROM position_snapshots AS p
                    WHERE p.symbol = n.symbol AND p.quantity = 0 ORDER BY ts DESC LIMIT 1), 0)) AS since
                  FROM newest AS n LEFT JOIN opening USING (symbol)),
                bought AS (
                  SELECT f.symbol, COUNT(DISTINCT COALESCE(order_id, activity_id)) AS adds, MIN(price) AS lowest,
                    MAX(price) AS highest
                  FROM flat CROSS JOIN fills AS f ON f.symbol = flat.symbol AND f.ts >= MAX(since, $__to / 1000 - 730 * 86400)
                  WHERE side = 'buy' GROUP BY f.symbol),
                opened AS (
                  SELECT symbol, (SELECT ts FROM fills AS f WHERE f.symbol = flat.symbol AND f.ts >= since AND side = 'buy'
                    ORDER BY ts LIMIT 1) AS first FROM flat),
                under AS (
                  SELECT flat.symbol, COUNT(*) AS days FROM flat CROSS JOIN daily_stats AS d ON d.ts >= since
                  WHERE d.ts >= $__to / 1000 - 366 * 86400 AND (SELECT
                    COALESCE((SELECT unrealized_pl FROM position_snapshots AS p WHERE p.symbol = flat.symbol
                      AND p.ts >= d.ts AND p.ts < d.ts + 12 * 3600 ORDER BY p.ts DESC LIMIT 1),
                    (SELECT unrealized_pl FROM positions_daily AS r WHERE r.symbol = flat.symbol AND r.date = d.date))) < 0
                  GROUP BY flat.symbol)
                SELECT n.symbol AS Symbol, adds AS Buys, n.avg_entry_price AS Entry, n.current_price AS Price,
                  100.0 * (n.current_price / n.avg_entry_price - 1) AS Depth, lowest AS "Lowest buy", highest AS "Highest buy",
                  first AS time, (unixepoch() - first) / 86400.0 AS Age, days AS "Days under water",
                  n.unrealized_pl AS "P/L", n.ts AS timeEnd
                FROM newest AS n LEFT JOIN bought USING (symbol) LEFT JOIN opened USING (symbol)
                  LEFT JOIN under USING (symbol)
                WHERE {SYMBOL} ORDER BY Depth"""),
            size=(24, 10),
            says="Symbol",
            none=theme.NONE_HELD,
            sort=("Depth", False),
            overrides=[
                column("Symbol", TEXT, custom__width=90),
                column("Buys", COUNT, **NARROW),
                *(column(name, USD, **NARROW) for name in ("Entry", "Price", "Lowest buy", "Highest buy")),
                coloured("Depth", PERCENT, thresholds=theme.SIGNED, **NARROW),
                column("time", theme.DATE, displayName="First buy", custom__width=116),
                *(column(name, DAYS, **NARROW) for name in ("Age", "Days under water")),
                column("timeEnd", theme.MINUTE, displayName="Price at", custom__width=150),
                coloured("P/L", theme.SIGNED_USD, thresholds=theme.SIGNED, custom__width=112),
            ],
        ),
    ]


def _history() -> list[model.Panel]:
    return [
        _over_time("Value by position", "Market value", "market_value"),
        _over_time("Unrealized P&L by position", "Unrealized profit", "unrealized_pl"),
        grid(
            "Orders and fills by symbol",
            "What was done in these symbols? "
            "Executions in the chosen time (broker), newest 200, with the realized profit against first-in-first-out lots.",
            listed(f"""
                SELECT ts AS time, symbol AS Symbol, side AS Side, quantity AS Shares, price AS Price, value AS Value,
                  realized_pl AS Realized
                FROM fills WHERE {IN_TIME} AND {SYMBOL} ORDER BY ts DESC LIMIT 200"""),
            size=(24, 9),
            says="time",
            none=theme.NONE_HELD,
            sort=("Time", True),
            overrides=[
                column("time", displayName="Time", custom__width=170),
                coloured("Side", mappings=theme.SIDE),
                column("Shares", QUANTITY),
                column("Price", USD),
                column("Value", USD),
                coloured("Realized", theme.SIGNED_USD, thresholds=theme.SIGNED),
            ],
        ),
    ]


def _over_time(title: str, what: str, value: str) -> model.Panel:
    return lines(
        title,
        f"{what} of each chosen position at the broker's answers (archive: position_snapshots, one every 15 minutes at most), "
        "and before the first of them at each close, rebuilt from executions and prices (positions_daily).",
        series(snapshots(value)),
        unit=theme.SIGNED_DOLLARS,
        size=(12, 9),
        legend=(),  # the last value of what is no longer held is no value of today
        none=f"{NO_ROWS}, or {NO_BROKER}",
        points=150,
        colour=BY_NAME,
        gaps=LONGEST_WEEKEND,
        overrides=[*labelled(SYMBOLS), override("byType", "number", displayName="${__field.labels.symbol}")],
    )


def _tax() -> list[model.Panel]:
    return [
        grid(
            "Open wash-sale windows",
            "Which loss sales are still inside their window? "
            "Sales at a loss and the 30 days after (an aid, not tax advice): days left after today, shares bought inside the "
            "window. The loss counts what earlier wash sales added to the cost of these shares, so it can be more than the "
            "realized loss. Unknown: the lots are incomplete.",
            listed(f"""
                SELECT sold AS time, symbol AS Symbol, quantity AS Shares, loss AS Loss,
                  CASE WHEN window_end > unixepoch()
                    THEN CAST((window_end - unixepoch()) / 86400 AS INTEGER) END AS "Days left",
                  bought_before AS "Bought before",
                  bought_after AS "Bought after",
                  CASE WHEN status <> 'known' THEN 'unknown'
                    WHEN bought_before + bought_after > 0 THEN 'bought' ELSE 'free' END AS State
                FROM wash_sales WHERE {SYMBOL}
                  AND (window_end > unixepoch() OR (sold >= $__from / 1000 AND sold < $__to / 1000))
                ORDER BY sold DESC LIMIT 200"""),
            size=(17, 8),
            says="time",
            none=theme.NONE_HELD,
            sort=("Sold", True),
            overrides=[
                column("time", theme.MINUTE, displayName="Sold", custom__width=140),
                column("Shares", QUANTITY, **NARROW),
                coloured("Loss", USD, thresholds=steps("text", (0.005, LOSS)), **NARROW),
                column("Days left", DAYS, **NARROW),
                *(column(name, QUANTITY, **NARROW) for name in ("Bought before", "Bought after")),
                coloured(
                    "State",
                    custom__width=145,
                    mappings=theme.choices(
                        bought=("▲ bought inside", LOSS),
                        free=("✓ no buy inside", theme.GOOD),
                        unknown=("? unknown", theme.QUIET),
                    ),
                ),
            ],
        ),
        grid(
            "Deferred wash-sale loss",
            "How much loss may not be deducted? "
            "Estimate of this calendar year per symbol: losses whose window holds a buy "
            "(bigdipper_wash_sale_disallowed_loss_usd). An aid, not tax advice.",
            rows(f"sum by (symbol) ({selector('wash_sale_disallowed_loss_usd')}) > 0"),
            size=(7, 8),
            none=f"none this year, or {NO_BROKER}",
            sort=("Estimate", True),
            transformations=[organise(["symbol", "Value"], {"symbol": "Symbol", "Value": "Estimate"}, hide=("Time",))],
            overrides=[column("Symbol", link=shared.SYMBOL_LINK), column("Estimate", USD)],
        ),
    ]
