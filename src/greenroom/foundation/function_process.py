"""Processes that run one function, for what no server fits: a loop, a watcher, a step that may crash alone.

    async def doorman() -> None:
        while (guest := await receive(Guest)).name != "Nina":
            guest.ref.send("you are not on the list")

    door = spawn(doorman)
    door.send(Guest(current_process(), "Mary"))

The process ends with its function: with `normal` when it returns, with the exception when it raises. Until then
messages wait for `receive`. Links, monitors, exit signals and names are those of every other process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, ParamSpec, TypeVar, cast, overload

from greenroom.foundation.errors import OutsideProcess
from greenroom.foundation.exits import NORMAL
from greenroom.foundation.mailbox import CLOSED, NOTHING, Arguments, Function, Keywords, Mailbox, Message, Waiter
from greenroom.foundation.namespace import Name, Namespace, current_namespace
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Exit, Monitor, Ref
from greenroom.foundation.report import report_start
from greenroom.foundation.running import running_process
from greenroom.foundation.seconds import limit_of
from greenroom.foundation.server import Server
from greenroom.foundation.ties import Control, Ending

P = ParamSpec("P")
T = TypeVar("T")

EMPTY: Final = Mailbox()

TOGETHER: Final = 1000
"""How many messages at the head of a mailbox are taken before they are removed, which moves all that are behind."""


def spawn(function: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> Ref[object]:
    """Run the function, `async` or plain, in a process of its own; it begins after the caller has suspended."""
    return _spawn(function, args, kwargs)


def spawn_link(function: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> Ref[object]:
    """Spawn, linked to the running process: if either crashes, so does the other."""
    starter = running_process("spawn_link")
    process = _spawn(function, args, kwargs)
    starter.link(process)
    return process


def spawn_monitor(function: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> tuple[Ref[object], Monitor]:
    """Spawn, watched by the running process: it gets a `Down` at the end."""
    starter = running_process("spawn_monitor")
    process = _spawn(function, args, kwargs)
    return process, starter.monitor(process)


@overload
async def receive(*, timeout: float | None = None) -> Any: ...
@overload
async def receive(wanted: type[T], /, *, timeout: float | None = None) -> T: ...
@overload
async def receive(wanted: Callable[[Any], bool], /, *, timeout: float | None = None) -> Any: ...
async def receive(wanted: Callable[[Any], object] | None = None, /, *, timeout: float | None = None) -> Any:
    """Take the oldest message that is wanted, a type or by a predicate, and wait until there is one; others stay.

    Raises:
        TimeoutError: none came in `timeout` seconds; zero looks only at what is there.
        OutsideProcess: not in a process made by `spawn`. A server gets its messages in `handle_info`.
    """
    process = running_process("receive")
    if not isinstance(process, FunctionProcess):
        raise OutsideProcess("receive")
    return await process.receive(_test_for(wanted), timeout)


def checked_function(function: Function) -> Function:
    """The function, if it is one.

    Raises:
        TypeError: it can not be called; a coroutine is a call already.
    """
    if not callable(cast(object, function)):
        raise TypeError(f"expected a function, and its arguments apart from it, got {function!r}")
    return function


def _test_for(wanted: Callable[[Any], object] | None) -> Callable[[Any], object]:
    if wanted is None:
        return lambda message: True
    if isinstance(wanted, type):
        return lambda message: isinstance(message, wanted)
    return wanted


class Body(Server):
    """The server of a process that runs one function."""

    __slots__ = ("_args", "_function", "_kwargs")

    def __init__(self, function: Function, args: Arguments, kwargs: Keywords) -> None:
        self._function = checked_function(function)
        self._args = args
        self._kwargs = kwargs

    @property
    def title(self) -> str:
        """The name of the function."""
        return getattr(self._function, "__qualname__", repr(self._function))

    async def run(self) -> None:
        """Run the function, then end the process."""
        outcome = self._function(*self._args, **self._kwargs)
        if isinstance(outcome, Awaitable):
            outcome = await cast("Awaitable[object]", outcome)
        self.returned(outcome)
        self.__process__.demand().stop = Ending(NORMAL)

    @property
    def __kind__(self) -> object:
        """Which function it runs."""
        return self.title

    def __about__(self, last: object, reason: object) -> Mapping[str, object]:
        """Which function it ran."""
        return {"function": self.title}

    def begun(self) -> None:
        """Do what comes before the function, when the process starts; nothing here."""

    def returned(self, value: Any) -> None:
        """Do something with what the function returned, before the process ends; nothing here."""


TAKEN: Final[Message] = (Body.handle_info, (None,), NOTHING, None)


class FunctionProcess(Process[object]):
    """A process whose mailbox is read by its function. What is no message is done at once, between two of its steps."""

    __slots__ = ("_arrival", "_taken", "_title")

    def __init__(self, server: Body, namespace: Namespace, name: Name | None) -> None:
        super().__init__(server, namespace, name)
        self._arrival: Waiter | None = None
        self._taken = 0
        self._title = server.title

    @property
    def waiting(self) -> int:
        """How many messages wait for it."""
        return super().waiting - self._taken

    def start(self) -> None:
        """Let the function begin in the next turn."""
        self.namespace.processes.add(self)
        self.control = Control()
        self.control.continuations.append((Body.run, (), NOTHING, None))
        self.namespace.scheduler.schedule(self)
        report_start(self)
        self.server.begun()

    def put(self, message: Message) -> bool:
        """Keep a message for `receive`; do anything else now."""
        function, args, kwargs, waiter = message
        if self.queue is CLOSED:
            return False
        if function is Body.handle_info:
            super().put(message)
            self._wake()
            return True
        outcome = function(self.server, *args, **kwargs)
        if waiter is not None:
            self.hand(waiter, outcome)
        if self.control is not None and self.control.stop is not None:
            # No handler will end for `terminate` to follow: the function is cut short where it waits.
            self._end(self.control.stop.reason)
        return True

    def suspend(self) -> bool:
        """Refuse: the function takes its messages when it likes."""
        return False

    def signal(self, reason: object, sender: Any, *, orderly: bool = False) -> None:
        """Take an exit signal; one that is trapped is a message, even if it comes from the parent."""
        if self.ties is not None and self.ties.trapping:
            self.inform(Exit(sender, reason))
        else:
            super().signal(reason, sender, orderly=orderly)

    async def receive(self, wanted: Callable[[Any], object], seconds: float | None) -> Any:
        """Take the oldest message that is wanted out of the mailbox; see the function of this name."""
        seconds = limit_of("timeout", seconds)
        timer = None if seconds is None else self.namespace.scheduler.timers.schedule(seconds, self._wake)
        seen = 0
        try:
            while True:
                waiting = self.queue or EMPTY
                for position in range(max(seen, self._taken), len(waiting)):
                    message = waiting[position][1][0]
                    if wanted(message):
                        self._take(waiting, position)
                        return message
                if timer is not None and (timer.remaining is None or seconds == 0):
                    raise TimeoutError(f"expected a message within {seconds:g} s")
                seen = len(waiting)
                self._arrival = asyncio.get_running_loop().create_future()
                await self._arrival
        finally:
            self._arrival = None
            if timer is not None:
                timer.drop()

    def __repr__(self) -> str:
        name = "" if self.name is None else f" {self.name!r}"
        return f"<{self._title}{name} #{id(self):x}>"

    def _take(self, waiting: Mailbox, position: int) -> None:
        if position > self._taken:
            del waiting[position]
            return
        waiting[position] = TAKEN
        self._taken += 1
        if self._taken in (TOGETHER, len(waiting)):
            del waiting[: self._taken]
            self._taken = 0

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)


def _spawn(function: Function, args: Arguments, kwargs: Keywords) -> FunctionProcess:
    process = FunctionProcess(Body(function, args, kwargs), current_namespace(), None)
    process.start()
    return process
