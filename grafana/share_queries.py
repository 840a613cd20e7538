"""One request for all stats of a board and source: the first of these panels asks for all, the others show what it got.

Grafana sends a request for each panel. Stats are many and small, and most of their cost is the request's own. Tables keep their
request, because Grafana names their columns after the query where there are several; so do panels with a time of their own.
"""

from collections.abc import Callable

from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.prometheus import Dataquery as PrometheusQuery
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.overrides import transform
from grafana.query import SqlQuery

DASHBOARD = DataSourceRef(type_val="datasource", uid="-- Dashboard --")


class FromPanel(variants.Dataquery):
    """What another panel of the board got."""

    def __init__(self, panel: int) -> None:
        """`panel`: the id of the panel that asks."""
        self.panel = panel

    def to_json(self) -> dict[str, object]:
        """The data source's own form."""
        return {"refId": "A", "datasource": DASHBOARD, "panelId": self.panel, "withTransforms": False}


def share_queries(board: model.Dashboard) -> model.Dashboard:
    """The board, with one request for its stats of each source. Folded sections have their own: they load when opened."""
    for own in _sections(board):
        for shares in (_asks_prometheus, _asks_archive):
            panels = [panel for panel in own if shares(panel)]
            if len(panels) > 1:
                _share(panels)
    return board


def _sections(board: model.Dashboard) -> list[list[model.Panel]]:
    """Panels that load together."""
    rows = [row.panels or [] for row in board.panels or [] if isinstance(row, model.RowPanel)]
    return [[panel for panel in board.panels or [] if isinstance(panel, model.Panel)], *rows]


def _share(panels: list[model.Panel]) -> None:
    source = panels[0]
    assert source.id_val is not None
    asked: list[variants.Dataquery] = []
    for panel in panels:
        own = list(panel.targets or [])
        names = "|".join(_number(panel, own))
        asked += own
        panel.transformations = [transform("filterByRefId", include=f"/^(?:{names})$/"), *(panel.transformations or [])]
        if panel is not source:
            panel.datasource, panel.targets = DASHBOARD, [FromPanel(source.id_val)]
    source.targets = asked


def _asks_prometheus(panel: model.Panel) -> bool:
    return _all(panel, lambda target: isinstance(target, PrometheusQuery) and _is_of_the_moment(target))


def _asks_archive(panel: model.Panel) -> bool:
    return panel.type_val == "stat" and _all(panel, lambda target: isinstance(target, SqlQuery) and not target.series)


def _all(panel: model.Panel, holds: Callable[[variants.Dataquery], bool]) -> bool:
    return bool(panel.targets) and panel.time_from is None and all(holds(target) for target in panel.targets or [])


def _is_of_the_moment(target: PrometheusQuery) -> bool:
    return bool(target.instant) and target.format_val != PromQueryFormat.TABLE


def _number(panel: model.Panel, targets: list[variants.Dataquery]) -> list[str]:
    """Make letters unique on the board: A of panel 7 is A7. Return them."""
    letters = []
    for target in targets:
        assert isinstance(target, PrometheusQuery | SqlQuery)
        target.ref_id = f"{target.ref_id}{panel.id_val}"
        letters.append(target.ref_id)
    for override in panel.field_config.overrides if panel.field_config else []:
        if override.matcher.id_val == "byFrameRefID":
            override.matcher.options = f"{override.matcher.options}{panel.id_val}"
    return letters
