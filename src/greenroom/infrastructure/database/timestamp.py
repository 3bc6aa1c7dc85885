"""Points in time, stored so that both databases, people and sorting read them alike."""

from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import DateTime, Dialect, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override


class Processor(Protocol):
    """What SQLAlchemy asks of a conversion; the driver's values are text in SQLite, datetimes in PostgreSQL."""

    def __call__(self, value: Any) -> Any:
        """Convert one value."""


class UtcTimestamp(TypeDecorator[datetime]):
    """A column type for aware datetimes, kept in UTC and to the millisecond.

    PostgreSQL has `timestamptz(3)`; SQLite has text such as `2026-11-21T20:00:00.000Z`, which sorts
    by time. A naive datetime is refused.
    """

    impl = DateTime
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[str]:
        if dialect.name == "postgresql":
            # Not adapted to the driver, which would lose the precision.
            return TIMESTAMP(timezone=True, precision=3)
        return dialect.type_descriptor(Text())

    # The processors themselves, not what `TypeDecorator` would call from them: every change goes through here.

    @override
    def bind_processor(self, dialect: Dialect) -> Processor:
        return cut if dialect.name == "postgresql" else _text

    @override
    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:
        return _in_utc if dialect.name == "postgresql" else _read


def cut(value: datetime | None) -> datetime | None:
    """The moment as it is stored, and read again."""
    # Cut, as SQLite's text is: the server would round, and could come out a millisecond later.
    if value is None:
        return None
    moment = _moment(value)
    over = moment.microsecond % 1000
    return moment.replace(microsecond=moment.microsecond - over) if over else moment


def _text(value: datetime | None) -> str | None:
    return None if value is None else _moment(value).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError(f"expected a datetime with a time zone, got {value!r}")
    return value.astimezone(UTC)


def _in_utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


def _read(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
