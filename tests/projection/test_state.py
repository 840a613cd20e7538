"""The archived state of the bot: what other versions have written is read."""

import json

from bigdipper_exporter.projection.state import RENAMED, BotState


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
