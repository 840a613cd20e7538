"""One request for all figures of the moment on a board: the first of their panels asks for all, the others show what it got.

Grafana sends a request for each panel. Stats are many and small, and most of their cost is the request's own. Tables keep their
request, because Grafana names their columns after the query where there are several; so do panels with a time of their own.
"""

from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.prometheus import Dataquery as PrometheusQuery
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.overrides import transform

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
    """The board, with one request for its stats of the moment. Folded sections keep theirs: they load when they are opened."""
    panels = [panel for panel in board.panels or [] if isinstance(panel, model.Panel) and _is_of_the_moment(panel)]
    if len(panels) < 2:
        return board
    source, asked = panels[0], []
    for panel in panels:
        own = list(panel.targets or [])
        _number(panel, own)
        asked += own
        names = "|".join(str(target.ref_id) for target in own if isinstance(target, PrometheusQuery))
        panel.transformations = [transform("filterByRefId", include=f"/^(?:{names})$/"), *(panel.transformations or [])]
        if panel is not source:
            assert source.id_val is not None
            panel.datasource, panel.targets = DASHBOARD, [FromPanel(source.id_val)]
    source.targets = asked
    return board


def _is_of_the_moment(panel: model.Panel) -> bool:
    targets = panel.targets or []
    return bool(targets) and panel.time_from is None and all(_is_stat(target) for target in targets)


def _is_stat(target: variants.Dataquery) -> bool:
    return isinstance(target, PrometheusQuery) and bool(target.instant) and target.format_val != PromQueryFormat.TABLE


def _number(panel: model.Panel, targets: list[variants.Dataquery]) -> None:
    """Letters become unique on the board: A of panel 7 is A7."""
    for target in targets:
        assert isinstance(target, PrometheusQuery)
        target.ref_id = f"{target.ref_id}{panel.id_val}"
    for override in panel.field_config.overrides if panel.field_config else []:
        if override.matcher.id_val == "byFrameRefID":
            override.matcher.options = f"{override.matcher.options}{panel.id_val}"
