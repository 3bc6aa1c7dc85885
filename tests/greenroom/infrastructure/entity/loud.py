"""An entity that tells all that it does, and a sign that shows what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from greenroom import GenServer, Rejected, Reply, Topic
from greenroom.infrastructure import Conflict, Entity, Invalid, NotSaved, Reminder
from tests.greenroom.infrastructure.entity.venues import Diary


@dataclass(frozen=True)
class Renamed:
    """A venue has another name."""

    name: str


@dataclass(frozen=True)
class Played:
    """So much was played at a venue."""

    plays: int


def topic_of(key: int) -> Topic[Renamed | Played]:
    return Topic(f"venue:{key}")


class Unwelcome(Rejected):
    """A request that is not taken, which costs nobody the process."""


@dataclass
class Loud(Entity[int, Diary], kind="loud"):
    """Tells all that it does, and fails on command."""

    later: Reply[str] | None = field(default=None, init=False)
    gate: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def initial(self) -> Diary:
        return Diary(f"venue {self.key}")

    async def look(self) -> Diary:
        return self.state

    async def rename(self, name: str) -> Conflict | Invalid | None:
        self.publish(topic_of(self.key), Renamed(name))
        return await self.save(replace(self.state, name=name))

    async def rename_then_tell(self, name: str) -> Conflict | Invalid | None:
        refusal = await self.save(replace(self.state, name=name))
        if refusal is None:
            self.publish(topic_of(self.key), Renamed(name))
        return refusal

    async def rename_or_keep_quiet(self, name: str) -> bool:
        try:
            await self.rename(name)
        except NotSaved:
            return False
        return True

    async def rename_and(self, name: str, error: Exception) -> None:
        await self.rename(name)
        self.publish(topic_of(self.key), Renamed(f"{name}, and more"))
        raise error

    async def play(self) -> None:
        self.save_later(replace(self.state, plays=self.state.plays + 1))
        self.publish(topic_of(self.key), Played(self.state.plays))

    async def tell_and_wait(self) -> str:
        self.publish(topic_of(self.key), Played(1))
        await self.gate.wait()
        self.publish(topic_of(self.key), Played(2))
        return "told"

    def tell_and_answer_later(self) -> Reply[str]:
        self.publish(topic_of(self.key), Played(1))
        self.later = Reply()
        return self.later

    async def tell_and_stop(self) -> str:
        self.publish(topic_of(self.key), Played(1))
        self.stop()
        return "stopped"

    async def tell_and_go_on(self, *, fail: bool) -> None:
        self.publish(topic_of(self.key), Played(1))
        self.next(Loud.go_on, fail=fail)

    async def go_on(self, *, fail: bool) -> None:
        self.publish(topic_of(self.key), Played(2))
        if fail:
            raise Unwelcome

    async def tell_on(self, topic: Topic[Renamed | Played]) -> None:
        self.publish(topic, Played(1))

    async def listen_and_tell(self) -> None:
        topic_of(self.key).subscribe()
        self.publish(topic_of(self.key), Renamed("to all"))

    async def tell_by_a_task_of_its_own(self) -> None:
        asyncio.get_running_loop().call_soon(self.publish, topic_of(self.key), Played(1))

    async def set_reminder(self) -> None:
        await self.save(self.state, *self.remind("play", 10.0))

    async def handle_reminder(self, reminder: Reminder) -> None:
        await self.play()
        if self.state.plays == 1:
            # It is repeated, and has succeeded only then.
            raise Unwelcome

    async def handle_info(self, message: object) -> None:
        topic_of(self.key).unsubscribe()
        await self.play()


Rename = Callable[[Loud, str], Awaitable[Conflict | Invalid | None]]


@dataclass
class Sign(GenServer):
    """Shows what a venue tells."""

    shown: list[object] = field(default_factory=list[object], init=False)

    async def init(self) -> None:
        topic_of(7).subscribe()

    async def handle_info(self, message: object) -> None:
        self.shown.append(message)

    async def show(self) -> list[object]:
        return [*self.shown]
