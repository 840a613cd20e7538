"""Looks of single fields, and the order of columns: what differs from the panel's own."""

from collections.abc import Sequence
from typing import Any, Literal

from grafana_foundation_sdk.models import dashboard as model

from grafana.theme import BOT, BROKER, QUIET, SIGNED_USD, Unit

Override = model.DashboardFieldConfigSourceOverrides
Mappings = Sequence[model.ValueMapping]
Thresholds = model.ThresholdsConfig

UNKNOWN = model.SpecialValueMap(
    options=model.DashboardSpecialValueMapOptions(
        match=model.SpecialValueMatch.NULL, result=model.ValueMappingResult(text="–", color=QUIET)
    )
)
# Columns of figures in a wide table share what those with a width of their own leave. Without the filter, which takes more room
# in the header than the figure below it.
NARROW: dict[str, Any] = {"custom__filterable": False, "custom__minWidth": 70}
# A text column becomes a label; only where there are no rows it stays a field, which is not for drawing.
NOT_DRAWN = model.DashboardFieldConfigSourceOverrides(
    matcher=model.MatcherConfig(id_val="byRegexp", options="^(source|symbol|day|name)$"),
    properties=[model.DynamicConfigValue(id_val="custom.hideFrom", value={"legend": True, "tooltip": True, "viz": True})],
)


def override(
    matcher: Literal["byName", "byRegexp", "byFrameRefID", "byType"],
    what: str,
    *,
    unit: Unit | None = None,
    colour: str | None = None,
    mappings: Mappings | None = None,
    thresholds: Thresholds | None = None,
    link: tuple[str, str] | None = None,
    **properties: object,
) -> Override:
    """Different looks for some fields. `properties` are Grafana's own ids, with `__` for the dot (`custom__width=90`)."""
    values: dict[str, object] = {}
    if unit == SIGNED_USD and "custom__width" not in properties:
        properties["custom__minWidth"] = 112  # a table that is narrower cuts the sign off
    if unit:
        values |= {"unit": unit.id, "decimals": unit.decimals}
    if colour:
        values["color"] = model.FieldColor(mode=model.FieldColorModeId.FIXED, fixed_color=colour)
    if thresholds:
        values |= {"thresholds": thresholds, "color": model.FieldColor(mode=model.FieldColorModeId.THRESHOLDS)}
    if mappings:
        values["mappings"] = list(mappings)
    if link:
        values["links"] = [{"title": link[0], "url": link[1]}]
    values |= {name.replace("__", "."): value for name, value in properties.items()}
    return Override(
        matcher=model.MatcherConfig(id_val=matcher, options=what),
        properties=[model.DynamicConfigValue(id_val=name, value=value) for name, value in values.items()],
    )


def column(name: str, unit: Unit | None = None, **properties: Any) -> Override:
    """Looks of one column of a table, by its name."""
    return override("byName", name, unit=unit, **properties)


def coloured(name: str, unit: Unit | None = None, **properties: Any) -> Override:
    """A column whose text takes the colour of its thresholds or mappings; an unknown value takes none."""
    properties.setdefault("mappings", [UNKNOWN])
    return override("byName", name, unit=unit, custom__cellOptions={"type": "color-text"}, **properties)


def words(name: str, **properties: Any) -> Override:
    """A column of sentences, which take as many lines as they need."""
    return column(name, custom__cellOptions={"type": "auto", "wrapText": True}, **properties)


def by_source(name: str, shown: str, broker: str = BROKER, bot: str = BOT) -> list[Override]:
    """One line a source: its words after the name, and its colour."""
    return [
        override("byRegexp", f".*{name}.*broker.*", colour=broker),
        override("byRegexp", f".*{name}.*log.*", colour=bot),
        # Last, because the name that it gives is what a later rule would be matched with.
        override("byRegexp", f".*{name}.*", displayName=f"{shown} (${{__field.labels.source}})"),
    ]


def answer(letter: str, unit: Unit | None = None, **properties: Any) -> Override:
    """Looks of what one target answers, by its letter."""
    return override("byFrameRefID", letter, unit=unit, **properties)


def transform(name: str, **options: object) -> model.DataTransformerConfig:
    """One of Grafana's transformations."""
    return model.DataTransformerConfig(id_val=name, options=options)


def organise(order: Sequence[str], names: dict[str, str], hide: Sequence[str] = ()) -> model.DataTransformerConfig:
    """Order, names and absence of a table's columns."""
    return transform(
        "organize",
        excludeByName=dict.fromkeys(hide, True),
        indexByName={name: index for index, name in enumerate(order)},
        renameByName=names,
    )
