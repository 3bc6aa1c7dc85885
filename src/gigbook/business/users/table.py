"""Where users are kept: one row each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Text

from gigbook.business.finding import begins_with, is_text
from gigbook.business.profiles import stamped
from gigbook.business.tables import table
from gigbook.business.users.model import Role, User
from gigbook.business.versions import Versioned
from greenroom.infrastructure import Columns, Row

users: Final = table(
    "users",
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("phone", Text),
    Column("bio", Text),
)

HOME: Final = Columns(users, User)


class Filter(Struct, frozen=True, kw_only=True):
    """Which users are meant: those of a role, whose name begins so, the one with this address. None means all."""

    role: Role | None = None
    name: str | None = None
    email: str | None = None


def versioned(row: Row) -> Versioned[User]:
    """The user in the row, with its version."""
    return stamped(HOME.read(row))


def conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    """What the rows of those that are wanted meet."""
    if wanted.role is not None:
        yield users.c.role == wanted.role
    if wanted.name is not None:
        yield begins_with(users.c.name, wanted.name)
    if wanted.email is not None:
        yield is_text(users.c.email, wanted.email)
