"""The application: endpoints, errors and middleware."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from bigdipper_exporter import __version__
from bigdipper_exporter.api import problems
from bigdipper_exporter.api.archives import Archives
from bigdipper_exporter.api.context import Services
from bigdipper_exporter.api.etag import Tagged
from bigdipper_exporter.api.guard import Guard
from bigdipper_exporter.api.head import Headed
from bigdipper_exporter.api.live import endpoints as live
from bigdipper_exporter.api.live.stream import HEARTBEAT_SECONDS, Live
from bigdipper_exporter.api.page.routes import SettingsPage
from bigdipper_exporter.api.response_cache import ResponseCache
from bigdipper_exporter.api.routes import analytics, brake, holdings, opportunities, overview, settings, trades
from bigdipper_exporter.botconfig.write import ConfigFile
from bigdipper_exporter.web.config import ReloadingConfig
from bigdipper_exporter.web.hosts import AllowedHosts
from bigdipper_exporter.web.listen import HEALTHY_PATH

DESCRIPTION = """The archive of Big Dipper Monitor, read-only. Money is JSON numbers of US dollars, times are RFC 3339 in UTC,
what is not known is null. Lists have pages: `next` is the path of the following one. Every answer has an ETag."""
ROUTERS = (
    overview.router,
    holdings.router,
    trades.router,
    opportunities.router,
    brake.router,
    analytics.router,
    settings.router,
    live.router,
)
REFUSALS = problems.responses(400, 401, 403, 404, 411, 413, 421, 422, 429, 503)


def application(services: Services, heartbeat: float = HEARTBEAT_SECONDS) -> FastAPI:
    """The endpoints alone, without authentication."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        services.archives.close()

    app = FastAPI(
        title="Big Dipper Monitor",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.services = services
    app.state.live = Live(services.archives, heartbeat)
    for router in ROUTERS:
        app.include_router(router, responses=REFUSALS)
    problems.install(app)

    @app.get(HEALTHY_PATH, include_in_schema=False)
    async def healthy() -> PlainTextResponse:
        return PlainTextResponse("healthy\n", HTTPStatus.OK)

    def described() -> dict[str, object]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
    return app


def _described(app: FastAPI) -> dict[str, object]:
    """OpenAPI with the real errors and the two ways to authenticate."""
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = schema["components"]
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    shape = problems.ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    components["schemas"] |= {**shape.pop("$defs"), "ProblemDetails": shape}
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "The setting api.token."},
        "password": {"type": "http", "scheme": "basic", "description": "A user of basic_auth_users in web.config.file."},
    }
    schema["security"] = [{"token": []}, {"password": []}]
    return schema


def guarded(
    app: FastAPI,
    *,
    config: ReloadingConfig,
    token: str | None,
    hosts: AllowedHosts,
    origins: Collection[str] = (),
    per_minute: int = 600,
    editable: ConfigFile | None = None,
) -> ASGIApp:
    """The application behind authentication, limits and CORS. editable: the config.py that the page /config may change."""
    if editable is not None:
        page = SettingsPage(editable, app.state.services, config, token)
        app.router.routes.extend(page.routes())
    archives: Archives = app.state.services.archives
    inner: ASGIApp = Headed(Tagged(ResponseCache(app, archives.paths)))
    if origins:
        inner = CORSMiddleware(
            inner,
            allow_origins=list(origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "If-None-Match", "Last-Event-ID"],
            expose_headers=["ETag", "Retry-After"],
        )
    paths = () if editable is None else ("/config",)
    return Guard(inner, config=config, token=token, hosts=hosts, origins=origins, per_minute=per_minute, open_paths=paths)
