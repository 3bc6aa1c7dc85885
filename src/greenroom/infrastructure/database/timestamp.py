"""Points in time, stored so that both databases, people and sorting read them alike."""

from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override


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

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"expected a datetime with a time zone, got {value!r}")
        moment = value.astimezone(UTC)
        if dialect.name == "postgresql":
            # Cut, as in SQLite's text: the server would round, and could come out a millisecond later.
            return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @override
    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value.astimezone(UTC) if value else None
