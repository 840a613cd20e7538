"""What the page says of the log: whether it is read and grows, its damaged lines, and gaps."""

import time

from bigdipper_exporter.archive.recent import MOST_ROWS, Recent
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.counters import total
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.metrics.snapshot import Snapshot
from bigdipper_exporter.projection.state import TOO_SLOW, UNDECIDED, advice
from bigdipper_exporter.thresholds import LOG_AGE_SECONDS
from bigdipper_exporter.web.landing import MOST_NAMED, Row
from bigdipper_exporter.words import ago, count


def log_rows(s: Snapshot, settings: Settings, recent: Recent) -> list[Row]:
    """Whether the log is read and grows; what of it could not be read or may be lost."""
    own, path = s.own, settings.log_path
    if not own.log_configured:
        return [Row("off", "file", "No log file is configured (log.path): the account is watched with its keys alone.")]
    if not own.log_up:
        problem = own.log_problem or "cannot be read"
        return [Row("bad", "file", f"{problem if str(path) in problem else f'{path}: {problem}'}. Waiting for it.")]
    lines = int(total(s.counters, m.LOG_LINES))
    rows: list[Row] = [Row("ok", "file", f"{path} is read; {count(lines, 'line')} so far.")]
    if own.log_problem:
        rows = [Row("bad", "file", f"{own.log_problem}.")]
    if own.log_lag:
        left = f"{own.log_lag / 1e6:,.1f} MB" if own.log_lag >= 1e5 else count(own.log_lag, "byte")
        rows.append(Row("warn", "lag", f"{left} still to be read."))
    quiet = own.last_line is None or time.time() - own.last_line > LOG_AGE_SECONDS
    said = "No line was read yet." if own.last_line is None else f"The file last grew {ago(own.last_line)}."
    rows.append(Row("warn" if quiet else "ok", "last line", said))
    # A total since the first start would never be fine again: what counts is the last day, and a log that was never understood.
    unknown = s.bot.form == "unknown"
    lately = s.bot.recently_damaged(time.time())
    if lately:
        more = " or more" if total(s.counters, m.LOG_MALFORMED) > len(lately) == len(s.bot.damaged) else ""
        number = f"{count(len(lately), 'line')}{more}{'' if unknown else ' of the last day'}"
        why = advice(s.bot.damaged) or "is the log damaged, or did the bot change its form?"
        rows.append(Row("warn", "format", f"{number} could not be read: {why}"))
    for line in s.bot.damaged:
        when = f"; {ago(line.ts)}" if line.ts else ""  # 0: no line before it had a time
        rows.append(Row("warn" if line in lately else "off", "damaged line", f"{line}{when}"))
    rows += _doubtful(s)
    if recent.gaps:
        places = f"{count(len(recent.gaps), 'place')}{' or more' if len(recent.gaps) >= MOST_ROWS else ''}"
        rows.append(
            Row("warn", "gaps", f"Lines may have been lost in {places} before they could be read (found within the last day).")
        )
        rows += [
            Row("warn", gap.reason.replace("_", " "), f"{gap.detail}; found {ago(gap.ts)}.") for gap in recent.gaps[:MOST_NAMED]
        ]
    return rows


def _doubtful(s: Snapshot) -> list[Row]:
    """Lines that are not decided yet, and patterns that were given up."""
    lines = s.bot.undecided()[-MOST_NAMED:]
    rows: list[Row] = [Row("off", "undecided line", f"{line}; it {UNDECIDED}.") for line in lines]
    for name in s.bot.slow_patterns:
        rows.append(Row("warn", "pattern", f"{name} {TOO_SLOW}: simplify it."))
    return rows
