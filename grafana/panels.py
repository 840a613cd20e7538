"""Panels with the defaults of all boards: a board says what it shows, this module how it looks."""

from collections.abc import Sequence
from typing import Any

from grafana_foundation_sdk.models import barchart as barchart_model
from grafana_foundation_sdk.models import bargauge as bargauge_model
from grafana_foundation_sdk.models import candlestick as candlestick_model
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import gauge as gauge_model
from grafana_foundation_sdk.models import piechart as piechart_model
from grafana_foundation_sdk.models import stat as stat_model
from grafana_foundation_sdk.models import statetimeline as timeline_model
from grafana_foundation_sdk.models import statushistory as history_model
from grafana_foundation_sdk.models import table as table_model
from grafana_foundation_sdk.models import timeseries as timeseries_model
from grafana_foundation_sdk.models.common import DataSourceRef

from grafana.overrides import NOT_DRAWN, Mappings, Override, Thresholds, column, override, transform
from grafana.query import Query, lettered
from grafana.theme import LOSS, MIXED, MOMENT, NO_SERIES, PLAIN, PROFIT, PROMETHEUS, QUIET, TEXT, Unit, fixed

NAME_PIXELS = 13  # where there is little room, Grafana would shrink the names of values to 7
LAST = common.ReduceDataOptions(values=False, calcs=["lastNotNull"], fields="")
TOOLTIP = common.VizTooltipOptions(mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.DESCENDING)
# Grafana gives the names of all bars the room of one of the longest, counted in letters; URNM needs more than EQIX has.
# Spaces at the end are measured, but not drawn.
SYMBOL_OF_BAR = "{{symbol}}    "
LONGEST_WEEKEND = 4 * 86_400_000.0  # milliseconds between two closes: a longer gap is a time without the position
# The same name has the same colour in every panel and at every load.
BY_NAME = model.FieldColor(mode=model.FieldColorModeId.PALETTE_CLASSIC_BY_NAME)
NO_LEGEND = common.VizLegendOptions(
    show_legend=False, display_mode=common.LegendDisplayMode.LIST, placement=common.LegendPlacement.BOTTOM, calcs=[]
)


def _panel(
    kind: str,
    title: str,
    description: str,
    targets: tuple[Query, ...],
    size: tuple[int, int],
    options: object,
    *,
    unit: Unit,
    none: str,
    mappings: Mappings = (),
    thresholds: Thresholds | None = None,
    colour: model.FieldColor | None = None,
    custom: object = None,
    overrides: Sequence[Override] = (),
    low: float | None = None,
    high: float | None = None,
    transformations: Sequence[model.DataTransformerConfig] = (),
    past: str | None = None,
    points: int | None = None,
) -> model.Panel:
    """What all panels have. past: a time of the panel's own (`7d`); points: the most points that a query returns."""
    width, height = size
    return model.Panel(
        type_val=kind,
        title=title,
        description=description,
        targets=list(lettered(targets)),
        datasource=_source(targets),
        grid_pos=model.GridPos(w=width, h=height),
        options=options,
        transformations=list(transformations),
        time_from=past,
        max_data_points=points,
        field_config=model.FieldConfigSource(
            defaults=model.FieldConfig(
                unit=unit.id,
                decimals=unit.decimals,
                no_value=none,
                mappings=list(mappings),
                thresholds=thresholds or PLAIN,
                color=colour or model.FieldColor(mode=model.FieldColorModeId.THRESHOLDS),
                min_val=low,
                max_val=high,
                custom=custom,
            ),
            overrides=list(overrides),
        ),
    )


def _source(targets: tuple[Query, ...]) -> DataSourceRef:
    """The data source of all targets, or Grafana's own that asks each its own."""
    asked = [target.datasource for target in targets if target.datasource] or [PROMETHEUS]
    return asked[0] if all(source == asked[0] for source in asked) else MIXED


def stat(
    title: str,
    description: str,
    *targets: Query,
    unit: Unit,
    size: tuple[int, int] = (4, 4),
    none: str = NO_SERIES,
    names: bool = False,
    only_names: bool = False,
    filled: bool = False,
    graph: bool = False,
    text: bool = False,
    pixels: float | None = None,
    **rest: Any,
) -> model.Panel:
    """Big values.

    names: say what each is; only_names: the name is the answer; filled: colour the background; text: the value is a word;
    pixels: the height of values, where Grafana's own choice would be too small on a phone.
    """
    mode = common.BigValueTextMode.VALUE_AND_NAME if names else common.BigValueTextMode.VALUE
    mode = common.BigValueTextMode.NAME if only_names else mode
    options = stat_model.Options(
        graph_mode=common.BigValueGraphMode.AREA if graph else common.BigValueGraphMode.NONE,
        color_mode=common.BigValueColorMode.BACKGROUND_SOLID if filled else common.BigValueColorMode.VALUE,
        justify_mode=common.BigValueJustifyMode.CENTER,
        text_mode=mode,
        reduce_options=common.ReduceDataOptions(values=False, calcs=["lastNotNull"], fields="/.*/" if text else ""),
        orientation=common.VizOrientation.AUTO,
        wide_layout=False,  # a name beside its value makes both small
        text=common.VizTextDisplayOptions(title_size=NAME_PIXELS, value_size=pixels) if names else None,
    )
    return _panel("stat", title, description, targets, size, options, unit=unit, none=none, **rest)


def gauge(
    title: str, description: str, *targets: Query, unit: Unit, size: tuple[int, int] = (6, 6), **rest: Any
) -> model.Panel:
    """A value between its ends; `thresholds` colour the scale, or each series brings its own."""
    rest.setdefault("none", NO_SERIES)
    options = gauge_model.Options(
        show_threshold_labels=False, show_threshold_markers=True, reduce_options=LAST, min_viz_width=120
    )
    return _panel("gauge", title, description, targets, size, options, unit=unit, **rest)


def bars(
    title: str,
    description: str,
    *targets: Query,
    unit: Unit,
    size: tuple[int, int] = (8, 8),
    rows: bool = False,
    fields: str = "",
    **rest: Any,
) -> model.Panel:
    """Horizontal bars, one a series; `rows`: one a row of the answer, of its column `fields`."""
    rest.setdefault("none", NO_SERIES)
    options = bargauge_model.Options(
        display_mode=common.BarGaugeDisplayMode.BASIC,
        value_mode=common.BarGaugeValueMode.TEXT,
        name_placement=common.BarGaugeNamePlacement.LEFT,
        show_unfilled=False,
        orientation=common.VizOrientation.HORIZONTAL,
        legend=NO_LEGEND,
        text=common.VizTextDisplayOptions(title_size=12, value_size=14),
        reduce_options=common.ReduceDataOptions(values=True, calcs=[], fields=fields) if rows else LAST,
    )
    return _panel("bargauge", title, description, targets, size, options, unit=unit, **rest)


def lines(
    title: str,
    description: str,
    *targets: Query,
    unit: Unit,
    size: tuple[int, int] = (12, 8),
    none: str = NO_SERIES,
    draw: common.GraphDrawStyle = common.GraphDrawStyle.LINE,
    fill: int = 0,
    steps: bool = False,
    stacked: bool = False,
    legend: tuple[str, ...] = ("lastNotNull",),
    gaps: bool | float = True,
    limit_line: bool = False,
    soft_zero: bool = False,
    **rest: Any,
) -> model.Panel:
    """Values over time. gaps: False joins over missing values, a number joins gaps of up to so many milliseconds."""
    custom = common.GraphFieldConfig(
        draw_style=draw,
        bar_alignment=common.BarAlignment.AFTER,  # an hour's bar covers the hour that it counts
        line_width=2,
        fill_opacity=fill,
        show_points=common.VisibilityMode.AUTO,
        point_size=4,
        line_interpolation=common.LineInterpolation.STEP_AFTER if steps else common.LineInterpolation.LINEAR,
        span_nulls=not gaps if isinstance(gaps, bool) else gaps,
        insert_nulls=False if isinstance(gaps, bool) else gaps,
        axis_soft_min=0 if soft_zero else None,
        stacking=common.StackingConfig(mode=common.StackingMode.NORMAL, group="A") if stacked else None,
        thresholds_style=common.GraphThresholdsStyleConfig(
            mode=common.GraphThresholdsStyleMode.DASHED if limit_line else common.GraphThresholdsStyleMode.OFF
        ),
    )
    options = timeseries_model.Options(
        tooltip=TOOLTIP,
        legend=common.VizLegendOptions(
            show_legend=True,
            display_mode=common.LegendDisplayMode.LIST,
            placement=common.LegendPlacement.BOTTOM,
            calcs=list(legend),
        ),
    )
    rest.setdefault("colour", model.FieldColor(mode=model.FieldColorModeId.PALETTE_CLASSIC))
    rest["overrides"] = [*rest.get("overrides", ()), NOT_DRAWN]
    return _panel("timeseries", title, description, targets, size, options, unit=unit, none=none, custom=custom, **rest)


def candles(title: str, description: str, *targets: Query, unit: Unit, size: tuple[int, int], **rest: Any) -> model.Panel:
    """Candles with volume of columns named open, high, low, close and volume; other columns are lines over them."""
    custom = common.GraphFieldConfig(
        draw_style=common.GraphDrawStyle.LINE,
        line_width=2,
        line_interpolation=common.LineInterpolation.STEP_AFTER,
        show_points=common.VisibilityMode.NEVER,
    )
    options = candlestick_model.Options(
        mode=candlestick_model.VizDisplayMode.CANDLES_VOLUME,
        candle_style=candlestick_model.CandleStyle.CANDLES,
        color_strategy=candlestick_model.ColorStrategy.OPEN_CLOSE,
        colors=candlestick_model.CandlestickColors(up=PROFIT, down=LOSS, flat=QUIET),
        fields=candlestick_model.CandlestickFieldMap(),
        include_all_fields=True,
        legend=NO_LEGEND,
        tooltip=TOOLTIP,
    )
    rest.setdefault("colour", model.FieldColor(mode=model.FieldColorModeId.PALETTE_CLASSIC))
    return _panel("candlestick", title, description, targets, size, options, unit=unit, custom=custom, **rest)


def columns(
    title: str,
    description: str,
    *targets: Query,
    x: str,
    unit: Unit,
    size: tuple[int, int] = (12, 8),
    stacked: bool = False,
    legend: bool = False,
    horizontal: bool = False,
    **rest: Any,
) -> model.Panel:
    """A bar chart over the text column `x`."""
    options = barchart_model.Options(
        x_field=x,
        orientation=common.VizOrientation.HORIZONTAL if horizontal else common.VizOrientation.VERTICAL,
        stacking=common.StackingMode.NORMAL if stacked else common.StackingMode.NONE,
        show_value=common.VisibilityMode.NEVER if stacked else common.VisibilityMode.AUTO,
        bar_width=0.9,
        # On a phone Grafana would choose 8 pixels; upright bars are too near each other for more.
        text=common.VizTextDisplayOptions(value_size=12) if horizontal else None,
        x_tick_label_spacing=100,
        x_tick_label_max_length=14,
        legend=common.VizLegendOptions(
            show_legend=legend,
            display_mode=common.LegendDisplayMode.LIST,
            placement=common.LegendPlacement.BOTTOM,
            calcs=[],
        ),
        tooltip=TOOLTIP,
    )
    custom = barchart_model.FieldConfig(fill_opacity=80, axis_border_show=False)
    # A name that finds no room on the axis is shown as if it had no value.
    overrides = [column(x, noValue=" "), *rest.pop("overrides", ())]
    return _panel("barchart", title, description, targets, size, options, unit=unit, custom=custom, overrides=overrides, **rest)


def pie(
    title: str, description: str, *targets: Query, name: str, unit: Unit, size: tuple[int, int] = (8, 8), **rest: Any
) -> model.Panel:
    """Shares of a whole, one slice a row. name: the column whose text names the slices, and gives each its colour."""
    options = piechart_model.Options(
        pie_type=piechart_model.PieChartType.DONUT,
        display_labels=[],
        tooltip=TOOLTIP,
        reduce_options=LAST,
        legend=piechart_model.PieChartLegendOptions(
            show_legend=True,
            display_mode=common.LegendDisplayMode.TABLE,
            placement=common.LegendPlacement.RIGHT,
            values=[piechart_model.PieChartLegendValues.PERCENT],
            calcs=[],
        ),
    )
    handlers = {name: "field.name", "Time": "__ignore"}
    mappings = [{"fieldName": column, "handlerKey": handler} for column, handler in handlers.items()]
    slices = [transform("rowsToFields", mappings=mappings)]
    return _panel(
        "piechart", title, description, targets, size, options, unit=unit, colour=BY_NAME, transformations=slices, **rest
    )


def grid(
    title: str,
    description: str,
    *targets: Query,
    size: tuple[int, int] = (12, 9),
    unit: Unit = TEXT,
    sort: tuple[str, bool] | None = None,
    then: tuple[str, bool] | None = None,
    says: str = "",
    overrides: Sequence[Override] = (),
    **rest: Any,
) -> model.Panel:
    """A table; every column can be filtered, and exported by the panel's own menu.

    sort, then: (column, descending); a column that is not there sorts nothing. says: the column that carries the words for
    "no rows" (see query.listed).
    """
    options = table_model.Options(
        cell_height=common.TableCellHeight.SM,
        footer=common.TableFooterOptions(show=False, reducer=[], count_rows=False),
        sort_by=[common.TableSortByFieldState(display_name=name, desc=down) for name, down in filter(None, (sort, then))],
    )
    custom = common.TableFieldOptions(align=common.FieldTextAlignment.AUTO, filterable=True, min_width=90)
    looks = [override("byType", "time", unit=MOMENT), override("byRegexp", ".*", custom__wrapHeaderText=True)]
    if says:
        # The words take a second line in a column of symbols; times are wide enough.
        wrapped = {"type": "auto", "wrapText": says != "time"}
        looks += [override("byRegexp", ".*", noValue="–"), column(says, noValue=rest["none"], custom__cellOptions=wrapped)]
    return _panel(
        "table", title, description, targets, size, options, unit=unit, custom=custom, overrides=[*looks, *overrides], **rest
    )


def timeline(
    title: str, description: str, *targets: Query, size: tuple[int, int] = (24, 5), none: str = NO_SERIES, **rest: Any
) -> model.Panel:
    """States over time, one row a series."""
    options = timeline_model.Options(
        show_value=common.VisibilityMode.AUTO,
        merge_values=True,
        align_value=common.TimelineValueAlignment.LEFT,
        legend=NO_LEGEND,
        tooltip=TOOLTIP,
        per_page=0,
    )
    custom = timeline_model.FieldConfig(fill_opacity=80, line_width=0, span_nulls=False)
    rest.setdefault("colour", fixed(QUIET))  # the mappings colour; threshold colours would merge the states
    return _panel("state-timeline", title, description, targets, size, options, unit=TEXT, none=none, custom=custom, **rest)


def calendar(
    title: str, description: str, *targets: Query, unit: Unit, size: tuple[int, int] = (24, 7), **rest: Any
) -> model.Panel:
    """A field of coloured squares: time to the right, one row a series."""
    options = history_model.Options(
        show_value=common.VisibilityMode.NEVER, row_height=0.9, col_width=0.9, legend=NO_LEGEND, tooltip=TOOLTIP, per_page=0
    )
    custom = history_model.FieldConfig(fill_opacity=90, line_width=0)
    return _panel("status-history", title, description, targets, size, options, unit=unit, custom=custom, **rest)
