"""Panels of other thresholds replayed over daily bars, with the check beside them that says whether to believe it."""

from grafana_foundation_sdk.models import dashboard as model

from bigdipper_exporter.money.replay import LEAST_RECALL
from grafana import shared, theme
from grafana.overrides import NARROW, coloured, column, words
from grafana.panels import columns, grid
from grafana.query import listed, table
from grafana.theme import COUNT, NO_PRICES, QUIET, RATIO, TEXT, WARNING

SHOWN = "no price history yet, or not shown: see the check of the replay"
BELIEVED = theme.steps(WARNING, (LEAST_RECALL, "text"))
LIMITS = (
    ("Signals, not orders", "Cash, cooldown, the largest position, the brake and refusals of the broker decide too."),
    ("A band, not a figure", "The bot looks once a minute: it saw less than 'touched' and more than 'at the close'."),
    ("Bid of one exchange", "With a free key the bot compares IEX bids: a dip that only they showed is in no bar."),
    ("Regular hours only", "Daily bars have no price before 09:30 or after 16:00, when the bot buys too."),
    ("Splits", "Prices are as traded: a split is a signal at every threshold for LOOKBACK_DAYS sessions, as it is to the bot."),
    ("Survivors", "Only symbols that the bot watches now are replayed: those that did badly may have been taken out."),
    ("Overlapping windows", "Dips of one crash are about one observation: look at the number of weeks, not of dips."),
    (
        "No profit",
        "Each purchase changes what can be bought later. What prices did after a dip is not what you would have earned.",
    ),
    ("Hindsight", "A threshold chosen by what it did fits that past. Choose it by the earlier half, and test it in the later."),
)


def thresholds(title: str, where: str, size: tuple[int, int], now: bool = False) -> model.Panel:
    """Signals per threshold and what followed. where: SQL over `symbol`; now: mark the threshold in effect."""
    same = "ABS(threshold - w.threshold) < 0.00001"  # floats that were read in different ways
    mark = f"(SELECT ' ◀ now' FROM dip_triggers WHERE {where} AND {same})" if now else "NULL"
    joined = " ".join(
        f"JOIN threshold_signals AS {name} ON {name}.symbol = w.symbol AND {name}.threshold = w.threshold"
        f" AND {name}.reached = '{reached}' AND {name}.part = '{part}' AND {name}.horizon = {horizon}"
        for name, reached, part, horizon in (
            ("t1", "touched", "whole", 1),
            ("t20", "touched", "whole", 20),
            ("c5", "close", "whole", 5),
            ("c20", "close", "whole", 20),
            ("e", "touched", "earlier", 5),
            ("l", "touched", "later", 5),
        )
    )
    nothing = ", ".join(["NULL"] * 16)
    signed = (
        *(
            "After 1 day",
            "5 days, worst 25%",
            "After 5 days",
            "5 days, best 25%",
            "5 days, vs. index",
            "After 20 days",
        ),
        *("Close, 5 days", "Close, 20 days", "Early, 5 days", "Late, 5 days"),
    )
    return grid(
        title,
        "What would other thresholds have seen? "
        "The bot's rule over the archived daily bars for each threshold. Dips: consecutive sessions whose low touched the line "
        "are one; Close: the same for those still under it at the close. What the bot would have seen lies between the two. "
        "After: the median total return after 1, 5 and 20 trading days, from the line or the close; for 5 days also the "
        "bounds of the worst and of the best quarter of them, from 20 dips on, and the median beyond the benchmark. Close, "
        "Early and Late give medians; Early and Late are the halves of the time. Below "
        "MIN_ABSOLUTE_DIP a threshold has no effect unless that is lowered too. "
        + ("No row is marked as now where the bot's threshold is not a whole percent. " if now else "")
        + f"Signals, no promise of profit; shown where the replay finds {LEAST_RECALL:.0%} of the bot's own purchases "
        "(archive: threshold_signals, replay_checks).",
        listed(f"""
            SELECT printf('%g%%', 100 * w.threshold) || COALESCE({mark}, '') AS Threshold, w.days AS Days, w.episodes AS Dips,
              w.weeks AS Weeks, t1.median AS "After 1 day", w.lower AS "5 days, worst 25%",
              w.median AS "After 5 days", w.upper AS "5 days, best 25%",
              w.excess AS "5 days, vs. index", t20.median AS "After 20 days",
              c5.episodes AS "Close dips", c5.median AS "Close, 5 days",
              c20.median AS "Close, 20 days", e.episodes AS "Early dips", e.median AS "Early, 5 days",
              l.episodes AS "Late dips", l.median AS "Late, 5 days"
            FROM threshold_signals AS w {joined}
            JOIN replay_checks AS k ON k.symbol = w.symbol AND k.why IS NULL
            WHERE w.{where} AND w.reached = 'touched' AND w.part = 'whole' AND w.horizon = 5
            UNION ALL
            SELECT 'not shown: see the check', {nothing}
            FROM replay_checks WHERE {where} AND why IS NOT NULL"""),
        size=size,
        says="Threshold",
        none=NO_PRICES,
        overrides=[
            column("Threshold", TEXT, custom__width=105),
            *(column(name, COUNT, **NARROW) for name in ("Days", "Dips", "Weeks")),
            *(column(name, COUNT, **NARROW) for name in ("Close dips", "Early dips", "Late dips")),
            *(coloured(name, RATIO, thresholds=theme.SIGNED, **NARROW) for name in signed),
        ],
    )


def band(size: tuple[int, int]) -> model.Panel:
    """How many sessions with a signal each threshold would have had, of all symbols."""
    return columns(
        "Signals by threshold",
        "How often would other thresholds have been met? "
        "Sessions with a signal of all watched symbols, in the archived daily bars: touched by the low, or still there at the "
        "close. The bot would have seen a number between the two (archive: threshold_signals).",
        table("""
            SELECT printf('%g%%', 100 * w.threshold) AS Threshold, w.days AS "Touched", c.days AS "At the close"
            FROM threshold_signals AS w
            JOIN threshold_signals AS c ON c.symbol = w.symbol AND c.threshold = w.threshold AND c.reached = 'close'
              AND c.part = w.part AND c.horizon = w.horizon
            JOIN replay_checks AS k ON k.symbol = w.symbol AND k.why IS NULL
            WHERE w.symbol = 'all' AND w.reached = 'touched' AND w.part = 'whole' AND w.horizon = 5 ORDER BY w.threshold"""),
        x="Threshold",
        unit=COUNT,
        size=size,
        none=SHOWN,
        legend=True,
        overrides=[column("Touched", colour=theme.BOT), column("At the close", colour=theme.BROKER)],
    )


def check(title: str, where: str, size: tuple[int, int]) -> model.Panel:
    """The bot's own thresholds replayed beside its orders. where: SQL over `symbol`."""
    return grid(
        title,
        "Is the replay to be believed? "
        "The bot's own thresholds, as valid on each day, replayed over the daily bars and compared with the log, in sessions. "
        "Found: of the sessions in which it submitted a purchase, those in which a bar touched the line; "
        f"below {LEAST_RECALL:.0%} nothing is shown for other thresholds. Named: of the replay's signals on days that the bot "
        "scanned without a brake, those that the log names as bought or missed; what its own rules stopped (cooldown, largest "
        "position) it does not name at INFO (archive: replay_checks).",
        listed(f"""
            SELECT symbol AS Symbol, purchases AS Purchases, found AS Found, recall AS Recall, outside_hours AS "Outside hours",
              not_in_bars AS "Not in bars", signals AS Signals, named AS Named, precision AS Precision, first AS "From",
              later AS "Later half from", last AS "To", COALESCE(why, '✓ shown') AS "Other thresholds"
            FROM replay_checks WHERE {where}"""),
        size=size,
        says="Symbol",
        sort=("Purchases", True),
        none=NO_PRICES,
        overrides=[
            column("Symbol", TEXT, link=shared.SYMBOL_LINK, custom__width=90),
            column("Purchases", COUNT, custom__filterable=False, custom__width=114),
            *(column(name, COUNT, **NARROW) for name in ("Found", "Outside hours", "Not in bars", "Signals", "Named")),
            coloured("Recall", RATIO, thresholds=BELIEVED, **NARROW),
            column("Precision", RATIO, **NARROW),
            *(column(name, TEXT, custom__filterable=False, custom__width=94) for name in ("From", "To", "Later half from")),
            words("Other thresholds", custom__width=190),
        ],
    )


def limits(size: tuple[int, int]) -> model.Panel:
    """What the replay cannot know, in plain words."""
    rows = " UNION ALL ".join(
        f"SELECT {number} AS place, '{name}' AS name, '{text.replace(chr(39), chr(39) * 2)}' AS text"
        for number, (name, text) in enumerate(LIMITS)
    )
    return grid(
        "Limits of the replay",
        "What does the replay not know? Read this before you change a threshold because of it.",
        listed(f"""
            SELECT name AS "Limit", text AS "What it means" FROM ({rows})
            WHERE EXISTS (SELECT 1 FROM replay_checks) ORDER BY place"""),
        size=size,
        says="Limit",
        none=NO_PRICES,
        overrides=[column("Limit", TEXT, colour=QUIET, custom__width=170), words("What it means")],
    )
