"""Annotations on the graphs of a board: what happened to the bot, its brake, its settings, and its trades."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from grafana_foundation_sdk.models import dashboard as model

from grafana.query import SqlQuery, tidy
from grafana.theme import ARCHIVE, BROKER, CRITICAL, QUIET, WARNING

# Panels over time, on which Grafana draws marks.
WITH_MARKS = ("timeseries", "candlestick", "state-timeline")


@dataclass(frozen=True)
class Mark:
    """Annotations of one kind. sql: columns time, timeEnd, title, text, tags; times are unix seconds.

    on: titles of the panels that show them; without any every graph does. enabled: whether they are shown until switched off.
    """

    name: str
    colour: str
    sql: str
    on: Sequence[str] = ()
    enabled: bool = True


# Of starts and trades the newest 500: more are a fence of lines, and a slow one.
BOT_STARTS = Mark(
    "Bot starts",
    QUIET,
    """
            SELECT ts AS time, NULL AS timeEnd, 'Bot ' || kind AS title, detail AS text, kind AS tags FROM bot_events
            WHERE kind IN ('start', 'stop') AND ts >= $__from / 1000 AND ts < $__to / 1000 ORDER BY ts DESC LIMIT 500""",
)
BRAKE_EPISODES = Mark(
    "Brake episodes",
    CRITICAL,
    """
            SELECT started AS time, COALESCE(ended, $__to / 1000) AS timeEnd, 'Emergency brake' AS title,
              printf('at %.1f%%, %d cycles, %d missed', 100 * COALESCE(margin_ratio, leverage_ratio),
                     cycles, missed_opportunities) AS text, 'brake' AS tags
            FROM brake_events
            WHERE started < $__to / 1000 AND COALESCE(ended, $__to / 1000) >= $__from / 1000 ORDER BY started""",
)
CONFIG_CHANGES = Mark(
    "Configuration changes",
    WARNING,
    """
            SELECT ts AS time, NULL AS timeEnd, setting AS title,
              COALESCE(previous, 'unset') || ' → ' || COALESCE(value, 'removed') AS text, 'config' AS tags
            FROM bot_config WHERE previous IS NOT NULL AND ts >= $__from / 1000 AND ts < $__to / 1000 ORDER BY ts""",
)


def _trades(condition: str = "") -> Mark:
    return Mark(
        "Trades",
        BROKER,
        f"""
            SELECT ts AS time, NULL AS timeEnd, symbol AS title,
              printf('%g @ $%.2f', quantity, price) AS text, 'trade' AS tags
            FROM trades WHERE ts >= $__from / 1000 AND ts < $__to / 1000 {condition} ORDER BY ts DESC LIMIT 500""",
        enabled=False,
    )


TRADES, TRADES_OF_SYMBOLS = _trades(), _trades("AND symbol IN (${symbol:sqlstring})")
COMMON_MARKS = (BOT_STARTS, BRAKE_EPISODES, CONFIG_CHANGES, TRADES)


def annotations(
    common: Sequence[Mark],
    own: Sequence[Mark],
    panels: Sequence[model.Panel | model.RowPanel],
    *,
    symbols: bool = False,
    quiet: bool = False,
) -> list[model.AnnotationQuery]:
    """The marks of a board and those of all boards. symbols: trades of the chosen ones; quiet: `common` is off at first."""
    of_board = [TRADES_OF_SYMBOLS if symbols and mark is TRADES else mark for mark in common]
    shown = [replace(mark, enabled=mark.enabled and not quiet) for mark in of_board]
    return [_annotation(mark, panels) for mark in (*own, *shown)]


def _annotation(mark: Mark, panels: Sequence[model.Panel | model.RowPanel]) -> model.AnnotationQuery:
    ids = [panel.id_val for panel in panels if panel.title in mark.on and panel.id_val is not None]
    return model.AnnotationQuery(
        name=mark.name,
        datasource=ARCHIVE,
        enable=mark.enabled,
        hide=mark.enabled,
        icon_color=mark.colour,
        filter_val=model.AnnotationPanelFilter(exclude=False, ids=ids) if ids else None,
        target=SqlQuery(tidy(mark.sql), ref_id="A"),
    )
