"""Whatever crashes, is killed or cancelled, and whenever: every call has an outcome, and none by a time-out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom import (
    CallError,
    CallingSelf,
    CallTimeout,
    Deadlock,
    GenServer,
    NotRunning,
    Ref,
    Reply,
    ServerDown,
    Supervisor,
    child,
)
from greenroom.foundation.process import Process
from greenroom.foundation.worker import WorkerTask
from greenroom.testing import Stage, settle

SERVERS = ("a", "b", "c")


@dataclass
class Server(GenServer):
    """Does a bit of everything, and ends in every way."""

    name: str
    owed: list[Reply[str]] = field(default_factory=list[Reply[str]])

    async def init(self) -> None:
        self.trap_exit(self.name == "c")

    async def work(self, turns: int) -> str:
        for _ in range(turns):
            await asyncio.sleep(0)
        return self.name

    async def ask(self, other: str, turns: int) -> str:
        for _ in range(turns):
            await asyncio.sleep(0)
        try:
            return await Ref(Server, other).call(Server.work, turns)
        except (ServerDown, NotRunning, Deadlock, CallingSelf):
            return "no answer"

    def owe(self, turns: int) -> Reply[str]:
        self.owed.append(Reply[str]())
        return self.owed[-1]

    async def pay(self, turns: int) -> str:
        for reply in self.owed:
            reply.send("paid")
        self.owed.clear()
        return "paid"

    async def cling(self, turns: int) -> str:
        for _ in range(turns):
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                pass
        return "clung"

    async def fail(self, turns: int) -> str:
        await self.work(turns)
        raise ArithmeticError(self.name)

    async def quit(self, turns: int) -> str:
        self.stop("quit")
        return await self.work(turns)

    async def go_on(self, turns: int) -> str:
        self.next(Server.work, turns)
        self.idle(0.5)
        return "on"

    async def handle_info(self, message: object) -> None:
        await asyncio.sleep(0)


# What happens in one turn: who does it, to whom, what, and for how many turns.
Deed: TypeAlias = "tuple[str, str, int]"

CALLS = ("work", "owe", "pay", "cling", "fail", "quit", "go_on", "ask a", "ask b", "ask c")
ENDS = ("kill", "exit", "stop", "cancel a caller", "cancel a worker", "send", "cast")

deeds = st.lists(
    st.tuples(st.sampled_from(CALLS + ENDS), st.sampled_from(SERVERS), st.integers(0, 3)), min_size=1, max_size=30
)


async def call(name: str, what: str, turns: int) -> object:
    """Call a server, and give what came of it."""
    ref = Ref(Server, name)
    try:
        if what.startswith("ask"):
            return await ref.call(Server.ask, what[-1], turns)
        return await ref.call(getattr(Server, what), turns)
    except CallError as error:
        return error


def strike(name: str, what: str, turns: int, callers: Sequence[asyncio.Task[object]]) -> None:
    """Do something to a server, or to those who wait for it."""
    ref = Ref(Server, name)
    match what:
        case "kill":
            ref.exit("kill")
        case "exit":
            ref.exit(("oops", turns))
        case "stop":
            ref.cast(Server.quit, turns)
        case "cancel a caller" if callers:
            callers[turns % len(callers)].cancel()
        case "cancel a worker":
            for task in cancellable()[turns % 2 :][:1]:
                task.cancel()
        case "cast":
            ref.cast(Server.work, turns)
        case _:
            ref.send(turns)


def cancellable() -> list[WorkerTask]:
    """The tasks of workers, those that are at work for a server in the order of its name.

    A supervisor whose work is cancelled crashes as everybody does, and has nobody here to restart it.
    """
    tasks = [task for task in asyncio.all_tasks() if isinstance(task, WorkerTask)]
    at_work: dict[str, WorkerTask] = {}
    idle: list[WorkerTask] = []
    for task in tasks:
        match task.worker.process:
            case None:
                idle.append(task)
            case Process(server=Server(name=name)):
                at_work[name] = task
            case _:
                pass
    return [at_work[name] for name in sorted(at_work)] or idle


async def play(stage: Stage, plan: Sequence[Deed]) -> None:
    """One deed a turn; afterwards, everybody has to be answered."""
    parts: list[Any] = [child(Server, name).named(name) for name in SERVERS]
    await Supervisor.start(parts, max_restarts=10_000, strategy="one_for_one")
    callers: list[asyncio.Task[object]] = []
    for what, name, turns in plan:
        if what in CALLS:
            callers.append(asyncio.create_task(call(name, what, turns)))
        else:
            strike(name, what, turns, callers)
        for _ in range(turns % 2):
            await asyncio.sleep(0)
    await settle()
    for name in SERVERS:
        assert await Ref(Server, name).call(Server.pay, 0) == "paid"
    await settle()

    assert [caller for caller in callers if not caller.done()] == []
    assert not any(isinstance(caller.result(), CallTimeout) for caller in callers if not caller.cancelled())
    assert [await Ref(Server, name).call(Server.work, 1) for name in SERVERS] == list(SERVERS)


@settings(max_examples=100)
@given(deeds)
def test_every_call_has_an_outcome_and_every_server_is_back(plan: list[Deed]) -> None:
    with Stage("outcomes", virtual_time=True) as stage:
        stage.run(play(stage, plan))
        assert stage.clock is not None
        assert stage.clock.monotonic() == 0.0
        for crash in stage.record.crashes:
            stage.record.expect(crash.reason)
        stage.run(end(stage))


async def end(stage: Stage) -> None:
    """Stop the tree, which is the one process without a parent."""
    for birth in stage.record.births:
        if birth.parent is None and birth.process.alive:
            await birth.process.stop()
