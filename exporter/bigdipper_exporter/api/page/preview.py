"""What a change of a setting would mean: how far the account is from a new limit, what a new threshold would have met."""

from collections.abc import Sequence
from datetime import date, timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.api.context import Services
from bigdipper_exporter.api.page import html
from bigdipper_exporter.api.present import snapshot
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.queries.prices import daily_bars
from bigdipper_exporter.botconfig import source
from bigdipper_exporter.botconfig.edit import Edited
from bigdipper_exporter.botconfig.locate import THRESHOLDS
from bigdipper_exporter.botconfig.rules import DEFAULT
from bigdipper_exporter.money.dips import LOOKBACK, MINIMUM, effective
from bigdipper_exporter.money.limits import bot_limit
from bigdipper_exporter.money.prices import Bar
from bigdipper_exporter.money.signals import AFTER, signals

PAST_DAYS = 90
LIMITS = ("MARGIN_SAFETY_THRESHOLD", "MAX_MARGIN_PCT")


def preview(services: Services, edited: Edited, name: str, value: str) -> list[str]:
    """Paragraphs about a change; none where nothing can be said."""
    return [*_distance(services, name, value), *_signals(services, edited, name)]


def _distance(services: Services, name: str, value: str) -> list[str]:
    """What a changed limit means for the account now."""
    if name not in LIMITS:
        return []
    try:
        with services.archives.reading(None) as connection:
            broker = snapshot(connection, services.limits, services.clock()).broker
    except ArchiveError:
        return []
    if broker is None or broker.account is None or broker.stock_value is None:
        return []
    distance = bot_limit(float(value), broker.stock_value, broker.account.equity)
    if distance is None or distance.usd is None:
        return []
    fall = (
        "no fall of prices" if distance.drop is None or distance.drop >= 1 else f"a fall of all prices by {distance.drop:.1%}"
    )
    said = f"With this limit: {distance.usd:,.0f} dollars of positions until it acts; {fall} leads there."
    return [html.paragraph(said, "warn" if distance.usd < 0 else "")]


def _signals(services: Services, edited: Edited, name: str) -> list[str]:
    """How often the old and the new threshold of a symbol met the bot's rule lately."""
    setting, _, symbol = name.partition(".")
    if setting != THRESHOLDS or symbol == DEFAULT:
        return []
    first = calendar.trading_day(services.clock()) - timedelta(days=PAST_DAYS)
    try:
        with services.archives.reading(None) as connection:
            rows = daily_bars(connection, symbol, (first - timedelta(days=2 * LOOKBACK)).isoformat())
    except ArchiveError:
        return []
    bars = [Bar(date.fromisoformat(row.date), row.open, row.high, row.low, row.close) for row in rows]
    said = [_past(bars, data, symbol, first) for data in (edited.before, edited.after)]
    if not said[0]:
        return [html.paragraph(f"What {symbol} did is not known: the archive has no prices of it.", "note")]
    words = f"The last {PAST_DAYS} days by daily bars. Now: {said[0]}. Then: {said[1]}."
    return [html.paragraph(words), html.paragraph("Signals, not orders: cash, cooldown and the brake decide too.", "note")]


def _past(bars: Sequence[Bar], data: bytes, symbol: str, first: date) -> str:
    """What a file's threshold of a symbol would have met; empty without prices."""
    settings = source.read(data)
    thresholds, least = settings[THRESHOLDS].value, settings.get("MIN_ABSOLUTE_DIP")
    own = thresholds.get(symbol, thresholds[DEFAULT])
    known = least is not None and isinstance(least.value, int | float)
    threshold = effective(float(own), float(least.value) if least is not None and known else MINIMUM)
    found = signals(bars, threshold, first)
    if not found.days:
        return ""
    after = "" if found.after is None else f", {AFTER} sessions later a median {found.after:+.1%} from the line"
    return f"at or under the line ({threshold:.1%}) on {found.touched} of {found.days} days, {found.closed} at the close{after}"
