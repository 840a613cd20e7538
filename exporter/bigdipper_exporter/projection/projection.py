"""The projection of the log: applies every event to the bot's state, the counters and the rows to insert."""

from collections import Counter
from collections.abc import Callable
from operator import itemgetter

from bigdipper_exporter.archive.pending import PendingRows
from bigdipper_exporter.counters import Counters
from bigdipper_exporter.log.encodings import plain
from bigdipper_exporter.log.grammar import EVENT_KINDS
from bigdipper_exporter.log.records import OFFSET_MASK, ParsedChunk, Record
from bigdipper_exporter.log.rule import Malformed
from bigdipper_exporter.metrics import counters as m
from bigdipper_exporter.projection import account, brake, lifecycle, opportunities, records
from bigdipper_exporter.projection.context import HANDLERS, Context
from bigdipper_exporter.projection.state import MAX_DAMAGED, BotState, DamagedLine, narrow, shown

# Importing the modules registers their handlers.
SUBJECTS = (account, brake, lifecycle, opportunities)
records.register()
if missing := [kind.__name__ for kind in EVENT_KINDS if kind not in HANDLERS]:
    raise TypeError(f"no table, counter or handler in {__package__} for the events {', '.join(missing)}")


class Projection:
    """Call `apply` for each chunk; `rows` and the counters then hold what belongs into the transaction that stores it."""

    def __init__(self, state: BotState, counters: Counters, has_order: Callable[[str], bool] = lambda _: False) -> None:
        """`has_order` says whether the archive holds a trade with this order id."""
        self._context = Context(state, counters, has_order)

    @property
    def state(self) -> BotState:
        """What the bot said last."""
        return self._context.state

    @state.setter
    def state(self, state: BotState) -> None:
        """Apply the next events to another state. Symbols keep their labels."""
        state.labels = self._context.state.labels
        self._context.state = state

    def join(self, older: BotState) -> None:
        """Continue after the last line of `older`, a log that was read beside this one: its brake episode may go on here."""
        brake.join(self._context, older)

    @property
    def rows(self) -> PendingRows:
        """Rows to insert since the last `commit`."""
        return self._context.rows

    def commit(self) -> None:
        """Drop the rows: they are in the archive."""
        self._context.begin()

    def apply(self, chunk: ParsedChunk) -> None:
        """Apply the events of one parsed chunk of the log."""
        context, inc = self._context, self._context.counters.inc
        inc(m.LOG_LINES, amount=chunk.lines)
        inc(m.LOG_BYTES, amount=chunk.size)
        for level, count in chunk.levels.items():
            inc(m.LOG_RECORDS, level, amount=count)
        handlers, fitting, damaged = HANDLERS, set[str](), list[tuple[Record, Malformed]]()
        for record in chunk.records:
            _, _, event, forms = record
            handlers[type(event)](context, record, event)
            if forms not in fitting:
                if isinstance(event, Malformed):
                    damaged.append((record, event))
                elif not forms:
                    continue
                elif (narrowed := narrow(context.state.forms, forms)) == context.state.forms:
                    fitting.add(forms)
                else:
                    context.state.forms = narrowed
                    fitting.clear()
        self._keep_damaged(chunk, damaged)
        for kind, count in Counter(map(type, map(itemgetter(2), chunk.records))).items():
            if kind is not Malformed:
                inc(m.LOG_EVENTS, EVENT_KINDS[kind], amount=count)
        context.flush_routine_skips()
        brake.flush(context)

    def _keep_damaged(self, chunk: ParsedChunk, damaged: list[tuple[Record, Malformed]]) -> None:
        """Keep the texts of the last ten lines that could not be read. The place of each is only found for those."""
        newest = list[DamagedLine]()
        for record, malformed in damaged[-MAX_DAMAGED:]:
            place = chunk.place(record.id)
            newest.append(
                DamagedLine(
                    ts=record.ts,
                    path=place.path,
                    offset=record.id & OFFSET_MASK,
                    kind=malformed.kind,
                    text=shown(plain(chunk.line(record.id))),
                    line=place.line,
                )
            )
        self.state.damaged = [*self.state.damaged, *newest][-MAX_DAMAGED:]
