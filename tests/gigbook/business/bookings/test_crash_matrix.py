"""Whatever kills the diary of a venue, or fails under it, at whichever step: each change is made whole or not at all.

Each use case is carried out again and again, each time with a fault at another one of the operations of the database
that it takes, until there are no more of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

import pytest

from gigbook.application.service import migrated
from gigbook.business import bookings
from gigbook.business.bookings import Booking, Status
from gigbook.business.bookings.server import Diary
from gigbook.business.once import Once, Repeated
from gigbook.business.refusals import Refusal
from gigbook.business.versions import Versioned
from greenroom.infrastructure import DatabaseUrl
from greenroom.testing import VirtualClock, crash
from tests.gigbook.business.bookings.house import ERRORS, FAULTS, TODAY, Fault, House, TrappedDatabase

Answer: TypeAlias = Versioned[Booking] | Refusal | None


@dataclass(frozen=True)
class UseCase:
    """Something that is asked for: what is there before, how it is asked, and what becomes of the booking."""

    before: Status | None
    after: Status
    act: Callable[[House, int], Coroutine[Any, Any, Answer]]
    other: Status | None = None
    """What else is in the calendar, at another time."""
    seconds: float = 0.0
    """How much time passes before."""


async def request(house: House, id: int) -> Answer:
    once = Once("POST /api/bookings", f"key-{house.venue}", "it")
    answer = await bookings.request(house.draft(), once)
    return answer.answer if isinstance(answer, Repeated) else answer


async def expire(house: House, id: int) -> Answer:
    await house.clock.advance(1.0)
    found = await bookings.fetch(id)
    assert isinstance(found, Versioned)
    return found if found.value.status == "expired" else None


CASES = {
    "request": UseCase(None, "requested", request),
    "request beside others": UseCase(None, "requested", request, other="confirmed"),
    "hold": UseCase("requested", "held", lambda _, id: bookings.hold(id, 900)),
    "hold longer": UseCase("held", "held", lambda _, id: bookings.hold(id, 900)),
    "confirm": UseCase("held", "confirmed", lambda _, id: bookings.confirm(id)),
    "confirm at once": UseCase("requested", "confirmed", lambda _, id: bookings.confirm(id), other="held"),
    "cancel": UseCase("confirmed", "cancelled", lambda _, id: bookings.cancel(id, "rain")),
    "cancel a hold": UseCase("held", "cancelled", lambda _, id: bookings.cancel(id)),
    "expire": UseCase("held", "expired", expire, seconds=599.0),
}


@pytest.fixture
async def house(database_url: str, clock: VirtualClock) -> AsyncIterator[House]:
    url = DatabaseUrl.parse(database_url)
    migrated(url)
    house = House(url, clock)
    await house.open()
    yield house
    await house.close()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_use_case_is_carried_out_whole_or_not_at_all(house: House, case: UseCase, fault: Fault) -> None:
    for is_warm in (True, False):
        operations = 0
        while await strike(house, case, fault, operations, is_warm):
            operations += 1
            await house.move()
        assert operations >= 1
        await house.move()


async def strike(house: House, case: UseCase, fault: Fault, operation: int, is_warm: bool) -> bool:
    """Carry it out with a fault at that operation; answers whether there was one."""
    if case.other is not None:
        await house.made(30, 32, case.other)
    id = await house.made(status=case.before) if case.before else 0
    before = (await house.check()).get(id)
    if not is_warm:
        await crash(Diary.at(house.venue))
    await house.clock.advance(case.seconds)

    await house.trapped.call(TrappedDatabase.trap, fault, operation, house.venue)
    outcome = await house.outcome(case.act(house, id))
    has_struck = await house.trapped.call(TrappedDatabase.disarm)

    assert isinstance(outcome, (Versioned, *ERRORS)) or (outcome is None and case.act is expire), outcome
    assert has_struck or isinstance(outcome, Versioned)
    after = the_one(await house.check(), id)
    assert after == before or has_become(after, before, case)
    if isinstance(outcome, Versioned):
        assert outcome.value == after
        assert has_become(after, before, case)

    # A reminder that has failed comes again half a minute later.
    await house.clock.advance(40.0)
    again = await house.outcome(case.act(house, id))

    assert isinstance(again, Versioned)
    assert the_one(await house.check(), id) == again.value
    assert has_become(again.value, before, case)
    return has_struck


def the_one(rows: Mapping[int, Booking], id: int) -> Booking | None:
    """The booking that it is about; a new one begins a day after the beginning, and there are never two of them."""
    found = [it for it in rows.values() if it.id == id or (not id and it.starts_at == TODAY + timedelta(days=1))]
    assert len(found) <= 1
    return found[0] if found else None


def has_become(after: Booking | None, before: Booking | None, case: UseCase) -> bool:
    return after is not None and after.status == case.after and (before is None or after.updated_at > before.updated_at)
