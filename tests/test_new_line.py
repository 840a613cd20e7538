"""A new kind of line takes three files of the exporter and a board; what is forgotten is named.

The edits are made in a copy of the package, in the order of CONTRIBUTING.md, and the copy reads an archive of today's.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.running import monitor

ROOT = Path(__file__).parents[1]
LINE = "2025-10-17 09:31:00 [INFO] [SELL] MSFT 10 @ $5.00 = $50.00 (order 6f1c2a9e-0000-4000-8000-00000000000a)\n"
DAMAGED = "2025-10-17 09:32:00 [INFO] [SELL] MSFT 10 @ $5\n"

RULES = '''
class Sell(NamedTuple):
    """An order to sell was submitted."""

    symbol: str
    quantity: Unsigned
    price: Unsigned
    total: Unsigned
    order_id: str


RULES = (
    Rule(
        Sell,
        "18",
        "[SELL] <symbol> <quantity> @ $<price> = $<total> (order <order_id>)",
        ("[SELL] MSFT 10 @ $5.00 = $50.00 (order 6f1c2a9e-0000-4000-8000-00000000000a)",),
    ),
'''
TAGS = 'TAGS = (\n    Tag("[SELL]", Sell),\n'
COUNTERS = """
SELLS = Counter("bigdipper_sells_total", "Orders to sell.", ("symbol",), known=_symbols, counts=orders.Sell)
SELL_VALUE_USD = Counter(
    "bigdipper_sell_value_usd_total", "Value of the orders to sell.", ("symbol",), counts=orders.Sell, amount="total"
)

BOT = _declared(globals())
"""
TABLE = '''@table("sells", export="sells", event=Sell, submits="sell")
@dataclass(slots=True)
class SellRow:
    """Orders to sell that the bot submitted."""

    id: RowId
    ts: Moment
    date: Day
    cycle_number: int | None
    symbol: str
    quantity: float
    price: Usd
    total: Usd
    order_id: str


'''
IMPORT = "from bigdipper_exporter.log.lines.orders import Sell\n"


class Copy:
    """A copy of the package that may be edited."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "exporter" / "bigdipper_exporter"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "exporter" / "bigdipper_exporter", self.package, ignore=ignored)

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace text that the file has once."""
        path = self.package / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, (file, old)
        path.write_text(text.replace(old, new), "utf-8")

    def line(self) -> None:
        """The first file: the event, its rule and its tag."""
        self.edit("log/lines/orders.py", "\nRULES = (\n", RULES)
        self.edit("log/lines/orders.py", "TAGS = (\n", TAGS)

    def counters(self) -> None:
        """The second file: what is counted."""
        self.edit("metrics/counters.py", "import skips\n", "import orders, skips\n")
        self.edit("metrics/counters.py", "\nBOT = _declared(globals())\n", COUNTERS)

    def table(self) -> None:
        """The third file: what is archived and exported."""
        self.edit("archive/bot_tables.py", '@table("skips"', f'{TABLE}@table("skips"')
        self.edit(
            "archive/bot_tables.py",
            "import dataclass\n",
            "import dataclass\n\nfrom bigdipper_exporter.log.lines.orders import Sell\n",
        )

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python on the copy."""
        path = os.pathsep.join((str(self.package.parent), str(ROOT)))
        return subprocess.run(
            [sys.executable, *arguments],
            env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "BIGDIPPER_LOG_TIMEZONE": "America/New_York"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def said(self, code: str) -> str:
        """Return what Python code prints, and what it says when it fails."""
        done = self.python("-c", code)
        return done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_three_files_of_the_exporter_make_a_new_kind_of_line(copy: Copy) -> None:
    with monitor(copy.folder) as today:
        today.say("2025-10-17 09:30:00 [INFO] Cycle #1")
    copy.line()
    copy.counters()
    copy.table()
    drafted = copy.python("-m", "bigdipper_exporter.archive.draft", "sells")
    assert "_sells.sql: read it before you commit it" in drafted.stdout, drafted.stderr
    with today.log.open("a") as log:
        log.write(LINE + LINE + DAMAGED)  # the same order twice, as in a log that is read again
    archive = ("--archive.path", str(today.archive))
    read = copy.python("-m", "bigdipper_exporter", "ingest", "--log.path", str(today.log), *archive)
    assert read.returncode == 0, read.stderr
    exported = copy.python("-m", "bigdipper_exporter", "export", "sells", *archive).stdout.splitlines()
    assert len(exported) == 2
    assert "MSFT,10.0,5.0,50.0,6f1c2a9e-0000-4000-8000-00000000000a" in exported[1]
    with closing(sqlite3.connect(today.archive)) as connection:
        values = dict(connection.execute("SELECT name || labels, value FROM counters WHERE value > 0").fetchall())
        side = connection.execute("SELECT side FROM bot_orders").fetchall()
    assert values['bigdipper_sells_total["MSFT"]'] == 1
    assert values['bigdipper_sell_value_usd_total["MSFT"]'] == 50
    assert values['bigdipper_log_malformed_total["sell"]'] == 1
    assert side == [("sell",)]


def test_what_is_forgotten_is_named(copy: Copy) -> None:
    copy.line()
    alone = copy.said("import bigdipper_exporter.projection.projection")
    assert alone.rstrip().endswith("for the events Sell")
    copy.counters()
    copy.table()
    schema = copy.said("from tests.archive import test_tables as t; t.test_the_schema_is_what_is_declared()")
    assert "run `make migration NAME=...`" in schema
    assert "CREATE TABLE sells" in schema
    golden = copy.said("from tests import test_metrics as t; t.test_names_types_and_labels_are_those_of_the_golden_list()")
    assert "run `make docs`" in golden
    board = copy.said("from tests.grafana import test_boards as t; t.test_every_table_that_can_be_exported_is_on_a_board()")
    assert "add a panel under grafana/boards/" in board
    copy.edit("metrics/counters.py", 'amount="total"', 'amount="value"')
    wrong = copy.said("import bigdipper_exporter.metrics.counters")
    assert wrong.rstrip().endswith("bigdipper_sell_value_usd_total: value is no field of Sell")
    copy.edit("metrics/counters.py", 'amount="value"', 'amount="total"')
    copy.edit("archive/bot_tables.py", "    total: Usd\n    order_id: str\n", "    value: Usd\n    order_id: str\n")
    unknown = copy.said("import bigdipper_exporter.archive.tables")
    assert "SellRow.value: neither a field of Sell nor one of id, ts, date, cycle_number" in unknown
