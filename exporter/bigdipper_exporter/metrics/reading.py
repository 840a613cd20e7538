"""How a gauge reads its value out of a snapshot. A reader returns None, or leaves a series out, where a value is not known."""

from collections.abc import Callable, Iterable
from typing import Any

from bigdipper_exporter.archive.broker.view import BrokerView
from bigdipper_exporter.broker.models import Account
from bigdipper_exporter.metrics.table import Labels, Read, Sample

Value = float | None


def of_broker(read: Callable[[BrokerView], Any]) -> Read:
    """Read from what the broker says; unknown without keys."""
    return lambda s: None if s.broker is None else read(s.broker)


def of_account(read: Callable[[Account], Value | list[Sample]]) -> Read:
    """Read from the account; unknown before it was polled."""
    return of_broker(lambda b: None if b.account is None else read(b.account))


def known(values: Iterable[tuple[Labels, Value]]) -> list[Sample]:
    """Return the samples without those whose value is not known."""
    return [(labels, value) for labels, value in values if value is not None]
