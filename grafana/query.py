"""Questions to the two sources: PromQL and SQL as dashboard targets."""

from dataclasses import dataclass, field
from string import ascii_uppercase

from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.prometheus import Dataquery as PrometheusQuery
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.theme import ARCHIVE, FIRST_ARCHIVE, PROMETHEUS

TIME_COLUMNS = ["time", "timeEnd"]


@dataclass
class SqlQuery(variants.Dataquery):
    """A query of frser-sqlite-datasource: it needs text and raw text, and the names of the columns that are times."""

    sql: str
    series: bool = False
    ref_id: str = ""
    datasource: DataSourceRef = field(default_factory=lambda: ARCHIVE)

    def to_json(self) -> dict[str, object]:
        """The plugin's own form."""
        return {
            "refId": self.ref_id,
            "datasource": self.datasource,
            "rawQueryText": self.sql,
            "queryText": self.sql,
            "queryType": "time series" if self.series else "table",
            "timeColumns": TIME_COLUMNS,
        }


Query = SqlQuery | PrometheusQuery


def selector(name: str, **labels: str) -> str:
    """A selector of one of our metrics for the chosen bot. A value that starts with `~` is a regular expression."""
    matchers = ['bot="$bot"'] + [
        f'{label}=~"{value[1:]}"' if value.startswith("~") else f'{label}="{value}"' for label, value in labels.items()
    ]
    return f"bigdipper_{name}{{{','.join(matchers)}}}"


def either(broker: str, bot: str) -> str:
    """The broker's figure, or the bot's own where the broker gives none; the label `source` says which."""
    return (
        f'label_replace({broker}, "source", "broker", "", "") or on (bot) label_replace({bot}, "source", "bot\'s log", "", "")'
    )


def now(expr: str, legend: str = "") -> PrometheusQuery:
    """The value of this moment."""
    return PrometheusQuery(expr=expr, legend_format=legend or "__auto", instant=True, range_val=False, datasource=PROMETHEUS)


def rows(expr: str) -> PrometheusQuery:
    """The values of this moment as table rows, one per series."""
    return PrometheusQuery(expr=expr, instant=True, range_val=False, format_val=PromQueryFormat.TABLE, datasource=PROMETHEUS)


def over_time(expr: str, legend: str) -> PrometheusQuery:
    """The values over the chosen time."""
    return PrometheusQuery(expr=expr, legend_format=legend, range_val=True, instant=False, datasource=PROMETHEUS)


def quantiles(metric: str, by: str = "", span: str = "5m") -> list[Query]:
    """Median and 95 % of a histogram over `span`, in which enough must happen: of one value they tell its bucket."""
    group, name = (f", {by}", f" {{{{{by}}}}}") if by else ("", "")
    buckets = selector(f"{metric}_bucket")
    return [
        over_time(f"histogram_quantile({q}, sum by (le{group}) (rate({buckets}[{span}])))", f"{word}{name}")
        for q, word in ((0.5, "median"), (0.95, "95 %"))
    ]


def table(sql: str) -> SqlQuery:
    """Rows of the archive."""
    return SqlQuery(tidy(sql))


def listed(sql: str) -> SqlQuery:
    """Rows for a table panel: one row of NULLs where there are none, because Grafana shows no text over an empty table."""
    return SqlQuery(f"SELECT answer.* FROM (SELECT 1) LEFT JOIN (\n{tidy(sql)}\n) AS answer ON TRUE")


def newest_last(sql: str) -> SqlQuery:
    """Rows of a query that keeps only the newest, turned round for a chart; sorted by the first column."""
    return SqlQuery(f"SELECT * FROM (\n{tidy(sql)}\n) ORDER BY 1")


def series(sql: str) -> SqlQuery:
    """A time series of the archive: a column `time` (unix seconds, ascending), text columns become labels."""
    return SqlQuery(tidy(sql), series=True)


def tidy(sql: str) -> str:
    """The statement without the indentation of the Python that holds it."""
    lines = [line.rstrip() for line in sql.strip("\n").splitlines()]
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:] for line in lines).strip()


def lettered(targets: tuple[Query, ...]) -> list[Query]:
    """The targets with their letters: A, B, C ..."""
    for letter, target in zip(ascii_uppercase, targets, strict=False):
        target.ref_id = letter
    return list(targets)


def fixed_archive(board: model.Dashboard) -> None:
    """Ties every query of a board to the first archive: a public dashboard knows no variables."""
    for panel in board.panels or []:
        for item in (panel, *(getattr(panel, "targets", None) or [])):
            item.datasource = FIRST_ARCHIVE
