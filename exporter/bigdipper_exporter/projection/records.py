"""Kinds of lines that are only archived and counted: a table and counters that name the event are all that they need."""

from bigdipper_exporter.archive.table import TABLES, LogRow, Table
from bigdipper_exporter.log.grammar import EVENT_KINDS
from bigdipper_exporter.log.records import Record
from bigdipper_exporter.log.rule import Event
from bigdipper_exporter.metrics import counters
from bigdipper_exporter.metrics.table import Counter
from bigdipper_exporter.projection.context import HANDLERS, Context

COUNTED = [one for one in vars(counters).values() if isinstance(one, Counter)]


class Recorder:
    """Handler of one kind of line. An order is archived and counted once, however often the log names its id."""

    def __init__(self, tables: list[Table[LogRow]], counted: list[Counter[*tuple[str, ...]]]) -> None:
        self._tables, self._counters = tables, counted

    def __call__(self, c: Context, record: Record, event: Event) -> None:
        """Insert the rows and count the line."""
        said = event._asdict()
        if c.is_known(said.get("order_id")):
            return
        for counter in self._counters:
            labels = (c.label(said[name]) if name == "symbol" else str(said[name]) for name in counter.labels)
            c.counters.inc(counter, *labels, amount=1.0 if counter.amount is None else float(said[counter.amount] or 0.0))
        values = {**said, "id": record.id, "ts": record.ts, "date": c.date(record.ts), "cycle_number": c.state.cycle_number}
        for table in self._tables:
            c.rows.put(table.row(**{column.name: values[column.name] for column in table.columns}))


def register() -> None:
    """Give every kind of line that a table or a counter names its handler. TypeError for one that has a handler already."""
    for event in EVENT_KINDS:
        tables = [table for table in TABLES.values() if table.event is event]
        counted = [one for one in COUNTED if one.counts is event]
        if tables or counted:
            if event in HANDLERS:
                raise TypeError(f"{event.__name__} has a handler, so that no table or counter may name it too")
            HANDLERS[event] = Recorder(tables, counted)
