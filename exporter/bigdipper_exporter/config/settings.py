"""Every setting, once: flags, environment, YAML keys, defaults, checks and docs/settings.md come from this table."""

# ruff: noqa: RUF009 -- _setting() returns a dataclasses.field(), which ruff cannot see

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from bigdipper_exporter.config.kinds import (
    ADDRESS,
    BOOLEAN,
    HOSTS,
    LINE,
    NAMED_PATHS,
    ORIGINS,
    PATH,
    SECRET,
    STOCK,
    TIME_ZONE,
    URL,
    URL_PATH,
    Kind,
    choice,
    duration,
    integer,
    ratio,
)
from bigdipper_exporter.config.patterns import Pattern

ENV_PREFIX = "BIGDIPPER_"

GROUPS = {
    "log": "The bot's log, and the exporter's own",
    "archive": "The archive",
    "web": "The web side",
    "alpaca": "The broker",
    "market-data": "Market prices",
    "benchmark": "The benchmark",
    "bot": "The bot",
    "limits": "Limits",
    "sectors": "Sectors",
    "alertmanager": "Alerts on the page",
    "links": "Links on the page",
    "api": "The JSON API",
}

INTERVAL = duration("5s", "1d")
LIMIT = ratio(4)  # Alpaca lends at most four times the equity


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. `default` is the text a user would write ("" = not set)."""

    name: str
    kind: Kind[Any]
    default: str
    help: str
    extra_env: tuple[str, ...]
    secret: bool

    @property
    def attribute(self) -> str:
        """The field of `Settings`: log.path is log_path."""
        return self.name.replace(".", "_").replace("-", "_")

    @property
    def env(self) -> tuple[str, ...]:
        """Names in the environment, the first that is set counts. A secret's can also end in _FILE."""
        return (ENV_PREFIX + self.attribute.upper(), *self.extra_env)

    @property
    def group(self) -> str:
        """The part of the name before its first dot."""
        return self.name.split(".")[0]

    def parse(self, text: str) -> Any:
        """The value, None for an empty text. Raises ValueError with the reason."""
        return self.kind.parse(text) if text else None


def _setting(name: str, kind: Kind[Any], default: str, help: str, *, env: tuple[str, ...] = (), secret: bool = False) -> Any:
    row = Setting(name, kind, default, help, env, secret)
    return field(default_factory=lambda: row.parse(default), metadata={"setting": row}, repr=not secret)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from, and its text as the user wrote it (masked if secret)."""

    text: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings in force. Durations are seconds, ratios are ratios of equity (15 % is 0.15), None means not set."""

    log_path: Path | None = _setting(
        "log.path", PATH, "", "The bot's log file. `run` works without it if it has keys; `ingest` needs it.", env=("LOG_PATH",)
    )
    log_timezone: ZoneInfo = _setting(
        "log.timezone", TIME_ZONE, "local", "Time zone of the log's timestamps: the one of the machine the bot runs on."
    )
    log_from: str = _setting("log.from", choice("start", "end"), "start", "Where to begin in a log that was never read before.")
    log_copies: Path | None = _setting(
        "log.copies",
        PATH,
        "",
        "Pattern of rotated copies in another folder or under other names, such as /var/log/old/bot.log*.",
    )
    log_rotated: bool = _setting("log.rotated", BOOLEAN, "false", "Read rotated siblings of the log first (.1, dated, .gz).")
    log_level: str = _setting(
        "log.level",
        choice("debug", "info", "warn", "error", also={"warning": "warn", "critical": "error"}),
        "info",
        "Level of the exporter's own messages.",
        env=("LOG_LEVEL",),
    )
    log_format: str = _setting(
        "log.format", choice("logfmt", "json"), "logfmt", "Form of the exporter's own messages on standard error."
    )
    archive_path: Path = _setting(
        "archive.path", PATH, "./bigdipper.db", "The SQLite archive; made if it is not there.", env=("DB_PATH",)
    )
    archive_retention: float = _setting(
        "archive.retention", duration("1d", "1000y", zero="keep everything"), "5y", "How long the archive keeps events."
    )
    web_listen_address: str = _setting(
        "web.listen-address", ADDRESS, "127.0.0.1:10077", "Where to serve; :10077 serves on every interface."
    )
    web_telemetry_path: str = _setting("web.telemetry-path", URL_PATH, "/metrics", "Path of the metrics.")
    web_config_file: Path | None = _setting(
        "web.config.file", PATH, "", "TLS and passwords, in the format of Prometheus' exporter-toolkit."
    )
    web_max_requests: int = _setting(
        "web.max-requests", integer(1, 1000), "40", "Scrapes answered at the same time; more get a 503."
    )
    web_allowed_hosts: tuple[str, ...] | None = _setting(
        "web.allowed-hosts",
        HOSTS,
        "",
        "Host names with a dot that requests may use, separated by commas; all others are refused (DNS rebinding).",
    )
    alpaca_key: str | None = _setting(
        "alpaca.key", SECRET, "", "Alpaca key ID; without it the broker is not asked.", env=("ALPACA_KEY",), secret=True
    )
    alpaca_secret: str | None = _setting("alpaca.secret", SECRET, "", "Alpaca secret key.", env=("ALPACA_SECRET",), secret=True)
    alpaca_paper: bool = _setting(
        "alpaca.paper", BOOLEAN, "true", "Ask the paper account, not the live one.", env=("ALPACA_PAPER",)
    )
    alpaca_url: str | None = _setting("alpaca.url", URL, "", "Ask this address in place of Alpaca, such as a stand-in broker.")
    alpaca_account_interval: float = _setting("alpaca.account-interval", INTERVAL, "60s", "Time between account polls.")
    alpaca_positions_interval: float = _setting(
        "alpaca.positions-interval", INTERVAL, "60s", "Time between polls of the positions."
    )
    alpaca_orders_interval: float = _setting("alpaca.orders-interval", INTERVAL, "5m", "Time between polls of orders.")
    alpaca_clock_interval: float = _setting("alpaca.clock-interval", INTERVAL, "5m", "Time between polls of the clock.")
    alpaca_activities_interval: float = _setting(
        "alpaca.activities-interval", INTERVAL, "5m", "Time between polls of fills, dividends, fees and transfers."
    )
    alpaca_history: float = _setting(
        "alpaca.history",
        duration("30d", "10y"),
        "1y",
        "How far back orders and daily equity are read at the first start. Executions are always read whole: lots need them.",
    )
    alpaca_timeout: float = _setting(
        "alpaca.timeout", duration("1s", "5m"), "10s", "Longest time that one request may take in all."
    )
    alpaca_requests_per_minute: int = _setting(
        "alpaca.requests-per-minute", integer(1, 60), "60", "Most requests a minute; the bot needs the rest of the 200."
    )
    alpaca_stream: bool = _setting(
        "alpaca.stream", BOOLEAN, "true", "Listen to Alpaca's stream of orders, so that a fill is seen within seconds."
    )
    market_data_enabled: bool = _setting(
        "market-data.enabled", BOOLEAN, "true", "Read prices and corporate actions with the broker's keys."
    )
    market_data_url: str | None = _setting(
        "market-data.url", URL, "", "Ask this address in place of Alpaca's data host; alpaca.url if that is set."
    )
    market_data_history: float = _setting(
        "market-data.history", duration("30d", "10y"), "5y", "How far back daily prices are read."
    )
    market_data_interval: float = _setting(
        "market-data.interval", duration("1m", "1d"), "15m", "Time between two readings of today's prices."
    )
    market_data_minute_retention: float = _setting(
        "market-data.minute-retention",
        duration("1d", "1y", zero="read none"),
        "30d",
        "How long prices by the minute are kept; they are read for the hours around a dip, an order or a brake.",
    )
    market_data_requests_per_minute: int = _setting(
        "market-data.requests-per-minute", integer(1, 60), "20", "Most requests a minute; the bot needs the rest of the 200."
    )
    benchmark_symbol: str = _setting("benchmark.symbol", STOCK, "SPY", "What the account is compared with.")
    bot_config: Path | None = _setting(
        "bot.config", PATH, "", "The bot's config.py: read, never executed, for limits and symbols."
    )
    bot_config_editable: bool = _setting(
        "bot.config-editable", BOOLEAN, "false", "Allow `api` and `bot-config` to change the bot's config.py."
    )
    bot_config_copies: Path | None = _setting(
        "bot.config-copies", PATH, "", "Folder of earlier copies and the journal of changes; beside config.py without it."
    )
    bot_name: str | None = _setting(
        "bot.name", LINE, "", "The bot's name on the landing page; give Prometheus' label `bot` the same."
    )
    limits_brake: float | None = _setting(
        "limits.brake", LIMIT, "", "Where the bot's brake acts, if its config.py is not given."
    )
    limits_hard: float | None = _setting("limits.hard", LIMIT, "", "The bot's hard limit, if its config.py is not given.")
    sectors_file: Path | None = _setting(
        "sectors.file", PATH, "", "CSV file `symbol,sector` for the dashboards; the bot's 44 symbols are known without it."
    )
    alertmanager_url: str | None = _setting(
        "alertmanager.url", URL, "", "Alertmanager that the landing page asks for the alerts that fire."
    )
    links_grafana: str | None = _setting("links.grafana", URL, "", "Address of the boards for the landing page's link.")
    links_prometheus: str | None = _setting("links.prometheus", URL, "", "Address of Prometheus for the landing page's link.")
    links_alertmanager: str | None = _setting(
        "links.alertmanager", URL, "", "Address of Alertmanager for the landing page's link."
    )

    api_listen_address: str = _setting(
        "api.listen-address", ADDRESS, "127.0.0.1:10078", "Where the command `api` serves; :10078 serves on every interface."
    )
    api_token: str | None = _setting(
        "api.token", SECRET, "", "What clients of the API send as `Authorization: Bearer`, at least 16 characters.", secret=True
    )
    api_archives: Mapping[str, Path] | None = _setting(
        "api.archives", NAMED_PATHS, "", "Archives of further bots that the API serves."
    )
    api_cors_origins: tuple[str, ...] | None = _setting(
        "api.cors-origins", ORIGINS, "", "Web pages that may call the API from a browser; none by default."
    )
    api_requests_per_minute: int = _setting(
        "api.requests-per-minute", integer(1, 1_000_000), "600", "Most requests a minute of one client of the API."
    )

    patterns: tuple[Pattern, ...] = ()
    config_file: Path | None = None
    origins: Mapping[str, Origin] = field(default_factory=lambda: MappingProxyType({}), repr=False)


SETTINGS: tuple[Setting, ...] = tuple(f.metadata["setting"] for f in fields(Settings) if "setting" in f.metadata)
