"""Pages of a list: where the next one begins, and the Link header that leads there.

A cursor names the last row of a page, so a page costs the same wherever it is, and rows that come and go in the
meantime are neither repeated nor skipped.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Protocol, TypeAlias, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from gigbook.application.api.answers import Identified, Listing
from gigbook.application.api.failures import Refused

F = TypeVar("F")
F_contra = TypeVar("F_contra", contravariant=True)
R = TypeVar("R", bound=Identified)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# A prefix keeps clients from doing arithmetic with it, so that its meaning can change.
_CURSOR = re.compile("^c[0-9a-f]{1,15}$")

Limit: TypeAlias = Annotated[int, Meta(ge=1, le=200, description="How many to answer with, at most.")]
Cursor: TypeAlias = Annotated[
    str,
    Meta(
        description="Where the page begins, as the Link header of the one before says.",
        extra_json_schema={"pattern": _CURSOR.pattern},
    ),
]
Count: TypeAlias = Annotated[bool, Meta(description="Tell the length of the whole list in X-Total-Count.")]


class Paging(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters that every list has; a resource adds its filters in a subclass."""

    limit: Limit = 50
    cursor: Cursor | UnsetType = UNSET
    count: Count = False


class Page(Protocol[F_contra, T_co]):
    """How a context answers with a page of what is wanted."""

    async def __call__(self, wanted: F_contra, /, *, after: int, limit: int) -> Sequence[T_co]:
        """The first `limit` whose place in the list, most often their id, is above `after`, in order."""
        ...


def after(paging: Paging) -> int:
    """The place of the last row before the page; 0 for the first page.

    Raises:
        Refused: the cursor is none that was given out.
    """
    if paging.cursor is UNSET:
        return 0
    if not _CURSOR.fullmatch(paging.cursor):
        raise Refused(400, "Some parameters are not valid", details={"cursor": "is none that this list gave out"})
    return int(paging.cursor[1:], 16)


async def listed(
    path: str, query: Paging, wanted: F, page: Page[F, R], count: Callable[[F], Awaitable[int]]
) -> Listing[R]:
    """The page of what is wanted that the query asks for, by id, and the way to the next one."""
    return await ordered(path, query, wanted, page, count, lambda item: item.id)


async def ordered(
    path: str,
    query: Paging,
    wanted: F,
    page: Page[F, T],
    count: Callable[[F], Awaitable[int]],
    place: Callable[[T], int],
) -> Listing[T]:
    """The page of what is wanted that the query asks for, in the order of its places, and the way to the next one."""
    found = await page(wanted, after=after(query), limit=query.limit + 1)
    shown = found[: query.limit]
    return Listing(
        shown,
        next=next_page(path, query, place(shown[-1])) if len(found) > query.limit else None,
        total=await count(wanted) if query.count else None,
    )


def next_page(path: str, paging: Paging, last: int) -> str:
    """The address of the page after the row at the place `last`, with the same filters."""
    given: Mapping[str, object] = msgspec.to_builtins(paging)
    filters = {name: value for name, value in given.items() if name not in Paging.__struct_fields__}
    return f"{path}?{urlencode({'limit': paging.limit, 'cursor': f'c{last:x}', **filters})}"
