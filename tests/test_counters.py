"""Counters: what is staged is not shown, what is taken back was never counted."""

import sqlite3

import pytest

from bigdipper_exporter.counters import Counters
from bigdipper_exporter.metrics.table import Counter, Histogram

A = Counter("a_total", "One.", ("kind",))
B = Counter("b_total", "Two.", ())
H = Histogram("h", "Three.", (), buckets=(1.0, 5.0))


def test_only_what_is_committed_is_shown_and_a_restart_goes_on_from_it() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE counters (name TEXT, labels TEXT, value REAL, PRIMARY KEY (name, labels))")
    counters = Counters()
    counters.inc(A, "x", amount=2)
    assert counters.values == {}
    counters.flush(connection)
    counters.commit()
    shown = counters.values["a_total"]
    counters.inc(A, "x")
    counters.observe(H, 3.0)
    counters.rollback()
    counters.inc(A, "x", amount=5)
    counters.flush(connection)
    counters.commit()
    assert shown == {("x",): 2.0}, "what was handed out never changes"
    again = Counters()
    again.load(connection)
    assert again.values == counters.values == {"a_total": {("x",): 7.0}}
    connection.close()


def test_a_savepoint_takes_back_only_what_came_after_it() -> None:
    counters = Counters()
    counters.inc(B)
    savepoint = counters.savepoint()
    counters.inc(B)
    counters.inc(A, "x")
    counters.rollback_to(savepoint)
    counters.commit()
    assert counters.values == {"b_total": {(): 1.0}}


def test_a_histogram_puts_each_value_into_the_first_bucket_that_holds_it() -> None:
    counters = Counters()
    for value in (0.5, 1.0, 1.1, 99.0):
        counters.observe(H, value)
    counters.commit()
    assert counters.values["h_bucket"] == {("1.0",): 2.0, ("5.0",): 1.0, ("+Inf",): 1.0}
    assert counters.values["h_sum"] == {(): 101.6}


def test_a_counter_whose_name_does_not_end_in_total_fails_at_import() -> None:
    with pytest.raises(ValueError, match="must end in _total"):
        Counter("bigdipper_trades", "Orders.", ())
