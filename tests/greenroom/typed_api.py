"""What type checkers see of the public API: every good line must pass and every `type: ignore` must be needed.

Both checkers read this file in `make check` and complain of an ignore that hides nothing. It is never run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, assert_type

from greenroom import ChildSpec, DynamicSupervisor, GenServer, Ref, Reply, StartError, Supervisor, Task, batched, child

T = TypeVar("T")


@dataclass(frozen=True)
class Slot:
    day: str


@dataclass(frozen=True)
class Booking:
    slot: Slot
    artist: str


@dataclass(frozen=True)
class Taken:
    by: str


class Bookable(Protocol):
    async def book(self, slot: Slot, artist: str = "tba") -> Booking | Taken: ...


@dataclass
class Venue(GenServer):
    name: str
    capacity: int = 100
    diary: dict[Slot, Booking] = field(default_factory=dict[Slot, Booking], init=False)

    async def book(self, slot: Slot, artist: str = "tba") -> Booking | Taken:
        return Booking(slot, artist)

    def freed(self, slot: Slot) -> Reply[Slot]:
        return Reply[Slot].of(slot)

    def forget(self, slot: Slot) -> None:
        self.diary.pop(slot, None)

    @batched
    def played(self, seconds: list[int]) -> None:
        self.capacity += sum(seconds)

    async def later(self) -> None:
        self.next(Venue.book, Slot("friday"))
        self.after(1.0, Venue.forget, Slot("friday"))
        self.ref.cast(Venue.forget, Slot("friday"))


@dataclass
class JazzClub(Venue):
    async def book(self, slot: Slot, artist: str = "tba") -> Booking | Taken:
        return Taken(by="Mary")


class Lobby(GenServer):
    pass


@dataclass
class Stack(GenServer, Generic[T]):
    items: list[T]

    async def push(self, item: T) -> Sequence[T]:
        self.items.append(item)
        return self.items


async def calls(venue: Ref[Venue], bookable: Ref[Bookable], friday: Slot) -> None:
    assert_type(await venue.call(Venue.book, friday, artist="Nina"), Booking | Taken)
    assert_type(await venue.within(2.0).call(Venue.book, friday), Booking | Taken)
    assert_type(await Ref(Venue, "blue-note").call(Venue.book, friday), Booking | Taken)
    assert_type(await venue.call(Venue.freed, friday), Slot)
    assert_type(await bookable.call(Bookable.book, friday), Booking | Taken)

    await venue.call(Venue.book, "friday")  # type: ignore[arg-type]
    await venue.call(Venue.book)  # type: ignore[call-arg]
    await venue.call(Venue.book, friday, singer="Nina")  # type: ignore[call-arg]
    await venue.call(JazzClub.book, friday)  # type: ignore[arg-type]
    await venue.call(Venue.forget, friday)  # type: ignore[arg-type]


def casts(venue: Ref[Venue], friday: Slot) -> None:
    venue.cast(Venue.forget, friday)
    venue.cast(Venue.played, 180)
    venue.cast(Venue.played, [180])  # type: ignore[arg-type]
    venue.cast(Venue.forget, 5)  # type: ignore[arg-type]


async def starts() -> None:
    assert_type(await Venue.start("Blue Note", capacity=90), Ref[Venue])
    assert_type(await child(Venue, "Blue Note").named("blue-note").start(), Ref[Venue])
    stack = await Stack[int].start([1])
    assert_type(await stack.call(Stack[int].push, 2), Sequence[int])

    await Venue.start(90)  # type: ignore[arg-type]
    child(Venue)  # type: ignore[call-arg]
    child(Venue, "Blue Note").restart("sometimes")  # type: ignore[arg-type]
    await stack.call(Stack[int].push, "two")  # type: ignore[arg-type]


async def later(seconds: float) -> str:
    return f"in {seconds} s"


async def supervisors() -> None:
    tree = await Supervisor.start([child(Venue, "Blue Note"), Venue], strategy="rest_for_one")
    started = await tree.call(Supervisor.start_child, child(Venue, "Duc des Lombards"))
    if isinstance(started, StartError):
        raise started
    assert_type(started, Ref[Venue])
    assert_type(await tree.call(Supervisor.start_child, Lobby), Ref[Lobby] | StartError)
    assert_type(await tree.call(Supervisor.start_child, (Venue, "Duc des Lombards")), Ref[Any] | StartError)
    venues = await DynamicSupervisor.start(max_children=3)
    spec = child(JazzClub, "Duc des Lombards").restart("temporary")
    assert_type(await venues.call(DynamicSupervisor.start_child, spec), Ref[JazzClub] | StartError)
    assert_type(await venues.call(DynamicSupervisor.start_child, Lobby), Ref[Lobby] | StartError)
    assert_type(await venues.call(DynamicSupervisor.start_child, Task.child_spec(later, 1)), Ref[Any] | StartError)
    venues.cast(DynamicSupervisor.start_child, spec)
    await venues.call(DynamicSupervisor.start_child, str)  # type: ignore[arg-type]
    await Supervisor.start([], strategy="two_for_one")  # type: ignore[arg-type]


@dataclass
class Club(Supervisor):
    halls: int = 1

    def specs(self) -> Iterable[ChildSpec[GenServer]]:
        yield child(DynamicSupervisor).named("venues")
        for number in range(self.halls):
            yield child(Venue, "Hall").named(("hall", number))


def a_subclass_is_addressed_as_its_base(club: Ref[JazzClub]) -> Ref[Venue]:
    return club


def errors(started: StartError) -> str:
    return str(started)
