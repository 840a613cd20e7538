"""An API over an archive, asked in this process."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bigdipper_exporter.api.app import application, guarded
from bigdipper_exporter.api.archives import Archives
from bigdipper_exporter.api.context import Services
from bigdipper_exporter.api.live.stream import HEARTBEAT_SECONDS
from bigdipper_exporter.archive.migrate import NEWEST
from bigdipper_exporter.botconfig.write import ConfigFile
from bigdipper_exporter.money.limits import OwnLimits
from bigdipper_exporter.web.config import ReloadingConfig
from bigdipper_exporter.web.hosts import AllowedHosts
from tests.alpaca.conftest import broker, desk, ledger, open_desk, timing
from tests.grafana import synthetic
from tests.grafana.conftest import UNTIL

__all__ = ["broker", "desk", "ledger", "open_desk", "timing"]

TOKEN = "a-token-of-a-test-0123456789"
NOW = UNTIL.timestamp()

Opened = Callable[..., TestClient]


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty days with a broker, as the boards' tests have them."""
    path = synthetic.archive(tmp_path_factory.mktemp("api") / "archive.db", 60, UNTIL)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO schema_version VALUES (?, 0, 'test')", (NEWEST,))
        connection.commit()
    return path


@pytest.fixture
def open_api() -> Iterator[Opened]:
    """Open a client of an API over these archives; `token=None` sends none."""
    clients: list[TestClient] = []

    def opened(
        *paths: Path,
        now: float = NOW,
        token: str | None = TOKEN,
        web_config: Path | None = None,
        origins: tuple[str, ...] = (),
        per_minute: int = 100_000,
        heartbeat: float = HEARTBEAT_SECONDS,
        editable: ConfigFile | None = None,
    ) -> TestClient:
        archives = Archives({f"bot{number}": path for number, path in enumerate(paths, 1)})
        app = guarded(
            application(Services(archives, OwnLimits(), lambda: now), heartbeat),
            config=ReloadingConfig(web_config, print),
            token=TOKEN,
            hosts=AllowedHosts("127.0.0.1", ()),
            origins=origins,
            per_minute=per_minute,
            editable=editable,
        )
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        client = TestClient(app, base_url="http://127.0.0.1", headers=headers, raise_server_exceptions=False)
        client.__enter__()
        clients.append(client)
        return client

    yield opened
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def api(open_api: Opened, lived: Path) -> TestClient:
    """A client of an API over `lived`."""
    return open_api(lived)


@pytest.fixture
def sql(lived: Path) -> Iterator[sqlite3.Connection]:
    """Plain SQL on `lived`, rows by name."""
    connection = sqlite3.connect(f"file:{lived}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    yield connection
    connection.close()
