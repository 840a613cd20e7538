"""What a scrape shows of market prices: immutable, the state at one commit."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bigdipper_exporter.archive.prices.figures import Figures
from bigdipper_exporter.broker.results import Reason


@dataclass(frozen=True, slots=True)
class PriceView:
    """The present of the market data.

    up: whether the last reading brought all that was wanted, None before the first; why: the reason when it did not.
    success: unix seconds of the last complete reading. problems: symbols without prices, and why. figures: what followed
    from the prices of that reading; None before the first.
    """

    benchmark: str
    up: bool | None = None
    why: Reason | None = None
    success: float | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    figures: Figures | None = None
