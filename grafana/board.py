"""A board: sections of panels laid out on Grafana's 24 columns, with the variables, links and annotations all boards share."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.models import dashboard as model

from grafana import marks
from grafana.marks import BRAKE_EPISODES, COMMON_MARKS, WITH_MARKS, Mark, annotations
from grafana.query import tidy
from grafana.theme import ARCHIVE, ARCHIVE_TYPE, PROMETHEUS

COLUMNS = 24
TAG = "big-dipper"
OVERVIEW, TRADES, POSITIONS, OPPORTUNITIES = (
    "bigdipper-overview",
    "bigdipper-trades",
    "bigdipper-positions",
    "bigdipper-opportunities",
)
RISK, PERFORMANCE, HEALTH, CONFIG, FLEET, SHARE = (
    "bigdipper-risk",
    "bigdipper-performance",
    "bigdipper-health",
    "bigdipper-config",
    "bigdipper-fleet",
    "bigdipper-share",
)
ONE_SYMBOL = "bigdipper-symbol"

RANGES = [
    model.TimeOption(display=name, from_val=since, to="now")
    for name, since in {
        "Last hour": "now-1h",
        "Last 6 hours": "now-6h",
        "Today": "now/d",
        "Last day": "now-24h",
        "Last week": "now-7d",
        "Last month": "now-30d",
        "Last quarter": "now-90d",
        "This year": "now/y",
        "Last year": "now-1y",
        "All": "now-5y",
    }.items()
]

SYMBOLS = """
    SELECT symbol FROM sectors
    UNION SELECT symbol FROM (SELECT DISTINCT symbol FROM opportunities)
    UNION SELECT symbol FROM (SELECT DISTINCT symbol FROM position_snapshots)
    UNION SELECT symbol FROM (SELECT DISTINCT symbol FROM fills)
    ORDER BY symbol
"""

# What is held stands first: it is what a board of one symbol opens with.
HELD_FIRST = f"""
    SELECT symbol FROM ({SYMBOLS}) LEFT JOIN (
      SELECT symbol AS held, ABS(market_value) AS value FROM positions_daily
      WHERE date = (SELECT MAX(date) FROM positions_daily)) ON held = symbol
    ORDER BY value IS NULL, value DESC, symbol
"""


@dataclass(frozen=True)
class Section:
    """Panels under a heading; without a title they stand alone. A folded section loads when it is opened."""

    panels: Sequence[model.Panel]
    title: str = ""
    folded: bool = False


def board(
    uid: str,
    title: str,
    description: str,
    sections: Sequence[Section],
    *,
    since: str = "now-24h",
    refresh: str = "10s",
    symbols: bool = False,
    one_symbol: bool = False,
    shared: bool = False,
    of_archive: bool = True,
    quiet: bool = False,
    common_marks: Sequence[Mark] = COMMON_MARKS,
    own_marks: Sequence[Mark] = (),
) -> model.Dashboard:
    """A classic dashboard.

    symbols: with the variable that its SQL uses as ${symbol:sqlstring}; one_symbol: for one of them at a time. shared: no
    variables, no links. of_archive: False for a board of Prometheus alone, without variables and marks. quiet: the marks of all
    boards stay off until asked for, as they do where all panels that would show them are folded away. common_marks: which of
    them the board has, each a request. own_marks: those of this board.
    """
    of_bot = of_archive and not shared
    showing_marks = [section for section in sections if any(panel.type_val in WITH_MARKS for panel in section.panels)]
    if all(section.folded for section in showing_marks):
        quiet, common_marks = True, (BRAKE_EPISODES, marks.TRADES) if showing_marks else ()
    panels = lay_out(sections)
    return model.Dashboard(
        uid=uid,
        title=title,
        description=description,
        tags=[TAG],
        timezone="browser",
        editable=True,
        graph_tooltip=model.DashboardCursorSync.CROSSHAIR,
        time=model.DashboardDashboardTime(from_val=since, to="now"),
        timepicker=model.TimePickerConfig(
            quick_ranges=RANGES, refresh_intervals=["2s", "5s", "10s", "30s", "1m", "5m", "15m", "1h"]
        ),
        refresh=refresh,
        week_start="monday",
        panels=panels,
        templating=model.DashboardDashboardTemplating(list_val=_variables(symbols, one_symbol) if of_bot else []),
        annotations=model.AnnotationContainer(
            list_val=annotations(common_marks, own_marks, panels, symbols=symbols, quiet=quiet) if of_bot else []
        ),
        links=[] if shared else [_link(), _kiosk(uid)],
        version=1,
    )


def address(uid: str, **variables: str) -> str:
    """Link to another board that keeps bot, archive and time; `variables` sets further ones."""
    return f"/d/{uid}?${{__url_time_range}}&${{bot:queryparam}}&${{archive:queryparam}}" + "".join(
        f"&var-{name}={value}" for name, value in variables.items()
    )


def lay_out(sections: Sequence[Section]) -> list[model.Panel | model.RowPanel]:
    """Panels from left to right, a new line when one does not fit; ids in reading order, as a phone shows them."""
    laid: list[model.Panel | model.RowPanel] = []
    y = number = 0
    for section in sections:
        row = None
        if section.title:
            number += 1
            row = model.RowPanel(
                title=section.title,
                collapsed=section.folded,
                id_val=number,
                grid_pos=model.GridPos(x=0, y=y, w=COLUMNS, h=1),
                panels=[],
            )
            laid.append(row)
            y += 1
        x = line_height = 0
        inside: list[model.Panel] = []
        for panel in section.panels:
            number += 1
            assert panel.grid_pos is not None
            if x + panel.grid_pos.w > COLUMNS:
                x, y, line_height = 0, y + line_height, 0
            panel.id_val = number
            panel.grid_pos = model.GridPos(x=x, y=y, w=panel.grid_pos.w, h=panel.grid_pos.h)
            x, line_height = x + panel.grid_pos.w, max(line_height, panel.grid_pos.h)
            inside.append(panel)
        if row is not None and section.folded:
            row.panels = inside
        else:
            laid += inside
            y += line_height
    return laid


def _variables(symbols: bool, one: bool) -> list[model.VariableModel]:
    variables = [
        model.VariableModel(
            type_val=model.VariableType.QUERY,
            name="bot",
            label="Bot",
            description="One exporter watches one bot; its scrape job gives it this label.",
            datasource=PROMETHEUS,
            query={"query": "label_values(bigdipper_exporter_build_info, bot)", "refId": "bot"},
            definition="label_values(bigdipper_exporter_build_info, bot)",
            refresh=model.VariableRefresh.ON_DASHBOARD_LOAD,
            sort=model.VariableSort.ALPHABETICAL_ASC,
        ),
        model.VariableModel(
            type_val=model.VariableType.DATASOURCE,
            name="archive",
            label="Archive",
            description="The SQLite archive of that bot.",
            query=ARCHIVE_TYPE,
            current=model.VariableOption(text="Archive", value="archive"),
            refresh=model.VariableRefresh.ON_DASHBOARD_LOAD,
        ),
    ]
    if symbols or one:
        sql = tidy(HELD_FIRST if one else SYMBOLS)
        variables.append(
            model.VariableModel(
                type_val=model.VariableType.QUERY,
                name="symbol",
                label="Symbol",
                datasource=ARCHIVE,
                query=sql,
                definition=sql,
                multi=not one,
                include_all=not one,
                current=None if one else model.VariableOption(text="All", value="$__all"),
                refresh=model.VariableRefresh.ON_DASHBOARD_LOAD,
            )
        )
    return variables


def _link() -> model.DashboardLink:
    return model.DashboardLink(
        title="Boards",
        type_val=model.DashboardLinkType.DASHBOARDS,
        icon="external link",
        tooltip="The other boards",
        tags=[TAG],
        as_dropdown=True,
        keep_time=True,
        include_vars=True,
    )


def _kiosk(uid: str) -> model.DashboardLink:
    """The same board without Grafana's bars: for a screen on the wall, and for a phone's home screen."""
    return model.DashboardLink(
        title="Kiosk",
        type_val=model.DashboardLinkType.LINK,
        icon="dashboard",
        tooltip="Without Grafana's bars, for a wall or a phone; Esc leads back",
        url=f"/d/{uid}?kiosk",
        keep_time=True,
        include_vars=True,
    )
