"""The samples read a second time by other means: grep, sed and naive string operations. Shares nothing with the exporter."""

import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")

# Lines by event, as extended regular expressions of grep, behind "<time> [LEVEL] ".
GREPS = {
    "start": "(🌟 Big Dipper|🌙 Little Dipper).* started in",
    "watching": "📊 Watching",
    "stop": "👋",
    "cycle": "Cycle #",
    "session": "(🌙|☀️|💤) .*(hours\\)|Next open).*$|(Pre-Market|Regular|After-Hours|Market closed)$",
    "account": "(\\[ACCOUNT\\]|💰 Account:)",
    "positions": "📊 Positions:",
    "movers": " *(Winners|Losers):",
    "trade": "(\\[TRADE\\] BUY|✅ BUY)",
    "opportunity": "(\\[OPPORTUNITY\\]|💎 [A-Z]+ BUY:)",
    "filters": "   📊 Filters:",
    "scan": "🔍 Scan complete:",
    "skip": "(\\[SKIP\\]|[A-Z]+: (Dip|Cooldown|Would exceed|Insufficient)|❌ Failed to place order)",
    "capital_exhausted": "💰 CAPITAL EXHAUSTED",
    "left_out": "   ⏭️ ",
    "brake": ".*EMERGENCY BRAKE[ :]",
    "brake_detail": "   (Position value|Limit|Must reduce|Margin debt|💡 Reduce)",
    "halting": ".*HALTING ALL TRADING this cycle",
    "missing": "(⚠️  MISSING|   Missed [0-9]|   ✅ No qualifying)",
    "missed_by_brake": "   💎 ",
    "halt": "❌ UNEXPECTED ERROR",
    "error": "❌ Cycle error",
    "pause": "⏸️  Pausing",
    "cycle_took": "⏱️  Cycle took",
}
HEADER = "^[0-9-]{10} [0-9:]{8} \\[[A-Z]+\\] "
STAMP = "^[0-9: -]{19} \\[[A-Z]+\\] "
# Symbol and reason of each skip, by sed.
SKIPS = {
    "below_absolute_min": r"(\[SKIP\] )?([A-Z]+):? Dip .* < absolute min .*",
    "below_threshold": r"(\[SKIP\] )?([A-Z]+):? Dip .* < threshold .*",
    "cooldown": r"(\[SKIP\] )?([A-Z]+):? [Cc]ooldown.*",
    "leverage_limit": r"()([A-Z]+): Would exceed (leverage|margin) limit.*",
    "wash_sale_conflict": r"(\[SKIP\] )([A-Z]+) wash_sale_conflict.*",
    "not_fractionable": r"(\[SKIP\] |❌ Failed to place order for )([A-Z]+)( not_fractionable|.*not fractionable).*",
}
ROUTINE = ("below_absolute_min", "below_threshold", "position_at_max", "cooldown", "too_small")


def grep(path: Path, pattern: str) -> int:
    """`grep -cE pattern`."""
    found = subprocess.run(["grep", "-cE", pattern, str(path)], capture_output=True, text=True, check=False)
    return int(found.stdout)


def wc(path: Path) -> tuple[int, int]:
    """Lines and bytes by `wc`."""
    lines, size = subprocess.run(["wc", "-lc", str(path)], capture_output=True, text=True, check=True).stdout.split()[:2]
    return int(lines), int(size)


def sed(path: Path, pattern: str, wanted: str) -> Counter[str]:
    """How often each rewriting of a matching line comes out of `sed -nE s/pattern/wanted/p`."""
    script = f"s#{STAMP}{pattern}$#{wanted}#p"
    found = subprocess.run(["sed", "-nE", script, str(path)], capture_output=True, text=True, check=True)
    return Counter(found.stdout.split("\n")[:-1])


@cache
def skips(path: Path) -> Counter[tuple[str, str]]:
    """Skips by symbol and reason."""
    return Counter(
        {(symbol, reason): count for reason, pattern in SKIPS.items() for symbol, count in sed(path, pattern, r"\2").items()}
    )


def events(path: Path) -> dict[str, int]:
    """Lines of each event."""
    return {kind: count for kind, pattern in GREPS.items() if (count := grep(path, HEADER + pattern))}


@cache
def unix(stamp: str) -> float:
    """Unix seconds of a New York time; the samples are from days without a clock change."""
    return datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S").replace(tzinfo=NEW_YORK).timestamp()


def trading_day(ts: float) -> str:
    """The New York date of four hours before."""
    return (datetime.fromtimestamp(ts, NEW_YORK) - timedelta(hours=4)).date().isoformat()


@dataclass
class Life:
    """What a naive reader makes of a log: cycle by cycle."""

    accounts: list[tuple[float, float, float]] = field(default_factory=list)
    opportunities: list[tuple[str, str]] = field(default_factory=list)
    skip_counts: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    # started, ended, cycles, seconds from line to line
    brakes: list[tuple[float, float | None, int, float]] = field(default_factory=list)
    missed: int = 0
    halts: Counter[str] = field(default_factory=Counter)


@cache
def cycles(path: Path) -> list[list[tuple[float, str]]]:
    """Messages with their time, cycle by cycle; what comes before the first cycle is left out."""
    found: list[list[tuple[float, str]]] = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if not re.match(r"\d{4}-\d\d-\d\d ", line):
            continue
        message = line[20:].partition("] ")[2]
        if message.startswith("Cycle #"):
            found.append([])
        if found:
            found[-1].append((unix(line[:19]), message))
    return found


def _symbol(message: str, before: str) -> str:
    return re.split(r"[ :]", message.partition(before)[2].strip())[0]


@cache
def live(path: Path) -> Life:
    """Read a log naively."""
    life = Life()
    brake: list[float] | None = None
    for cycle in cycles(path):
        messages = [message for _, message in cycle]
        life.opportunities += _outcomes(messages)
        account = [(ts, m) for ts, m in cycle if "ACCOUNT] equity" in m or m.startswith("💰 Account")]
        if account:
            equity, cash = re.findall(r"\$([-\d.,]+)", account[-1][1])[:2]
            life.accounts.append((account[0][0], float(equity.replace(",", "")), float(cash.replace(",", ""))))
        at = next((ts for ts, m in cycle if "EMERGENCY BRAKE" in m), None)
        past = next((ts for ts, m in cycle if m.startswith(("[ACCOUNT]", "💰 Account", "📊 Positions"))), None)
        if at is not None:
            life.halts["brake"] += 1
            brake = brake or [at, 0, at, 0.0]
            brake = [brake[0], brake[1] + 1, at, brake[3] + max(0.0, at - brake[2])]
        elif any("UNEXPECTED ERROR" in m for m in messages):
            life.halts["unexpected_error"] += 1
        if at is None and past is not None and brake:
            life.brakes.append((brake[0], past, int(brake[1]), brake[3] + max(0.0, past - brake[2])))
            brake = None
        for ts, m in cycle:
            missed = re.match(r"⚠️  MISSING (\d+)|   Missed (\d+)", m)
            life.missed += int(missed[1] or missed[2]) if missed else 0
            for reason in ROUTINE:
                skip = re.fullmatch(SKIPS[reason], m) if reason in SKIPS else None
                if skip:
                    life.skip_counts[int(ts) - int(ts) % 3600, skip[2], reason] += 1
    if brake:
        life.brakes.append((brake[0], None, int(brake[1]), brake[3]))
    return life


def _outcomes(messages: list[str]) -> list[tuple[str, str]]:
    """Symbol and outcome of each opportunity of a cycle: what the last line about it says."""
    found: dict[str, str] = {}
    for m in messages:
        if m.startswith("[OPPORTUNITY]"):
            found.setdefault(_symbol(m, "] "), "unknown")
        elif m.startswith("💎"):
            found.setdefault(_symbol(m, "💎 "), "unknown")
        elif m.startswith("   💎"):
            found[_symbol(m, "💎 ")] = "missed_brake"
        elif m.startswith("   ⏭️"):
            found[_symbol(m, "⏭️ ")] = "capital"
        elif "BUY" in m:
            symbol = _symbol(m, "BUY ")
            found.update({symbol: "submitted"} if symbol in found else {})
        else:
            for reason, pattern in SKIPS.items():
                skip = re.fullmatch(pattern, m)
                if skip and skip[2] in found:
                    found[skip[2]] = "capital" if reason == "leverage_limit" else "rejected"
    return list(found.items())


def missed_by_brake(path: Path) -> int:
    """The dips that the brake's own reports count."""
    said = re.findall(r"(?i)miss(?:ing|ed) (\d+) opportunities (?:due to emergency|during) brake", path.read_text("utf-8"))
    return sum(map(int, said))
