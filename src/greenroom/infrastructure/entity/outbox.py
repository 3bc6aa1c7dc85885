"""The way of writes to the database: all that begin in one turn of the event loop are one request."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, TypeAlias

from greenroom.foundation.errors import CallError
from greenroom.foundation.ref import Ref
from greenroom.infrastructure.database import Database, DatabaseError
from greenroom.infrastructure.database.task import Write, Written

Outcome: TypeAlias = "Written | DatabaseError | CallError"

Job: TypeAlias = "tuple[Write, asyncio.Future[Outcome]]"

WAVE: Final = 64
"""How many are answered in one turn of the loop: then the database works while the loop does, and not in turns."""


class Outbox:
    """Asks the database for many at once: a request to a process costs more than all else that is done for a write.

    Each write is answered for itself, and errors are answers, since nobody but the one who asked knows what to do.
    """

    __slots__ = ("_asking", "_database", "_waiting")

    def __init__(self, database: Ref[Database]) -> None:
        self._database = database.within(None)
        self._waiting: list[Job] = []
        self._asking: set[asyncio.Task[None]] = set()

    def put(self, write: Write) -> asyncio.Future[Outcome]:
        """Have the write carried out, after all that were put before it."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._send)
        answer: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append((write, answer))
        return answer

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        asking = asyncio.get_running_loop().create_task(self._ask(waiting))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

    async def _ask(self, waiting: Sequence[Job]) -> None:
        outcomes: Sequence[Outcome]
        try:
            outcomes = await self._database.call(Database.write, [write for write, _ in waiting])
        except CallError as error:
            outcomes = [error] * len(waiting)
        except Exception as fault:  # the program's own, as where another process has the database's name
            for _, answer in waiting:
                if not answer.done():
                    answer.set_exception(fault)
            return
        for at, ((_, answer), outcome) in enumerate(zip(waiting, outcomes, strict=True), start=1):
            # Whoever was killed meanwhile waits no more.
            if not answer.done():
                answer.set_result(outcome)
            if not at % WAVE:
                # What these write next is on its way before the others have heard.
                await asyncio.sleep(0)
