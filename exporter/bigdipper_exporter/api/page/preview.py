"""What a change of a setting would mean: how far the account is from a new limit, what a new threshold would have met."""

from collections.abc import Sequence
from datetime import timedelta

from bigdipper_exporter import calendar
from bigdipper_exporter.api.context import Services
from bigdipper_exporter.api.page import html
from bigdipper_exporter.api.present import snapshot
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.prices.series import Market
from bigdipper_exporter.archive.queries.prices import replay_problem
from bigdipper_exporter.botconfig import source
from bigdipper_exporter.botconfig.edit import Edited
from bigdipper_exporter.botconfig.rules import DEFAULT, THRESHOLDS, is_number
from bigdipper_exporter.money import replay
from bigdipper_exporter.money.dips import LOOKBACK, MINIMUM, effective, usable_lookback
from bigdipper_exporter.money.episodes import HORIZONS, LEAST_EPISODES, quantile, returns_after
from bigdipper_exporter.money.limits import Distance, bot_limit
from bigdipper_exporter.money.prices import Prices
from bigdipper_exporter.money.replay import Judged
from bigdipper_exporter.words import count, dollars

PAST_DAYS = 90
AFTER = HORIZONS[1]
MOST_NAMED = 5
# The bot's limits, and what each does once it is exceeded.
LIMITS = {
    "MARGIN_SAFETY_THRESHOLD": "the bot would stop trading at once",
    "MAX_MARGIN_PCT": "the bot could buy nothing",
}


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
    return [html.paragraph(_nearness(distance, distance.usd, LIMITS[name]), "warn" if distance.usd < 0 else "")]


def _nearness(distance: Distance, usd: float, effect: str) -> str:
    """Say how far away a new limit is. usd: US dollars of positions until it is reached; effect: what the bot then does."""
    if usd < 0:
        return f"This limit is already exceeded by {dollars(-usd, cents=False)}: {effect}."
    room = f"This limit leaves room for {dollars(usd, cents=False)} more in positions"
    if distance.drop is None:
        return f"{room}."
    if distance.drop >= 1:
        return f"{room}; falling prices alone do not reach it."
    return f"{room}; it is also reached if all prices fall by {distance.drop:.1%}."


def _signals(services: Services, edited: Edited, name: str) -> list[str]:
    """How often the old and the new threshold of a symbol met the bot's rule lately."""
    setting, _, symbol = name.partition(".")
    if setting != THRESHOLDS or symbol == DEFAULT:
        return []
    first = calendar.trading_day(services.clock()) - timedelta(days=PAST_DAYS)
    try:
        with services.archives.reading(None) as connection:
            prices, problem = Market(connection, symbol).prices(symbol), replay_problem(connection, symbol)
    except ArchiveError:
        return []
    lookback = _lookback(edited.after)
    sessions = [one for one in replay.judged(prices.bars, lambda day: lookback) if one.bar.day >= first]
    if not sessions:
        return [html.paragraph(f"What {symbol} did is not known: the archive has no prices of it.", "note")]
    now, then = (_past(prices, sessions, _threshold(data, symbol)) for data in (edited.before, edited.after))
    words = f"The last {PAST_DAYS} days by daily bars. Now: {now}. Then: {then}."
    notes = ["Signals, not orders: cash, cooldown and the brake decide too."]
    if problem is not None:
        notes.append(f"Do not rely on them: {problem}.")
    return [html.paragraph(words), *(html.paragraph(note, "note") for note in notes)]


def _threshold(data: bytes, symbol: str) -> float | None:
    """The dip from which a file lets the bot buy a symbol; None where the file gives no number for it."""
    settings = source.read(data)
    thresholds = settings[THRESHOLDS].value
    own = thresholds.get(symbol, thresholds.get(DEFAULT)) if isinstance(thresholds, dict) else None
    least = settings.get("MIN_ABSOLUTE_DIP")
    if not is_number(own):
        return None
    return effective(float(own), float(least.value) if least is not None and is_number(least.value) else MINIMUM)


def _lookback(data: bytes) -> int:
    """Over how many daily bars a file lets the bot take the highest close; the released bot's where it does not say."""
    found = source.read(data).get("LOOKBACK_DAYS")
    return usable_lookback(found.value if found is not None and is_number(found.value) else None) or LOOKBACK


def _past(prices: Prices, sessions: Sequence[Judged], threshold: float | None) -> str:
    """What a threshold of a symbol would have met in these sessions."""
    if threshold is None:
        return "the file gives no number"
    touched, closed = (replay.signals(sessions, threshold, reached) for reached in replay.REACHED)
    starts = replay.starts(touched, prices.days)
    found = [returns_after(one.price, one.day, prices, prices.days)[HORIZONS.index(AFTER)] for one in starts]
    after = _after([value for value in found if value is not None])
    days = f"on {len(touched)} of {len(sessions)} days ({count(len(starts), 'dip')}), {len(closed)} at the close"
    return f"at or under the line ({threshold:.1%}) {days}{after}"


def _after(found: Sequence[float]) -> str:
    """What followed a few dips one by one, of many the median."""
    if not found:
        return ""
    if len(found) >= LEAST_EPISODES:
        return f", {AFTER} sessions later a median {quantile(sorted(found), 0.5):+.1%} from the line"
    if len(found) > MOST_NAMED:
        return f", {AFTER} sessions later {min(found):+.1%} to {max(found):+.1%} from the line"
    return f", {AFTER} sessions later {', '.join(f'{value:+.1%}' for value in found)} from the line"
