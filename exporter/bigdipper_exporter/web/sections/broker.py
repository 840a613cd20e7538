"""What the page says of the broker: whether polls work, and how much of the past is read."""

from bigdipper_exporter.broker.results import Reason
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.web.landing import Row

# Why a poll failed, in plain words.
FAILURES: dict[Reason, str] = {
    "timeout": "It did not answer in time.",
    "rate_limited": "It was asked too often, by the bot and the monitor together; the monitor asks less until that is over.",
    "unauthorized": "It refuses the keys: check them, and ALPACA_PAPER (paper and live accounts have different keys).",
    "server_error": "It answers with an error of its own (HTTP 5xx).",
    "bad_response": "What it answered could not be read.",
    "connection": "It cannot be reached from here.",
}


def broker_rows(s: Snapshot) -> list[Row]:
    """Whether the last polls worked; if not, why."""
    if s.broker is None:
        return [Row("off", "Alpaca", "No credentials (ALPACA_KEY, ALPACA_SECRET): the broker is not asked.")]
    if not s.broker.up:
        return [Row("off", "Alpaca", "No poll has finished yet.")]
    down = [endpoint for endpoint, up in s.broker.up.items() if not up]
    if down:
        reasons = {reason for endpoint in down if (reason := s.broker.why.get(endpoint))}
        why = "".join(f" {FAILURES[reason]}" for reason in sorted(reasons))
        return [Row("bad", "Alpaca", f"The last poll failed for: {', '.join(down)}.{why}")]
    return [Row("ok", "Alpaca", "Every poll worked."), *_history(s)]


def _history(s: Snapshot) -> list[Row]:
    """How far the account's past is rebuilt, until it is."""
    assert s.broker is not None
    days, prices = s.broker.history, s.prices
    waiting = prices is not None and prices.figures is None
    if days is None or (s.broker.backfill >= 1 and not waiting):
        return []
    said = f"Reading the account's history: equity for {days.equity} of {days.wanted} days, all figures for {days.complete}."
    return [Row("ok", "history", said)]
