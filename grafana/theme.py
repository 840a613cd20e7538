"""The theme of all boards, each fact once: colours, units, words, value mappings, data sources, shared thresholds."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import DataSourceRef, GraphDrawStyle

from bigdipper_exporter.money.limits import LimitName
from bigdipper_exporter.words import ORDER_STATES

ROOT = Path(__file__).resolve().parent.parent
THRESHOLDS_FILE = ROOT / "prometheus" / "rules" / "thresholds.yml"

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="prometheus")
ARCHIVE_TYPE = "frser-sqlite-datasource"
ARCHIVE = DataSourceRef(type_val=ARCHIVE_TYPE, uid="${archive}")
MIXED = DataSourceRef(type_val="datasource", uid="-- Mixed --")
FIRST_ARCHIVE = DataSourceRef(type_val=ARCHIVE_TYPE, uid="archive")

# One colour per meaning, no red-green pair; a word, an arrow or a sign always says the same as the colour.
GOOD = PROFIT = "blue"
LOSS = "orange"
WARNING = "#B07F00"  # Grafana's yellow cannot be read on white
CRITICAL = "red"
QUIET = "#8E8E8E"
LONG = "light-blue"
SHORT = "purple"
BROKER = "blue"
BOT = "#009E73"  # far from blue and orange for every eye
BARS = GraphDrawStyle.BARS
LEVELS = {"DEBUG": QUIET, "INFO": GOOD, "WARNING": WARNING, "ERROR": LOSS, "CRITICAL": CRITICAL}
LIMIT_COLOURS = {LimitName.BRAKE: WARNING, LimitName.HARD: LOSS, LimitName.MAINTENANCE: CRITICAL}


@dataclass(frozen=True)
class Unit:
    """A Grafana unit id with the decimals that all boards show."""

    id: str
    decimals: int


USD = Unit("currency:financial:$", 2)  # unlike currencyUSD it never shortens: to the cent
DOLLARS = Unit("currency:financial:$", 0)
# Of what may be negative. Pages and messages write -$342.19, which Grafana cannot: of its units, currencyUSD shortens to K, and
# the financial ones print "$-342.19".
SIGNED_USD = Unit("currency:financial: USD:suffix", 2)
SIGNED_DOLLARS = Unit("currency:financial: USD:suffix", 0)
RATIO = Unit("percentunit", 2)
PERCENT = Unit("percent", 2)
SHARE = Unit("suffix:%", 2)  # of what is far from 100 %: bars of "percent" and "percentunit" end there
COUNT = Unit("locale", 0)
SECOND_COUNT = Unit("none", 0)  # a bar chart draws an axis for each unit
NUMBER = Unit("none", 2)
QUANTITY = Unit("none", 4)
TIMES = Unit("suffix:×", 2)  # Grafana puts a space before what follows a number
BASIS_POINTS = Unit("suffix:bp", 1)
SECONDS = Unit("s", 1)
DAYS = Unit("suffix:d", 0)
SESSIONS = Unit("suffix:d", 1)  # a mean of whole trading days
BYTES = Unit("bytes", 1)
PER_MINUTE = Unit("suffix:/min", 1)
MOMENT = Unit("time:YYYY-MM-DD HH:mm:ss", 0)
MINUTE = Unit("time:YYYY-MM-DD HH:mm", 0)
DATE = Unit("time:YYYY-MM-DD", 0)
FROM_NOW = Unit("dateTimeFromNow", 0)  # of milliseconds
TEXT = Unit("string", 0)

NO_BROKER = "no broker credentials"
NO_DATA_YET = "nothing yet"
NOT_SAID = "the bot has not said"
NO_SERIES = "the exporter does not answer"
NO_ROWS = "none in this time"
NONE_ASKED = "no request, or no broker"
NONE_HELD = "none, or no broker"  # short enough for a column of a table
NO_PRICES = "no market prices"
NO_LIMIT = "no limit known: bot.config, limits.brake or the log's first brake line would give it"
NO_CONFIG = "no --bot.config given"


def choices(**words: tuple[str, str]) -> list[model.ValueMapping]:
    """Value mappings by text: value -> (word, colour). A leading underscore lets a number be a keyword: `_1=("open", GOOD)`."""
    return [
        model.ValueMap(
            options={
                value.removeprefix("_"): model.ValueMappingResult(text=word, color=colour, index=index)
                for index, (value, (word, colour)) in enumerate(words.items())
            }
        )
    ]


YES_NO_GOOD = choices(_1=("✓ yes", GOOD), _0=("✗ no", CRITICAL))
WORKING = choices(_1=("✓ working", GOOD), _0=("✗ not working", CRITICAL))
BRAKE = choices(_1=("■ ON", CRITICAL), _0=("✓ off", GOOD))
UNPRICED = choices(_1=("? no price", WARNING))
NO_FALL = choices(_1=("out of reach", GOOD))
MODE_NUMBER = choices(_1=("PAPER", GOOD), _2=("LIVE", CRITICAL))
MODE = choices(LIVE=("LIVE", CRITICAL), live=("LIVE", CRITICAL), PAPER=("PAPER", GOOD), paper=("PAPER", GOOD))
SEVERITIES = {"critical": ("✗ critical", CRITICAL), "warning": ("▲ warning", WARNING), "info": ("• info", GOOD)}
SEVERITY = choices(error=("✗ error", CRITICAL), **SEVERITIES)
SEVERITY_RANKS = choices(**{f"_{rank}": word for rank, word in enumerate(SEVERITIES.values(), 1)})
SIDE = choices(buy=("▲ buy", LONG), sell=("▼ sell", SHORT), sell_short=("▼ short", SHORT))
_ORDER_LOOKS = {
    "filled": ("✓", GOOD),
    "partly filled": ("◐", WARNING),
    "cancelled": ("–", QUIET),
    "expired": ("–", QUIET),
    "replaced": ("–", QUIET),
    "rejected": ("✗", CRITICAL),
    "open": ("…", "text"),
    "not known": ("?", QUIET),
}
ORDER_STATUS = choices(
    **{state: (f"{_ORDER_LOOKS[word][0]} {word}", _ORDER_LOOKS[word][1]) for state, word in ORDER_STATES.items()}
)
OUTCOME = choices(
    submitted=("✓ submitted", GOOD),
    rejected=("✗ rejected", LOSS),
    capital=("✗ no capital", LOSS),
    too_small=("✗ too small", LOSS),
    missed_brake=("■ missed: brake", CRITICAL),
    unknown=("? unknown", QUIET),
)


def fixed(colour: str) -> model.FieldColor:
    """One colour for all that a panel shows."""
    return model.FieldColor(mode=model.FieldColorModeId.FIXED, fixed_color=colour)


@cache
def threshold(name: str) -> float:
    """The number that an alert rule of this `name` uses (prometheus/rules/thresholds.yml), so that panel and alert agree."""
    rules = [rule for group in yaml.safe_load(THRESHOLDS_FILE.read_text())["groups"] for rule in group["rules"]]
    known = {rule["labels"]["name"]: float(rule["expr"].strip().removeprefix("vector(").removesuffix(")")) for rule in rules}
    if name not in known:
        raise KeyError(f"{THRESHOLDS_FILE}: no threshold named {name!r}; it has {', '.join(sorted(known))}")
    return known[name]


def steps(first: str, *above: tuple[float, str]) -> model.ThresholdsConfig:
    """Threshold colours: `first` from minus infinity, then (value, colour) pairs, ascending."""
    points = [model.Threshold(value=None, color=first), *(model.Threshold(value=v, color=c) for v, c in above)]
    return model.ThresholdsConfig(mode=model.ThresholdsMode.ABSOLUTE, steps=points)


BELOW_ALL = -1e15  # the colour under it is for figures that are not there
SIGNED = steps("text", (BELOW_ALL, LOSS), (0, PROFIT))
PLAIN = steps("text")
