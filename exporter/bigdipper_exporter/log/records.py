"""What the parser makes of the log: records with their identity, and the counts of the lines that were read."""

from dataclasses import dataclass, field
from typing import NamedTuple

from bigdipper_exporter.log.rule import Event

OFFSET_BITS = 40
OFFSET_MASK = (1 << OFFSET_BITS) - 1


class Record(NamedTuple):
    """An event with its identity (generation << 40 | byte offset of its line), its time (unix seconds) and its forms."""

    id: int
    ts: float
    event: Event
    forms: str


class Place(NamedTuple):
    """Where a line is. line: its number in the file, from 1; None if that is not known."""

    path: str
    line: int | None


class Piece(NamedTuple):
    """The beginning of a container's message that is not complete yet. ts: unix seconds of its newest piece."""

    id: int
    ts: float
    text: str


@dataclass
class ParsedChunk:
    """The records of one read, in file order, and counts of all lines.

    data: the bytes, from the file `path`. base: the identity of a record at their first byte. first: the number of their first
    line in the file. texts: of lines that earlier reads could not decide, and of damaged messages of containers, by their
    identity. places: of what earlier reads could not decide or complete.
    """

    records: list[Record] = field(default_factory=list)
    lines: int = 0
    size: int = 0
    levels: dict[str, int] = field(default_factory=dict)
    last_ts: float | None = None
    path: str = ""
    base: int = 0
    data: bytes = b""
    first: int | None = None
    texts: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, Place] = field(default_factory=dict)

    def place(self, ident: int) -> Place:
        """Return where the line of a record is."""
        if ident in self.places:
            return self.places[ident]
        start = ident - self.base
        if self.first is None or not 0 <= start <= len(self.data):
            return Place(self.path, None)
        return Place(self.path, self.first + self.data.count(b"\n", 0, start))

    def line(self, ident: int) -> bytes:
        """Return the line of a record, or its message if a container wrote it."""
        if ident in self.texts:
            return self.texts[ident]
        start = ident - self.base
        end = self.data.find(b"\n", start)
        return self.data[start : len(self.data) if end < 0 else end] if start >= 0 else b""
