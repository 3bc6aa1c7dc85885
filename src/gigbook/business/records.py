"""What the contexts do alike: add a row once, ask the process that owns one, read a table page by page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import ColumnElement, Table, func, select

from gigbook.business import once as keys
from gigbook.business.database import database
from gigbook.business.ids import can_be_id
from gigbook.business.once import Once, Repeated
from gigbook.business.refusals import InvalidData, KeyReused, NotFound
from gigbook.business.versions import Expected, Versioned
from greenroom.infrastructure import (
    Conflict,
    Database,
    EntityRef,
    Insert,
    Invalid,
    NoSuchEntity,
    Refused,
    Row,
    StaleState,
    Step,
    Values,
)

C = TypeVar("C")
P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")

TRIES: Final = 10


async def add(
    table: Table,
    values: Values,
    read: Callable[[Row], Versioned[T]],
    once: Once | None,
    shape: type[Versioned[T]],
    *also: Step,
) -> Versioned[T] | Repeated[Versioned[T]] | Conflict | Invalid | KeyReused:
    """Add a row, and carry out `also` in the same transaction; its functions find the new row first.

    With `once`, the same request sent again gets the answer of the first, and adds nothing.
    """
    insert = Insert(table, values)
    if once is None and not also:
        outcome = await database.call(Database.insert, table, values)
        return outcome if isinstance(outcome, Conflict | Invalid) else read(outcome)
    steps = (keys.remember(once, lambda rows: read(rows[0])),) if once else ()
    done = await database.call(Database.transact, insert, *also, *steps)
    if not isinstance(done, Refused):
        return read(done[0])
    # The first request with this key holds what must be unique too: any refusal may mean a repetition.
    if (earlier := await keys.recall(once, shape)) is not None:
        return earlier
    if done.at == 0 and isinstance(done.refusal, Conflict | Invalid):
        return done.refusal
    raise unexpected(done.refusal)


async def ask(
    what: str,
    address: EntityRef[S],
    method: Callable[Concatenate[S, P], Awaitable[R]],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> R | NotFound:
    """Ask the process of an entity, which is started if need be; without a row it is `NotFound(what)`.

    One that finds its row changed by another program has done nothing: the next one, which has read it anew, is asked.
    """
    if isinstance(address.key, int) and not can_be_id(address.key):
        return NotFound(what)
    tries = TRIES
    while True:
        try:
            return await address.call(method, *args, **kwargs)
        except NoSuchEntity:
            return NotFound(what)
        except StaleState:
            tries -= 1
            if not tries:
                raise


async def ensured(what: str, address: EntityRef[S], get: Callable[[S], Awaitable[object]]) -> EntityRef[S] | NotFound:
    """The address of an entity, once its process runs."""
    found = await ask(what, address, get)
    return found if isinstance(found, NotFound) else address


async def change(
    what: str,
    address: EntityRef[S],
    method: Callable[[S, C, Expected], Awaitable[R]],
    by: C | InvalidData,
    expected: Expected,
) -> R | InvalidData | NotFound:
    """Have the process of an entity carry out a change, unless that has not stood up to the rules."""
    return by if isinstance(by, InvalidData) else await ask(what, address, method, by, expected)


async def page(table: Table, *conditions: ColumnElement[bool], after: int, limit: int) -> Sequence[Row]:
    """The first `limit` rows that meet the conditions, in the order of their ids, from the first one above `after`."""
    chosen = select(*table.columns).where(table.c.id > after, *conditions)
    return await database.call(Database.select, chosen.order_by(table.c.id).limit(limit))


async def count(table: Table, *conditions: ColumnElement[bool]) -> int:
    """How many rows meet the conditions."""
    query = select(func.count().label("total")).select_from(table).where(*conditions)
    (row,) = await database.call(Database.select, query)
    total: int = row["total"]
    return total


def unexpected(refusal: object) -> ValueError:
    """What to raise when a table refuses what the rules let through."""
    return ValueError(f"expected the rules to let through only what the table takes, got {refusal}")
