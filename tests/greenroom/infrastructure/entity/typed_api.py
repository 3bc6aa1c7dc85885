"""What type checkers see of entities: every good line must pass and every `type: ignore` must be needed.

Both checkers read this file in `make check` and complain of an ignore that hides nothing. It is never run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_type

from greenroom import ChildSpec, Ref, Topic
from greenroom.infrastructure import (
    Conflict,
    Entities,
    Entity,
    EntityRef,
    Execute,
    Invalid,
    Memory,
    Refusal,
    Snapshots,
    entities,
)


@dataclass(frozen=True)
class Diary:
    evenings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Taken:
    by: str


TOLD = Topic[Taken | Diary]("venue:7")


@dataclass
class Venue(Entity[int, Diary], kind="venue"):
    def initial(self) -> Diary:
        return Diary()

    async def book(self, evening: str, artist: str = "tba") -> bool | Taken:
        assert_type(self.state, Diary)
        assert_type(self.key, int)
        assert_type(await self.save(replace(self.state, evenings=(evening,))), Conflict | Invalid | None)
        assert_type(await self.save(self.state, self.forget("x")), Refusal | None)
        await self.save("Friday")  # type: ignore[call-overload]
        self.save_later(Taken("Nina"))  # type: ignore[arg-type]
        self.publish(TOLD, Taken("Nina"))
        self.publish(TOLD, "Friday")  # type: ignore[misc]
        self.state = Diary()  # type: ignore[misc]
        return True


async def calls(step: Execute) -> None:
    venue = Venue.at(7)
    assert_type(venue, EntityRef[Venue])
    assert_type(venue.within(2.0), Ref[Venue])
    assert_type(await venue.call(Venue.book, "Friday", artist="Nina"), bool | Taken)
    assert_type(await venue.call(Venue.persist_if_dirty), Conflict | Invalid | None)
    await venue.call(Venue.book)  # type: ignore[call-arg]
    await venue.call(Venue.book, 7)  # type: ignore[arg-type]
    Venue.at("seven")  # type: ignore[arg-type]
    assert_type(Venue.of(7, Diary()), Venue)


def trees() -> None:
    assert_type(entities(Venue, Snapshots(Diary)), ChildSpec[Entities])
    entities(Venue, Memory(Diary))
    entities(Venue, Snapshots(Taken))  # type: ignore[misc]
