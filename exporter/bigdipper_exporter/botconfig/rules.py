"""The bot's settings, one table: what each may be, and what contradicts what. Ratios are ratios (15 % is 0.15)."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

from bigdipper_exporter.botconfig.expressions import Value
from bigdipper_exporter.money.dips import LEAST_LOOKBACK, LONGEST_LOOKBACK, LOOKBACK
from bigdipper_exporter.symbols import is_symbol

Severity = Literal["error", "warning", "info", "ok"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
SECRETS = ("ALPACA_KEY", "ALPACA_SECRET")
SECRET_NAME = re.compile(r"KEY|SECRET|TOKEN|PASSW")
THRESHOLDS = "DIP_THRESHOLDS"
DEFAULT = "DEFAULT"  # the threshold of symbols that have none of their own
MOST_SYMBOLS = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check. `ok`: a setting that is as it should be."""

    severity: Severity
    setting: str
    message: str

    def __str__(self) -> str:
        return f"{self.severity:<7} {self.setting}: {self.message}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One setting. Numbers lie in [low, high], above `low` where it is `open`.

    meaning: what the bot does with it. default: the literal in the bot's release v2.18; empty where there is no single one.
    note: what the name promises, and the release or this monitor does not do.
    """

    kind: Literal["number", "whole", "switch", "symbols", "thresholds", "level", "secret"]
    meaning: str
    default: str = ""
    low: float = 0.0
    high: float = math.inf
    open: bool = False
    note: str = ""

    @property
    def allowed(self) -> str:
        """The range in words."""
        if self.kind not in ("number", "whole"):
            return {
                "switch": "True or False",
                "symbols": f"a list of symbols, at most {MOST_SYMBOLS}",
                "level": ", ".join(LEVELS),
                "secret": "a text",
                "thresholds": f"symbol: ratio above 0, at most 0.5, with DEFAULT, at most {MOST_SYMBOLS}",
            }[self.kind]
        low = f"{'above' if self.open else 'at least'} {self.low:g}"
        whole = "a whole number, " if self.kind == "whole" else ""
        return whole + (low if math.isinf(self.high) else f"{low}, at most {self.high:g}")


LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
RULES: dict[str, Rule] = {
    "ALPACA_KEY": Rule("secret", "Alpaca's API key"),
    "ALPACA_SECRET": Rule("secret", "Alpaca's API secret"),
    "PAPER": Rule("switch", "Trade the paper account (True) or real money (False)", "True"),
    "SYMBOLS": Rule("symbols", "Stocks that the bot watches and buys"),
    THRESHOLDS: Rule(
        "thresholds",
        "How far the price must be below the highest close of the lookback for a buy, by symbol; DEFAULT counts for the others",
    ),
    "LOOKBACK_DAYS": Rule(
        "whole",
        "Trading days over which the highest close is taken; the monitor's dip lines, triggers and replays follow it",
        str(LOOKBACK),
        LEAST_LOOKBACK,
        LONGEST_LOOKBACK,
    ),
    "BASE_POSITION_PCT": Rule(
        "number", "Share of equity that a dip of 3 % buys, before DIP_MULTIPLIER", "0.025", 0, 1, open=True
    ),
    "MAX_POSITION_PCT": Rule("number", "Largest position in one symbol, as a share of equity", "0.15", 0, 1, open=True),
    "DIP_MULTIPLIER": Rule("number", "Multiplies the size of every buy", "1.75", 0, 20, open=True),
    "MIN_ABSOLUTE_DIP": Rule("number", "Least dip that is bought, whatever the threshold of the symbol", "0.05", 0, 0.5),
    "MAX_TOTAL_POSITIONS": Rule("whole", "Most positions at a time", "20", 1, 1000, note="the bot never looks at it"),
    "USE_MARGIN": Rule(
        "switch",
        "Check the brake, the leverage limit and the buying power",
        "True",
        note="when off, nothing limits what the bot spends",
    ),
    "MAX_MARGIN_PCT": Rule("number", "No order may take positions beyond equity by more than this share of it", "0.20", 0, 1),
    "MARGIN_SAFETY_THRESHOLD": Rule(
        "number", "The emergency brake: no trading while positions exceed equity by more than this share of it", "0.15", 0, 1
    ),
    "COLLATERAL_POSITIONS": Rule("symbols", "Holdings that the bot never buys and leaves out of the leverage of an order"),
    "COOLDOWN_HOURS": Rule("number", "Hours after an order in which the symbol is not bought again", "3", 0, 720),
    "ORDER_TIMEOUT_MINUTES": Rule(
        "number",
        "Minutes after which an open order is cancelled",
        "15",
        0,
        1440,
        open=True,
        note="the bot's own cancelling never works",
    ),
    "LIMIT_OFFSET_PCT": Rule("number", "How far below the ask a buy is limited in regular hours", "0.005", 0, 0.1),
    "VOLATILE_TICKERS": Rule("symbols", "Stocks that are bought larger on a sharp fall within the day"),
    "INTRADAY_DROP_THRESHOLD": Rule("number", "Fall since the open that counts as sharp", "0.06", 0, 0.5, open=True),
    "INTRADAY_MULTIPLIER": Rule("number", "Multiplies the size of a buy on a sharp fall", "1.5", 0, 20, open=True),
    "TRADE_EXTENDED_HOURS": Rule(
        "switch", "Trade before 9:30 and after 16:00 New York", "True", note="the bot never looks at it and trades then"
    ),
    "SCAN_INTERVAL_SEC": Rule("number", "Seconds from one cycle to the next", "60", 0, 3600, open=True),
    "LOG_LEVEL": Rule("level", "How much the bot logs", "INFO"),
}
RELEASED_DEFAULT_DIP = "0.04"
OF_ONE_SYMBOL = "above 0, at most 0.5"


def allowed(name: str) -> str:
    """What a setting, or the threshold of one symbol as `DIP_THRESHOLDS.SYMBOL`, may be, in words."""
    setting, dot, _ = name.partition(".")
    return OF_ONE_SYMBOL if dot else RULES[setting].allowed


def default(name: str) -> str:
    """The value of the bot's release, as it is written there; empty where there is no single one."""
    setting, _, symbol = name.partition(".")
    return RELEASED_DEFAULT_DIP if symbol == DEFAULT else "" if symbol else RULES[setting].default


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether `value` is a finite number; a switch is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def fits(rule: Rule, value: Any) -> bool:
    """Whether `value` is what the rule allows."""
    match rule.kind:
        case "number" | "whole":
            if not is_number(value) or (rule.kind == "whole" and value != int(value)):
                return False
            return bool((rule.low < value if rule.open else rule.low <= value) and value <= rule.high)
        case "switch":
            return isinstance(value, bool)
        case "level":
            return isinstance(value, str) and value in LEVELS
        case "symbols":
            right = isinstance(value, list) and len(value) <= MOST_SYMBOLS
            return right and all(isinstance(s, str) and is_symbol(s) for s in value)
        case "thresholds":
            return (
                isinstance(value, dict)
                and len(value) <= MOST_SYMBOLS
                and DEFAULT in value
                and all(isinstance(s, str) and is_symbol(s) and is_number(v) and 0 < v <= 0.5 for s, v in value.items())
            )
        case _:
            return isinstance(value, str)


def shown(name: str, value: Any) -> str:
    """A value as text: secrets masked, lists joined."""
    if SECRET_NAME.search(name):
        return "********" if value else "empty"
    text = ", ".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else repr(value)
    return text.encode("utf-8", "replace").decode()  # a literal may hold half a surrogate pair, which no database takes


def check(settings: Mapping[str, Value]) -> list[Finding]:
    """Every setting in the order of the table, then what is unknown, then what contradicts."""
    findings = [finding for name in RULES for finding in _one(name, settings.get(name))]
    for name, value in settings.items():
        if name not in RULES:
            findings.append(Finding("info", name, f"line {value.line}: not a setting of the released bot; not checked"))
    good = {n: v.value for n, v in settings.items() if n in RULES and v.problem is None and fits(RULES[n], v.value)}
    for contradiction in CONTRADICTIONS:
        findings += contradiction(good)
    return findings


def _one(name: str, value: Value | None) -> Iterator[Finding]:
    rule = RULES[name]
    if value is None:
        yield Finding("warning", name, f"is not set; allowed: {rule.allowed}")
        return
    if value.problem is not None:
        severity: Severity = "info" if rule.kind == "secret" else "warning"
        yield Finding(severity, name, f"line {value.line}: not readable: {value.problem}; allowed: {rule.allowed}")
        return
    if rule.kind == "secret" and value.value:
        yield Finding("warning", name, f"line {value.line}: a secret is in the file; take it from the environment")
        return
    said = f"line {value.line}: {_short(shown(name, value.value))}"
    if not fits(rule, value.value):
        yield Finding("error", name, f"{said} is not allowed; allowed: {rule.allowed}")
    elif value.environment:
        variables = ", ".join(value.environment)
        yield Finding("info", name, f"{said} unless the environment says otherwise ({variables}); allowed: {rule.allowed}")
    elif rule.note:
        yield Finding("info", name, f"{said}; allowed: {rule.allowed}; {rule.note}")
    else:
        yield Finding("ok", name, f"{said}; allowed: {rule.allowed}")


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."


def _brake(s: Mapping[str, Any]) -> Iterator[Finding]:
    brake, hard = s.get("MARGIN_SAFETY_THRESHOLD"), s.get("MAX_MARGIN_PCT")
    if s.get("USE_MARGIN") is False:
        yield Finding("info", "USE_MARGIN", "is off: neither the brake nor the hard limit acts")
    elif brake is not None and hard is not None and brake > hard:
        said = f"the brake ({brake:g}) is above the hard limit ({hard:g}): it never acts before it"
        yield Finding("error", "MARGIN_SAFETY_THRESHOLD", said)
    elif brake is not None and brake == hard:
        yield Finding("warning", "MARGIN_SAFETY_THRESHOLD", f"the brake equals the hard limit ({hard:g}): no warning before it")


def _sizes(s: Mapping[str, Any]) -> Iterator[Finding]:
    base, most = s.get("BASE_POSITION_PCT"), s.get("MAX_POSITION_PCT")
    if base is not None and most is not None and most <= base:
        said = f"{most:g} is not above BASE_POSITION_PCT ({base:g}): the bot will not start"
        yield Finding("error", "MAX_POSITION_PCT", said)
    for name in ("DIP_MULTIPLIER", "INTRADAY_MULTIPLIER"):
        if s.get(name, 1) < 1:
            yield Finding("warning", name, f"{s[name]:g} is below 1: it makes positions smaller")


def _thresholds(s: Mapping[str, Any]) -> Iterator[Finding]:
    thresholds, floor, symbols = s.get(THRESHOLDS), s.get("MIN_ABSOLUTE_DIP"), s.get("SYMBOLS")
    if thresholds is None:
        return
    below = [symbol for symbol, value in thresholds.items() if floor is not None and value < floor]
    if below:
        yield Finding("info", THRESHOLDS, f"below MIN_ABSOLUTE_DIP ({floor:g}), so that counts: {', '.join(below)}")
    if symbols is not None:
        watched = {*symbols, DEFAULT}
        strange = [symbol for symbol in thresholds if symbol not in watched]
        if strange:
            yield Finding("warning", THRESHOLDS, f"thresholds of symbols that are not in SYMBOLS: {', '.join(strange)}")
        without = [symbol for symbol in symbols if symbol not in thresholds]
        if without:
            yield Finding("info", THRESHOLDS, f"DEFAULT ({thresholds[DEFAULT]:g}) counts for: {', '.join(without)}")


def _symbols(s: Mapping[str, Any]) -> Iterator[Finding]:
    symbols = s.get("SYMBOLS")
    if symbols is None:
        return
    if not symbols:
        yield Finding("error", "SYMBOLS", "is empty: the bot has nothing to watch")
    twice = sorted(symbol for symbol, times in Counter(symbols).items() if times > 1)
    if twice:
        yield Finding("warning", "SYMBOLS", f"given twice: {', '.join(twice)}")
    collateral, watched = set(s.get("COLLATERAL_POSITIONS", ())), set(symbols)
    both = [symbol for symbol in symbols if symbol in collateral]
    if both:
        yield Finding("warning", "COLLATERAL_POSITIONS", f"also in SYMBOLS, but never bought as collateral: {', '.join(both)}")
    strange = [symbol for symbol in s.get("VOLATILE_TICKERS", ()) if symbol not in watched]
    if strange:
        yield Finding("warning", "VOLATILE_TICKERS", f"not in SYMBOLS: {', '.join(strange)}")


def _speed(s: Mapping[str, Any]) -> Iterator[Finding]:
    if s.get("SCAN_INTERVAL_SEC", 60) < 15:
        said = f"{s['SCAN_INTERVAL_SEC']:g} s: this exceeds the broker's rate limit"
        yield Finding("warning", "SCAN_INTERVAL_SEC", said)
    if s.get("LOG_LEVEL") in ("WARNING", "ERROR", "CRITICAL"):
        said = f"{s['LOG_LEVEL']}: the log holds nothing that can be monitored; use INFO or DEBUG"
        yield Finding("error", "LOG_LEVEL", said)


CONTRADICTIONS: tuple[Callable[[Mapping[str, Any]], Iterator[Finding]], ...] = (_brake, _sizes, _thresholds, _symbols, _speed)
