"""A server."""

from collections.abc import Iterator

import pytest

from bigdipper_exporter.web.server import Server
from tests.web.served import serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running
