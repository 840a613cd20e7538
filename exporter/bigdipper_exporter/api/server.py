"""`big-dipper-exporter api`: the application on a port, with the TLS and passwords of the web config."""

import asyncio
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from bigdipper_exporter import logs
from bigdipper_exporter.api.app import application, guarded
from bigdipper_exporter.api.archives import Archives
from bigdipper_exporter.api.context import Services
from bigdipper_exporter.botconfig.copies import Copies
from bigdipper_exporter.botconfig.write import ConfigFile
from bigdipper_exporter.config.kinds import split_address
from bigdipper_exporter.config.settings import Settings
from bigdipper_exporter.config.yamlfile import ConfigError
from bigdipper_exporter.money.limits import OwnLimits
from bigdipper_exporter.web.config import ReloadingConfig, WebConfig
from bigdipper_exporter.web.hosts import AllowedHosts
from bigdipper_exporter.web.listen import listen

DEFAULT_BOT = "bot"
SHORTEST_TOKEN = 16
STOP_SECONDS = 2
MOST_CONNECTIONS = 300

log = logs.get("api")


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigError, ListenError when it cannot start."""
    config = ReloadingConfig(settings.web_config_file, log.warning)
    _check(settings, config)
    app = build(settings, config)
    listener = listen(settings.api_listen_address)
    listener.setblocking(False)
    server = _Server(_uvicorn(app, config))
    scheme, port = "https" if config.current().tls else "http", listener.getsockname()[1]
    host = split_address(settings.api_listen_address)[0] or "localhost"
    log.info("serving the API", url=f"{scheme}://{host}:{port}/api/v1/", archives=len(_paths(settings)))
    try:
        asyncio.run(_serve(server, listener))
    finally:
        listener.close()
        log.info("stopped")


class _Server(uvicorn.Server):
    """Ends on a signal as the other commands do; uvicorn's own would let the signal end the process afterwards."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `_serve`."""
        yield


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.handle_exit, number, None)
    await server.serve(sockets=[listener])


def build(settings: Settings, config: ReloadingConfig) -> ASGIApp:
    """The application as these settings want it."""
    services = Services(
        Archives(_paths(settings)), OwnLimits(settings.limits_brake, settings.limits_hard), benchmark=settings.benchmark_symbol
    )
    return guarded(
        application(services),
        config=config,
        token=settings.api_token,
        hosts=AllowedHosts(split_address(settings.api_listen_address)[0], settings.web_allowed_hosts or ()),
        origins=settings.api_cors_origins or (),
        per_minute=settings.api_requests_per_minute,
        editable=_editable(settings),
    )


def _editable(settings: Settings) -> ConfigFile | None:
    """The bot's config.py where the page may change it. Raises ConfigError when it is not named."""
    if not settings.bot_config_editable:
        return None
    if settings.bot_config is None:
        raise ConfigError(["bot.config: is required while bot.config-editable is true; allowed: the path of config.py"])
    return ConfigFile(settings.bot_config, Copies.of(settings.bot_config, settings.bot_config_copies))


def _paths(settings: Settings) -> dict[str, Path]:
    return {settings.bot_name or DEFAULT_BOT: settings.archive_path, **(settings.api_archives or {})}


def _check(settings: Settings, config: ReloadingConfig) -> None:
    token = settings.api_token
    if token is None and not config.current().users:
        raise ConfigError(
            [
                "api.token: is required, unless web.config.file has basic_auth_users; make one with"
                " `openssl rand -hex 32 > api_token` and set BIGDIPPER_API_TOKEN_FILE=api_token"
            ]
        )
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise ConfigError([f"api.token: is too short to be safe; allowed: at least {SHORTEST_TOKEN} characters"])


def _uvicorn(app: ASGIApp, config: ReloadingConfig) -> uvicorn.Config:
    warned_of: WebConfig | None = None

    class Protocol(H11Protocol):
        """HTTP on connections whose client certificate is allowed by the web config."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            nonlocal warned_of
            super().connection_made(transport)
            connection, current = transport.get_extra_info("ssl_object"), config.current()
            if reason := older_than(connection, current):
                if current is not warned_of:  # once for each change of the file
                    warned_of = current
                    log.warning("connections are refused until the API is restarted", reason=reason)
                transport.abort()
            elif connection is not None and not current.client_allowed(connection.getpeercert() or {}):
                transport.abort()

    served = uvicorn.Config(
        app,
        http=Protocol,
        ws="websockets-sansio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=STOP_SECONDS,
        limit_concurrency=MOST_CONNECTIONS,
        ws_max_size=1 << 16,
        h11_max_incomplete_event_size=1 << 16,
    )
    served.load()
    if config.current().tls is not None:
        served.ssl = _following(config)
    return served


def older_than(connection: ssl.SSLObject | None, current: WebConfig) -> str:
    """Return what the web config asks of a connection that was made by an older one; empty where it has all of it.

    A handshake takes certificate and authorities from the newest web config. Whether it is one, whether it asks for a client's
    certificate, its versions and ciphers are those of the web config at the start.
    """
    if current.tls is None:
        return ""
    if connection is None:
        return "TLS"
    if current.tls.verify_mode == ssl.CERT_REQUIRED and not connection.getpeercert(binary_form=True):
        return "client_auth_type"
    version = ssl.TLSVersion[(connection.version() or "").replace(".", "_")]
    lowest, highest = current.tls.minimum_version, current.tls.maximum_version
    if version < lowest or (highest != ssl.TLSVersion.MAXIMUM_SUPPORTED and version > highest):
        return "min_version or max_version"
    cipher = connection.cipher()
    if cipher is not None and all(allowed["name"] != cipher[0] for allowed in current.tls.get_ciphers()):
        return "cipher_suites"
    return ""


def _following(config: ReloadingConfig) -> ssl.SSLContext:
    """The TLS of the web config; each handshake uses the newest certificate."""
    context = config.current().tls
    assert context is not None

    def newest(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        if (tls := config.current().tls) is not None:
            connection.context = tls

    context.sni_callback = newest
    return context
