"""Commands that serve until they are stopped: run, api."""

import argparse
import sqlite3

from bigdipper_exporter.archive.store import refusal
from bigdipper_exporter.cli.subcommand import SETTINGS, subcommand
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.config.yamlfile import ConfigError


@subcommand(
    "run",
    usage=f"[--log.path PATH] {SETTINGS}",
    required=(("log.path", "alpaca.key"),),
)
def run(settings: Settings, _args: argparse.Namespace) -> int:
    """Tail the log, poll the broker, archive both, serve /metrics; until SIGTERM or SIGINT."""
    from bigdipper_exporter.service import Service
    from bigdipper_exporter.sources import sources

    try:
        service = Service(settings, lambda store, wake: sources(settings, store, wake.set))
    except sqlite3.Error as error:
        raise refusal(settings.archive_path, error) from error
    service.run()
    return 0


@subcommand(
    "api",
    usage=SETTINGS,
    settings=(
        "api.",
        "archive.path",
        "web.config.file",
        "web.allowed-hosts",
        "limits.",
        "bot.",
        "benchmark.",
        "log.level",
        "log.format",
    ),
)
def api(settings: Settings, _args: argparse.Namespace) -> int:
    """Serve the archive as JSON, read-only (needs the extra `api`); until SIGTERM or SIGINT."""
    try:
        from bigdipper_exporter.api.server import run
    except ImportError as error:
        if (error.name or "").startswith("bigdipper_exporter"):
            raise
        said = f"{error.name} is not installed; the API is optional: install the extra `api` (docs/api.md)"
        raise ConfigError([f"api: {said}"]) from None
    run(settings)
    return 0
