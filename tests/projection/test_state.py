"""The archived state of the bot: nothing is lost on the way, and what other versions have written is read."""

import json
from dataclasses import fields
from typing import Any
from zoneinfo import ZoneInfo

from bigdipper_exporter.archive.bot_tables import AccountRow, OpportunityRow
from bigdipper_exporter.log.localtime import LocalTime
from bigdipper_exporter.log.parser import Reader
from bigdipper_exporter.log.prefixes import Prefixes
from bigdipper_exporter.log.records import Piece, Place
from bigdipper_exporter.projection.state import RENAMED, STEADY_SECONDS, BotState, DamagedLine, Episode

NEW_YORK = ZoneInfo("America/New_York")
# What a reader is made with, its parts, and what it derives from the rest.
GIVEN = {"_listen", "zone", "_clock", "_stamp_of", "_time"}
PARTS = {"time", "cleaner", "prefixes"}
DERIVED = {"_minute", "_base", "_hour", "_hour_base", "_patterns", "_newest"}


def filled_state() -> BotState:
    """A state of which no field has its default."""
    numbers = (1.0, 0.2, 1.3, 0.1, 5.0, 6.0, 7.0)
    return BotState(
        version="2.18.0",
        mode="paper",
        forms="17 18",
        symbols=("AMD", "MSFT"),
        running=True,
        started=1.0,
        session="regular",
        cycle_number=7,
        cycle_ts=2.0,
        trade_ts=3.0,
        scan_found=4,
        equity=5.0,
        cash=6.0,
        margin_ratio=0.1,
        leverage_ratio=1.1,
        margin_debt=7.0,
        pl=8.0,
        pl_ratio=0.2,
        account_ts=9.0,
        positions=10,
        invested=11.0,
        movers={"gainer": "AMD"},
        brake=Episode(12, 13.0, 14.0, margin_ratio=0.3, ended=15.0),
        brake_level=0.4,
        awaits_older_brake=True,
        first_brake=Episode(16, 17.0, 18.0, is_first=True),
        released_ts=19.0,
        brake_limit=0.15,
        hard_limit=0.25,
        last_line=20.0,
        alive_at=20.5,
        late_by=0.5,
        late_since=0.7,
        log_ts=21.0,
        split={"stderr": [22, "begun", 23.0]},
        rests={"stdout": "rest\n"},
        header_seen=True,
        other_form="loguru",
        prefix="(?:\\d+)",
        above="above",
        above_ts=24.0,
        held=[(25, "held")],
        places=[(25, "bot.log", 26)],
        generation=35,
        damaged=[DamagedLine(27.0, "bot.log", 28, "trade", "text", 29)],
        braked=True,
        account_row=AccountRow(30, 31.0, "2025-11-03", "log", 7, *numbers),
        opportunities={"AMD": OpportunityRow(32, 33.0, "2025-11-03", 7, "AMD", 4.0, 100.0, 5.0, "unknown")},
        last_symbol="AMD",
        labels=("AMD",),
        slow_patterns=["bigdipper_custom_slow_total"],
        custom={"bigdipper_custom_queue": {'["a"]': 34.0}},
    )


def test_no_field_of_the_state_is_lost_in_the_archive() -> None:
    state, default = filled_state(), BotState()
    assert [f.name for f in fields(BotState) if getattr(state, f.name) == getattr(default, f.name)] == []
    assert BotState.from_json(state.to_json()) == state


def test_a_clock_that_no_zone_explains_is_believed_once_lines_have_gone_on() -> None:
    state, start, behind = BotState(), 1_800_000_000.0, 30 * 3600.0
    for arrived in range(int(start), int(start + STEADY_SECONDS), 60):
        state.sign_of_life(arrived, arrived - behind, live=True)
        assert state.alive_at == arrived - behind
    state.sign_of_life(start + STEADY_SECONDS, start + STEADY_SECONDS - behind, live=True)
    assert state.alive_at == start + STEADY_SECONDS


def parts(reader: Reader) -> dict[str, dict[str, Any]]:
    """Everything that a reader knows, by part. What it is made with, and derives, is left out."""
    known = {"reader": reader, "cleaner": reader.cleaner, "prefixes": reader.cleaner.prefixes, "time": reader.time}
    left_out = GIVEN | PARTS | DERIVED
    return {part: {name: value for name, value in vars(one).items() if name not in left_out} for part, one in known.items()}


def filled_reader() -> Reader:
    """A reader of which nothing is as it was at the start."""
    reader = Reader(NEW_YORK)
    reader.time.last = 1762180260.0
    reader.pending = {"stderr": Piece(1, 2.0, "begun")}
    reader.rests = {"stdout": "rest\n"}
    reader.generation = 36
    reader.places = {3: Place("bot.log", 4), 5: Place("bot.log.1", None)}
    reader.cleaner.header_seen, reader.cleaner.form = True, "loguru"
    prefixes = reader.cleaner.prefixes
    prefixes.load("(?:a|b)", "2025-11-03 09:31:00 [ERROR] \xe9", 6.0, [(3, "\xff held")])
    return reader


def test_a_reader_continues_with_all_that_the_last_one_knew() -> None:
    """A new field of the reader is in neither of them: it has its default, unless it is added above and kept."""
    reader, fresh, state = filled_reader(), Reader(NEW_YORK), BotState()
    known, defaults = parts(reader), parts(fresh)
    assert [(part, name) for part in known for name in known[part] if known[part][name] == defaults[part][name]] == []
    state.keep(reader)
    BotState.from_json(state.to_json()).restore(fresh)
    assert parts(fresh) == known


def test_what_a_reader_derives_is_derived_again() -> None:
    reader, fresh, state = filled_reader(), Reader(NEW_YORK), BotState()
    state.keep(reader)
    state.restore(fresh)
    assert {name for part in (Reader(NEW_YORK), LocalTime(NEW_YORK), Prefixes(lambda _: b"")) for name in vars(part)} >= DERIVED
    prefixes, others = fresh.cleaner.prefixes, reader.cleaner.prefixes
    assert (prefixes._patterns, prefixes._newest) == (others._patterns, others._newest)


def test_the_messages_that_older_versions_left_open_are_continued() -> None:
    """They stored one by generation and stream, and the first of them without its time."""
    reader = Reader(NEW_YORK)
    BotState.from_json(json.dumps({"log_ts": 5.0, "split": {"1": [7, "begun"], "stdout": [8, "other", 6.0]}})).restore(reader)
    assert reader.pending == {"stderr": Piece(7, 5.0, "begun"), "stdout": Piece(8, 6.0, "other")}


def test_fields_of_an_earlier_version_keep_their_values_under_their_new_names() -> None:
    written = json.loads(BotState().to_json())
    for old, new in RENAMED.items():
        written[old] = written.pop(new) is False
        assert getattr(BotState.from_json(json.dumps(written)), new) is True


def test_fields_of_a_later_version_are_left_out() -> None:
    written = json.loads(BotState().to_json())
    assert BotState.from_json(json.dumps({**written, "of_tomorrow": 1})) == BotState.from_json(json.dumps(written))
    line = {"ts": 1.0, "path": "a.log", "offset": 7, "kind": "trade", "text": "x"}
    (read,) = BotState.from_json(json.dumps({**written, "damaged": [{**line, "of_tomorrow": 1}]})).damaged
    assert read.offset == 7


DAY = 86400.0


def test_a_damaged_line_is_recent_for_a_day_and_one_without_a_time_while_the_log_is_not_understood() -> None:
    now = 1762180260.0
    young, old, timeless = (DamagedLine(ts, "bot.log", 0, "trade", "x") for ts in (now - DAY, now - DAY - 1, 0.0))
    state = BotState(damaged=[old, young, timeless])
    assert state.recently_damaged(now) == [young, timeless]
    state.forms = "18"
    assert state.recently_damaged(now) == [young]
