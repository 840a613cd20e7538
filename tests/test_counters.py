"""Counters: what is staged is not shown, what is taken back was never counted."""

import sqlite3

from bigdipper_exporter.counters import Counters


def test_only_what_is_committed_is_shown_and_a_restart_goes_on_from_it() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE counters (name TEXT, labels TEXT, value REAL, PRIMARY KEY (name, labels))")
    counters = Counters({"h": (1.0, 5.0)})
    counters.inc("a_total", ("x",), 2)
    assert counters.values == {}
    counters.flush(connection)
    counters.commit()
    shown = counters.values["a_total"]
    counters.inc("a_total", ("x",), 1)
    counters.observe("h", (), 3.0)
    counters.rollback()
    counters.inc("a_total", ("x",), 5)
    counters.flush(connection)
    counters.commit()
    assert shown == {("x",): 2.0}, "what was handed out never changes"
    again = Counters({"h": (1.0, 5.0)})
    again.load(connection)
    assert again.values == counters.values == {"a_total": {("x",): 7.0}}
    connection.close()


def test_a_mark_takes_back_only_what_came_after_it() -> None:
    counters = Counters({})
    counters.inc("a_total")
    mark = counters.savepoint()
    counters.inc("a_total")
    counters.inc("b_total")
    counters.rollback_to(mark)
    counters.commit()
    assert counters.values == {"a_total": {(): 1.0}}


def test_a_histogram_puts_each_value_into_the_first_bucket_that_holds_it() -> None:
    counters = Counters({"h": (1.0, 5.0)})
    for value in (0.5, 1.0, 1.1, 99.0):
        counters.observe("h", (), value)
    counters.commit()
    assert counters.values["h_bucket"] == {("1.0",): 2.0, ("5.0",): 1.0, ("+Inf",): 1.0}
    assert counters.values["h_sum"] == {(): 101.6}
