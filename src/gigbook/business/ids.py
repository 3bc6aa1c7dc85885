"""What an id may be, in every context."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

HIGHEST_ID: Final = 2**63 - 1
"""The largest that fits into a column."""

Id: TypeAlias = Annotated[int, Meta(ge=1, le=HIGHEST_ID, examples=[1])]


def can_be_id(number: int) -> bool:
    """Whether anything may have this id. For any other a database is not asked: it might refuse the number itself."""
    return 0 < number <= HIGHEST_ID
