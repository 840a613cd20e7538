"""Colours of symbols: each its own, and none that could be taken for one with a meaning."""

import itertools
import math

import pytest

from grafana.symbols import PALETTE, SECTORS, SYMBOLS
from grafana.theme import BOT, ROOT, WARNING

GRAFANA = {"blue": "#5794F2", "orange": "#FF9830", "red": "#F2495C"}
MEANINGS = [*GRAFANA.values(), BOT, WARNING]
Triple = tuple[float, float, float]


def linear(colour: str) -> Triple:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _linear(red), _linear(green), _linear(blue)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def lab(colour: Triple) -> Triple:
    """CIE L*a*b* (D65) of linear sRGB."""
    red, green, blue = colour
    x, y, z = (
        _root(0.4124 * red + 0.3576 * green + 0.1805 * blue, 0.95047),
        _root(0.2126 * red + 0.7152 * green + 0.0722 * blue, 1.0),
        _root(0.0193 * red + 0.1192 * green + 0.9505 * blue, 1.08883),
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _root(value: float, white: float) -> float:
    part = value / white
    return part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116


def distance(one: str, other: str) -> float:
    return math.dist(lab(linear(one)), lab(linear(other)))


def test_every_symbol_and_every_sector_has_a_colour_of_its_own() -> None:
    listed = (ROOT / "exporter" / "bigdipper_exporter" / "sectors.csv").read_text("utf-8").splitlines()[1:]
    assert len(SYMBOLS) == len(set(SYMBOLS.values())) == len(listed)
    assert len(SECTORS) == len(set(SECTORS.values()))
    assert min(distance(one, other) for one, other in itertools.combinations(SYMBOLS.values(), 2)) > 12


@pytest.mark.parametrize("meaning", MEANINGS)
def test_no_symbol_looks_like_a_meaning(meaning: str) -> None:
    assert min(distance(meaning, colour) for colour in PALETTE) > 12


@pytest.mark.parametrize("colour", PALETTE)
def test_a_colour_is_seen_on_white_and_on_black(colour: str) -> None:
    lightness = lab(linear(colour))[0]
    assert 40 < lightness < 78
