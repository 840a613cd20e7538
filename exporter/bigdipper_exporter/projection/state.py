"""The present of the bot: what all events so far add up to. Stored with every commit, so that a restart goes on from it."""

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from bigdipper_exporter.archive.bot_tables import AccountRow, OpportunityRow
from bigdipper_exporter.archive.saved import listed, named
from bigdipper_exporter.calendar import ZONE_SECONDS
from bigdipper_exporter.durations import DAY
from bigdipper_exporter.log import forms
from bigdipper_exporter.log.parser import Reader
from bigdipper_exporter.log.records import OFFSET_MASK, Piece, Place
from bigdipper_exporter.thresholds import LOG_SKEW_SECONDS

Stored = TypeVar("Stored", AccountRow, OpportunityRow)

MAX_DAMAGED = 10
# Seconds for which a damaged line is pointed out.
RECENT_SECONDS = DAY
# Seconds for which lines that no time zone explains must go on before they count as new: the bot's clock is that wrong.
STEADY_SECONDS = 600.0
FORMS = {"D": "design", "16": "v2.16", "17": "v2.17", "18": "v2.18"}


@cache
def narrow(forms: str, line: str) -> str:
    """The forms that a log can have, given those of its next line; when none is left, the bot was replaced by another."""
    both = [form for form in forms.split() if form in line.split()]
    return " ".join(both) or line


@dataclass
class Episode:
    """A brake episode. Ratios of equity, US dollars, unix seconds; `id` is that of its first line.

    `seconds`: the time under the brake, by the steps from line to line, so that a clock set back does not take any away.
    is_first: whether it may have begun in a file that is not read yet; it is not counted and has no row until that is known.
    ended: when it ended, for an episode that waits for that.
    """

    id: int
    started: float
    last_seen: float
    seconds: float = 0.0
    cycles: int = 1
    margin_ratio: float | None = None
    leverage_ratio: float | None = None
    peak_ratio: float = 0.0
    margin_debt: float | None = None
    equity: float | None = None
    position_value: float | None = None
    reduce_usd: float | None = None
    missed: int = 0
    is_first: bool = False
    ended: float | None = None


# What is said of lines that are held, and of patterns that are not tried any more.
UNDECIDED = "may be the bot's or quoted by its last error; later lines show which"
TOO_SLOW = "takes too long and is not tried again before the next start"
# Characters of a damaged line that are kept.
SHOWN = 200


def shown(line: bytes) -> str:
    """The beginning of a line of the log, for people: control characters are escaped, since a terminal would obey them."""
    text = line[: 4 * SHOWN].decode("utf-8", "replace").rstrip("\r\n")
    printable = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text[:SHOWN])
    return printable + ("…" if len(text) > SHOWN else "")


def where(path: str, line: int | None, offset: int) -> str:
    """Return the location for messages: the number of the line, as `sed -n 41p` counts, and its first byte."""
    return f"{path} byte {offset:,}" if line is None else f"{path} line {line} (byte {offset:,})"


# Fields that had another name in earlier versions. Without their old name an update would start from the default: a brake that
# awaits older files would count as released.
RENAMED = {"is_brake_unknown": "awaits_older_brake"}


@dataclass(frozen=True)
class DamagedLine:
    """A line that could not be read. ts: unix seconds, 0 where no line before it had a time.

    offset: its first byte in `path`. kind: as it is counted. line: its number in the file, from 1; None if that is not known.
    """

    ts: float
    path: str
    offset: int
    kind: str
    text: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{where(self.path, self.line, self.offset)}: {self.kind}: {self.text}"

    def is_recent(self, now: float) -> bool:
        """Return whether the line is of the last day. now: unix seconds."""
        return now - self.ts <= RECENT_SECONDS


# How lines are counted that have another form than the bot's.
OF_ANOTHER_FORM = ("form", "timestamp")


def advice(damaged: Iterable[DamagedLine]) -> str:
    """Say what damaged lines look like and what to do; empty when they look like nothing that is known."""
    return forms.advice(line.text for line in damaged if line.kind in OF_ANOTHER_FORM)


@dataclass
class BotState:
    """What the bot said last. None: it has not said it. Money in US dollars, times in unix seconds of the log."""

    version: str = "unknown"
    mode: str = "unknown"
    forms: str = ""
    symbols: tuple[str, ...] = ()
    running: bool | None = None
    started: float | None = None
    session: str | None = None
    cycle_number: int | None = None
    cycle_ts: float | None = None
    trade_ts: float | None = None
    scan_found: int | None = None

    equity: float | None = None
    cash: float | None = None
    margin_ratio: float | None = None
    leverage_ratio: float | None = None
    margin_debt: float | None = None
    pl: float | None = None
    pl_ratio: float | None = None
    account_ts: float | None = None
    positions: int | None = None
    invested: float | None = None
    movers: dict[str, str] = field(default_factory=dict)

    brake: Episode | None = None
    brake_level: float | None = None
    # While older files are read beside the log: whether nothing says so far whether the brake held at their end; what did, an
    # episode that may be the rest of one of theirs, or the time of a line that only a released brake allows.
    awaits_older_brake: bool = False
    first_brake: Episode | None = None
    released_ts: float | None = None
    # Limits as debt by equity: the brake's by its lines, the hard one by account lines (margin) and refused orders.
    brake_limit: float | None = None
    hard_limit: float | None = None

    # The reader's: arrival of the newest line (our clock), its own time and generation, the open messages of containers by
    # stream (identity, text, time), the rests of messages that began before the log, whether a line with the bot's own header
    # was seen, the form of the lines if it is another, their prefixes, the last line with a header (text, and a container's
    # time), lines that are held until later ones show whether they are the bot's (identity, text), and where these and the
    # open messages are (identity, path, line). Texts are bytes, as Latin-1.
    last_line: float | None = None
    log_ts: float = 0.0
    # The newest moment (our clock) at which the bot surely wrote: see `sign_of_life`. And by how much its newest line was late,
    # and since which moment lines have been as late.
    alive_at: float | None = None
    late_by: float | None = None
    late_since: float | None = None
    split: dict[str, list[Any]] = field(default_factory=dict)
    rests: dict[str, str] | None = None
    generation: int = 0
    header_seen: bool = False
    other_form: str = ""
    prefix: str = ""
    above: str = ""
    above_ts: float = 0.0
    held: list[tuple[int, str]] = field(default_factory=list)
    places: list[tuple[int, str, int | None]] = field(default_factory=list)

    # The last lines that could not be read.
    damaged: list[DamagedLine] = field(default_factory=list)

    # The scope of the running cycle: one account row, one opportunity per symbol, whether the brake held in it.
    braked: bool = False
    account_row: AccountRow | None = None
    opportunities: dict[str, OpportunityRow] = field(default_factory=dict)
    last_symbol: str | None = None

    # Symbols that have a label of their own; the next ones share `other`.
    labels: tuple[str, ...] = ()

    # The user's own patterns that take too long, and are not tried again before the next start.
    slow_patterns: list[str] = field(default_factory=list)
    # Gauges of the user's own patterns: metric -> label values as a JSON list -> value.
    custom: dict[str, dict[str, float]] = field(default_factory=dict)

    def begin_cycle(self) -> None:
        """Forget what belongs to the cycle before."""
        self.braked, self.account_row, self.last_symbol = False, None, None
        self.opportunities = {}

    def sign_of_life(self, arrived: float, last_ts: float | None, live: bool) -> None:
        """Note when the newest line was written: at its arrival, or at its own time if it is an old one that was copied here.

        Args:
            arrived: when it could be read; unix seconds.
            last_ts: its own time; None if it has none.
            live: whether it was appended while the exporter watched.

        A wrong zone or clock of the bot makes new lines look old. It makes each of them equally old: the second says so. Where
        no time zone explains it, lines must go on for STEADY_SECONDS.
        """
        late_by = 0.0 if last_ts is None else arrived - last_ts
        is_shifted = live and self.late_by is not None and abs(late_by - self.late_by) <= LOG_SKEW_SECONDS
        self.late_since = self.late_since if is_shifted and self.late_since is not None else arrived
        is_explained = late_by <= ZONE_SECONDS or arrived - self.late_since >= STEADY_SECONDS
        is_new = late_by <= LOG_SKEW_SECONDS or (is_shifted and is_explained)
        written = arrived if is_new or last_ts is None else last_ts
        self.alive_at, self.late_by = max(written, self.alive_at or 0.0), late_by

    @property
    def form(self) -> str:
        """The form of the log; the newest of those that all lines so far fit."""
        return FORMS[self.forms.split()[-1]] if self.forms else "unknown"

    def recently_damaged(self, now: float) -> list[DamagedLine]:
        """Return the damaged lines of the last day; also those without a time where no line of the log was ever understood.

        now: unix seconds.
        """
        return [line for line in self.damaged if line.is_recent(now) or not (line.ts or self.forms)]

    def keep(self, reader: Reader) -> None:
        """Take over the reader's part, for `restore`."""
        self.log_ts = reader.time.last
        self.split = {stream: [piece.id, piece.text, piece.ts] for stream, piece in reader.messages.pending.items()}
        self.rests = reader.messages.rests
        self.generation = reader.generation
        self.places = [(ident, *place) for ident, place in reader.places.items()]
        self.header_seen, self.other_form = reader.cleaner.header_seen, reader.cleaner.form
        self.prefix, self.above, self.above_ts, self.held = reader.cleaner.prefixes.saved()

    def restore(self, reader: Reader) -> None:
        """Let a new reader continue where the one of the last `keep` was. Older versions stored less of it."""
        reader.time.last = self.log_ts
        reader.generation = self.generation
        reader.messages.pending = {
            stream if len(rest) > 1 else "stderr": Piece(ident, rest[1] if len(rest) > 1 else self.log_ts, rest[0])
            for stream, (ident, *rest) in self.split.items()
        }
        reader.messages.rests = self.rests
        reader.places = {ident: Place(path, line) for ident, path, line in self.places}
        reader.cleaner.header_seen, reader.cleaner.form = self.header_seen or bool(self.forms), self.other_form
        reader.cleaner.prefixes.load(self.prefix, self.above, self.above_ts, self.held)

    def undecided(self) -> list[str]:
        """Name the lines of which only later lines show whether they are the bot's, for people."""
        places = {ident: (path, line) for ident, path, line in self.places}
        return [
            f"{where(*places.get(ident, ('', None)), ident & OFFSET_MASK)}: {shown(text.encode('latin-1'))}".lstrip()
            for ident, text in self.held
        ]

    def to_json(self) -> str:
        """The whole present as JSON."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    def published(self) -> "BotState":
        """Return a copy that will not change."""
        brake = dataclasses.replace(self.brake) if self.brake else None
        custom = {name: dict(series) for name, series in self.custom.items()}
        return dataclasses.replace(self, brake=brake, damaged=self.damaged[:], custom=custom)

    @classmethod
    def from_json(cls, text: str) -> "BotState":
        """The present from `to_json`; fields of another version of the exporter are left out or take their defaults."""
        known = {f.name for f in dataclasses.fields(cls)}
        values = {name: value for key, value in json.loads(text).items() if (name := RENAMED.get(key, key)) in known}
        for name in ("symbols", "labels"):
            values[name] = tuple(values.get(name, ()))
        for name in ("held", "places"):
            values[name] = [tuple(one) for one in values.get(name, ())]
        for name in ("brake", "first_brake"):
            if values.get(name):
                values[name] = named(Episode, values[name])
        values["damaged"] = [named(DamagedLine, line) for line in values.get("damaged", ())]
        values["custom"] = {
            name: {_label_key(key): value for key, value in series.items()} for name, series in values.get("custom", {}).items()
        }
        if values.get("account_row"):
            values["account_row"] = _row(AccountRow, values["account_row"])
        opportunities = values.get("opportunities", {})
        values["opportunities"] = {symbol: _row(OpportunityRow, row) for symbol, row in opportunities.items()}
        return cls(**values)


def _label_key(key: str) -> str:
    """Label values as a JSON list; older versions joined them by a unit separator."""
    if key == "[]" or (key.startswith('["') and key.endswith('"]')):
        return key
    return json.dumps(key.split("\x1f") if key else [])


def _row(kind: type[Stored], stored: list[Any] | dict[str, Any]) -> Stored:
    """Build a row of the running cycle. The first release stored rows as lists, in the order of their columns."""
    return listed(kind, stored) if isinstance(stored, list) else named(kind, stored)
