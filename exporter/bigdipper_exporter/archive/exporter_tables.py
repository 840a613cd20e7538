"""Tables of what the exporter keeps for itself."""

from dataclasses import dataclass

from bigdipper_exporter.archive.table import Moment, table


@table("gaps")
@dataclass(slots=True)
class GapRow:
    """Places where lines of the log are or may be lost."""

    id: int | None
    ts: Moment
    generation: int
    reason: str
    detail: str


@table("checkpoints", key=("generation",), time="updated", counted=False)
@dataclass(slots=True)
class CheckpointRow:
    """How far each file of the log has been read; committed together with what was read."""

    generation: int
    path: str
    device: int
    inode: int
    offset: int
    head: bytes
    tail: bytes
    skipping: bool
    ended: bool
    updated: Moment
    lines: int | None


@table("log_checksums", key=("generation", "start"), counted=False)
@dataclass(slots=True)
class LogChecksumRow:
    """Checksums of the log's lines: used to recognise an older copy of the log that was put in its place."""

    generation: int
    start: int
    size: int
    sums: bytes


@table("state", key=("key",), counted=False)
@dataclass(slots=True)
class StateRow:
    """What a restart needs, as JSON."""

    key: str
    value: str


@table("counters", key=("name", "labels"), counted=False)
@dataclass(slots=True)
class CounterRow:
    """Values of Prometheus counters, which go on after a restart. labels: a JSON array in the order of the declaration."""

    name: str
    labels: str
    value: float


@table("sectors", key=("symbol",), counted=False)
@dataclass(slots=True)
class SectorRow:
    """Sectors of the symbols, loaded at the start from the setting sectors.file."""

    symbol: str
    sector: str


@table("changes", key=("seq",), counted=False)
@dataclass(slots=True)
class ChangeRow:
    """The newest 50,000 changes, in the order of the commits, written by triggers: the live channel of the API.

    channel: trades, account, opportunities, brake, skips or positions. row: id in its table; for positions `symbol` and `ts`.
    """

    seq: int
    channel: str
    ts: Moment
    row: int | None
    symbol: str | None


@table("schema_version", key=("version",), time="applied", counted=False)
@dataclass(slots=True)
class SchemaVersionRow:
    """Migrations that were applied, and by which version of the exporter."""

    version: int
    applied: Moment
    exporter: str
