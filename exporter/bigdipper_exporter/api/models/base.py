"""Fields with their units. Money is JSON numbers of US dollars: the archive holds them so, and clients need no conversion.

A figure that is not known is null, never 0 and never missing.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar, overload

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Item = TypeVar("Item")

EXAMPLE_TIME = "2026-03-06T21:31:00Z"
EXAMPLE_DAY = "2026-03-06"


class Model(BaseModel):
    """An answer, made of a row of the archive by the names of its fields."""

    model_config = ConfigDict(from_attributes=True, frozen=True, populate_by_name=True)


@overload
def utc(ts: float) -> datetime: ...


@overload
def utc(ts: float | None) -> datetime | None: ...


def utc(ts: float | None) -> datetime | None:
    """Unix seconds as a time in UTC; None stays None."""
    return None if ts is None else datetime.fromtimestamp(ts, UTC)


def moment_of(value: object) -> object:
    """Unix seconds as a time in UTC; anything else as it is."""
    return utc(value) if isinstance(value, int | float) else value


def _ratio_to_percent(value: object) -> object:
    return 100 * value if isinstance(value, int | float) else value


Moment = Annotated[datetime, BeforeValidator(moment_of)]
PercentOfRatio = Annotated[float, BeforeValidator(_ratio_to_percent)]
RowId = Annotated[str, BeforeValidator(str)]


def _field(meaning: str, unit: str, example: object, source: str | None) -> Any:
    return Field(description=f"{meaning} {unit}".strip(), examples=[example], validation_alias=source)


def usd(meaning: str, example: float = 35210.42, source: str | None = None) -> Any:
    """A field in US dollars. source: the attribute that it is made of, where it has another name."""
    return _field(meaning, "US dollars.", example, source)


def percent(meaning: str, example: float = 1.25, source: str | None = None) -> Any:
    """A field in percent."""
    return _field(meaning, "Percent (1.25 is 1.25 %).", example, source)


def ratio(meaning: str, example: float = 0.08, source: str | None = None) -> Any:
    """A field that is a ratio."""
    return _field(meaning, "Ratio (0.15 is 15 %).", example, source)


def count(meaning: str, example: int = 3, source: str | None = None) -> Any:
    """A field that counts something."""
    return _field(meaning, "Count.", example, source)


def seconds(meaning: str, example: float = 3600.0, source: str | None = None) -> Any:
    """A field in seconds."""
    return _field(meaning, "Seconds.", example, source)


def moment(meaning: str, source: str | None = None) -> Any:
    """A field that is a time."""
    return _field(meaning, "RFC 3339, UTC.", EXAMPLE_TIME, source)


def day(meaning: str, source: str | None = None) -> Any:
    """A field that is a trading day."""
    return _field(meaning, "New York date, YYYY-MM-DD.", EXAMPLE_DAY, source)


def text(meaning: str, example: str, source: str | None = None) -> Any:
    """A field that is a word or a sentence."""
    return _field(meaning, "", example, source)


def number(meaning: str, unit: str, example: float, source: str | None = None) -> Any:
    """A field of any other unit."""
    return _field(meaning, unit, example, source)


class Listed(Model, Generic[Item]):
    """A list without pages."""

    items: list[Item] = Field(description="The rows.")


class Paged(Model, Generic[Item]):
    """A page of a list, newest first."""

    items: list[Item] = Field(description="The rows, newest first.")
    next: str | None = Field(
        description="Path and query of the next page; null on the last one.",
        examples=["/api/v1/trades/recent?limit=50&after=1772832660.0_4398046511104"],
    )
