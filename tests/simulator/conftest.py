"""A small account with something of everything, and its broker."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import datetime

import pytest

from bigdipper_exporter.calendar import NEW_YORK
from bigdipper_exporter.demo.simulator.books import Asset
from bigdipper_exporter.demo.simulator.broker import Broker
from bigdipper_exporter.demo.simulator.ledger import Ledger
from bigdipper_exporter.demo.simulator.units import cents

with warnings.catch_warnings():  # the SDK imports a deprecated part of websockets, once
    warnings.simplefilter("ignore", DeprecationWarning)
    import alpaca.trading.client  # noqa: F401

TUESDAY = datetime(2025, 11, 4, 10, 30, tzinfo=NEW_YORK).timestamp()


@pytest.fixture
def ledger() -> Ledger:
    """Longs, a short, an option, an open order, on a Tuesday morning."""
    books = Ledger(20_000, seed=7, opened=TUESDAY - 86_400)
    books.assets["NVDA260909C00222500"] = Asset("NVDA260909C00222500", "", "us_option", 100)
    books.trade("AMD", 11.5036, 214.23, TUESDAY - 3600)
    books.trade("BRK.B", 3, 512.07, TUESDAY - 3500)
    books.trade("AAPL", -1, 197.91, TUESDAY - 3400)
    books.trade("NVDA260909C00222500", 2, 3.9, TUESDAY - 3300)
    books.place("MSFT", 3.1172, 477.94, TUESDAY)
    books.marks["AMD"] = cents(203.78)
    return books


@pytest.fixture
def broker(ledger: Ledger) -> Iterator[Broker]:
    with Broker(ledger, clock=lambda: TUESDAY) as running:
        yield running
