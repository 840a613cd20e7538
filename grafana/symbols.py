"""A colour for each symbol that the bot ships with: the same in every panel, and no other's.

The palette was found by always taking the colour that is farthest from all before it and from the five with a meaning (broker,
loss, bot, warning, critical), in CIE Lab, as seen with full colour vision and with deuteranopia, and readable in both themes.
Neighbours at its beginning are far apart, and at its end can still be told apart side by side (tests/grafana/test_symbols.py).
Symbols that are not in exporter/bigdipper_exporter/sectors.csv take Grafana's colour of their name, which they may share.
"""

import csv
import re

from grafana.overrides import Override, override
from grafana.theme import ROOT

# fmt: off
PALETTE = (
    "#8811FF", "#BB0099", "#AABBCC", "#EE99FF", "#5555DD", "#007700", "#EEAA99", "#88CC55",
    "#776677", "#0099CC", "#995544", "#FF77AA", "#AA88BB", "#9933BB", "#FF55FF", "#CC5533",
    "#EE3399", "#BB44FF", "#BBBB77", "#779966", "#336699", "#666655", "#7755FF", "#3366CC",
    "#44CCDD", "#BBAA33", "#BB5599", "#777733", "#7788BB", "#22BB44", "#EE66DD", "#BB9988",
    "#FF99AA", "#EE7777", "#BB4477", "#CC44DD", "#BB3300", "#88AA33", "#44AAAA", "#FF6622",
    "#117744", "#AA55EE", "#9955AA", "#DD0066", "#BB11FF", "#447788", "#66CCBB", "#5577BB",
)
# fmt: on

with (ROOT / "exporter" / "bigdipper_exporter" / "sectors.csv").open(encoding="utf-8", newline="") as _file:
    _LISTED = list(csv.DictReader(_file))
SYMBOLS = dict(zip((row["symbol"] for row in _LISTED), PALETTE, strict=False))
SECTORS = dict(zip(dict.fromkeys(row["sector"] for row in _LISTED), PALETTE, strict=False))


def named(colours: dict[str, str]) -> list[Override]:
    """For fields that are called like the symbol or the sector: slices of a pie, series of Prometheus."""
    return [override("byName", name, colour=colour) for name, colour in colours.items()]


def labelled(colours: dict[str, str]) -> list[Override]:
    """For series of the archive, which Grafana calls by column and label until an override names them."""
    return [override("byRegexp", rf'(.*[ "])?{re.escape(name)}("}})?', colour=colour) for name, colour in colours.items()]
