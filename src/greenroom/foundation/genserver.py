"""Servers: a dataclass whose fields are the state and whose public methods are what it answers.

    @dataclass
    class Counter(GenServer):
        value: int = 0

        async def add(self, amount: int) -> int:
            self.value += amount
            return self.value

    counter = await Counter.start()
    assert await counter.call(Counter.add, 2) == 2

Each call runs alone and to its end: no lock is needed. An exception in a handler is a crash: the process is gone, the
caller gets `ServerDown`, a supervisor starts a new one. What a caller has to handle is returned, not raised.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Concatenate, ParamSpec, Self, TypeVar

from greenroom.foundation.batch import MARK
from greenroom.foundation.errors import NotAHandler, OutsideProcess
from greenroom.foundation.exits import NORMAL
from greenroom.foundation.mailbox import NOTHING, Function
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Monitor, Ref
from greenroom.foundation.reply import Reply
from greenroom.foundation.restart import ChildOptions
from greenroom.foundation.rollback import undone_on_failure
from greenroom.foundation.seconds import limit_of
from greenroom.foundation.server import Server
from greenroom.foundation.start import launch
from greenroom.foundation.ties import Control, Ending
from greenroom.foundation.timer import Timer

P = ParamSpec("P")
S = TypeVar("S")

logger = logging.getLogger("greenroom.genserver")


class GenServer(Server):
    """A server of its own kind. Fields are its state, public `async` methods what it answers, and these are its hooks.

    `init` runs before the start returns, `handle_info` takes what is no call, `terminate` runs at an orderly end and
    after a handler failed. As in OTP, `terminate` does not run when an exit signal ends a process that does not trap
    exits, and never after a kill.
    """

    __slots__ = ()

    __child__: ClassVar[ChildOptions] = ChildOptions()
    # What is the runtime's own, and no handler.
    __reserved__: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__()
        if options:
            cls.__child__ = replace(cls.__child__, **options)
            cls.__mailbox__ = cls.__child__.mailbox
        _refuse_shadows(cls)
        cls.__handlers__ = _handlers(cls)
        cls.__batches__ = any(hasattr(handler, MARK) for handler in cls.__handlers__.values())
        cls.__hooks__ = frozenset(hook for hook in HOOKS if _overrides(cls, hook))
        if _is_undone(cls):
            cls.__handlers__ = {name: undone_on_failure(handler) for name, handler in cls.__handlers__.items()}
            cls.__info__ = undone_on_failure(cls.handle_info)

    @classmethod
    async def start(cls: Callable[P, S], *args: P.args, **kwargs: P.kwargs) -> Ref[S]:
        """Start a process with a server made of these arguments; returns when its `init` is through.

        Raises:
            StartFailed: the constructor or `init` failed.
            Ignored: `init` declined.
        """
        return await launch(cls, args, kwargs)

    @classmethod
    async def start_link(cls: Callable[P, S], *args: P.args, **kwargs: P.kwargs) -> Ref[S]:
        """Start a process and link it to the one that asks: if either crashes, so does the other."""
        return await launch(cls, args, kwargs, link=True)

    async def handle_info(self, message: object) -> None:
        """Take a message that is no call; this one logs it and goes on."""
        logger.warning("%s got a message that it does not handle: %r", self.__process__, message)

    @property
    def ref(self) -> Ref[Self]:
        """The address of this very process."""
        return _process_of(self, "ref")

    def stop(self, reason: object = NORMAL) -> None:
        """End after this handler: `terminate` runs, the answer goes out, then the exit. In `init`: do not start."""
        _demand(self, "stop").stop = Ending(reason)

    def ignore(self) -> None:
        """Only in `init`: decline to start, which is no failure."""
        _demand(self, "ignore").ignored = True

    def next(self, method: Callable[Concatenate[Any, P], object], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Run this method of the server after the answer, before any message. OTP's `continue`."""
        _demand(self, "next").continuations.append((_own(self, method), args, kwargs, None))

    def idle(self, seconds: float | None) -> None:
        """Get a `Timeout()` in `handle_info` unless a message comes within this time, None for never.

        Holds until the next message. To look at the process is none: in OTP it begins the time anew.
        """
        _demand(self, "idle").idle = limit_of("idle", seconds)

    def hibernate(self) -> None:
        """Give back what memory can be given back; a process at rest holds no more than its state anyway."""

    def after(
        self, seconds: float, method: Callable[Concatenate[Any, P], object], /, *args: P.args, **kwargs: P.kwargs
    ) -> Timer:
        """Run this method of the server as a message, in this many seconds; cancelled when the process ends.

        It never runs within this handler: with zero seconds and less it is one of the next messages.
        """
        # Programs set a timer with every request: `later` of the process, written out.
        try:
            process: Process[Any] = self.__process__
        except AttributeError:
            raise OutsideProcess("after") from None
        ties = process.ties
        if ties is None or len(timers := ties.timers) >= ties.room:
            timers = process.tie().own_timers()
        try:
            function = self.__handlers__[method.__name__]
        except (AttributeError, KeyError):
            function = _own(self, method)
        message = (function, args, kwargs, None)
        return process.namespace.scheduler.timers.schedule_for(timers, seconds, process.put, (message,))

    def send_after(self, seconds: float, message: object) -> Timer:
        """Get this message in `handle_info` in this many seconds; cancelled when the process ends."""
        return _process_of(self, "send_after").later(seconds, (type(self).__info__, (message,), NOTHING, None))

    def trap_exit(self, trapping: bool = True) -> None:
        """Get `Exit` messages instead of dying with linked processes, and run `terminate` when the parent says stop."""
        _process_of(self, "trap_exit").tie().trapping = trapping

    def link(self, ref: Ref[Any]) -> None:
        """End when the other crashes, and the other way round; right here, with `noproc`, when it is not there."""
        _process_of(self, "link").link(ref)

    def unlink(self, ref: Ref[Any]) -> None:
        """Undo the link."""
        _process_of(self, "unlink").unlink(ref)

    def monitor(self, ref: Ref[Any]) -> Monitor:
        """Get one `Down` in `handle_info` when the other ends, at once if it is not there."""
        return _process_of(self, "monitor").monitor(ref)

    def demonitor(self, monitor: Monitor) -> bool:
        """Undo the monitor; a `Down` that is on its way is dropped. False if it was over already."""
        return _process_of(self, "demonitor").demonitor(monitor)


HOOKS = ("init", "terminate", "handle_info")


def _process_of(server: GenServer, what: str) -> Process[Any]:
    try:
        process: Process[Any] = server.__process__
    except AttributeError:
        raise OutsideProcess(what) from None
    return process


def _demand(server: GenServer, what: str) -> Control:
    return _process_of(server, what).demand()


def _own(server: GenServer, method: Callable[..., object]) -> Function:
    cls = type(server)
    function: Function | None = getattr(cls, getattr(method, "__name__", ""), None)
    if function is None:
        raise NotAHandler(cls.__name__, method)
    return undone_on_failure(function) if _is_undone(cls) else function


def _is_undone(cls: type[GenServer]) -> bool:
    return cls.__undoes__ and "terminate" in cls.__hooks__


def _overrides(cls: type[GenServer], hook: str) -> bool:
    return getattr(cls, hook) is not getattr(Server, hook) and getattr(cls, hook) is not getattr(GenServer, hook)


def _handlers(cls: type[GenServer]) -> dict[str, Function]:
    found: dict[str, Function] = {}
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        if not name.startswith("_") and name not in cls.__reserved__ and inspect.isfunction(member):
            _refuse_async_reply(cls, name, member)
            found[name] = member
    return found


def _refuse_async_reply(cls: type[GenServer], name: str, member: Function) -> None:
    answer = member.__annotations__.get("return")
    promised = answer.startswith("Reply[") if isinstance(answer, str) else getattr(answer, "__origin__", None) is Reply
    if promised and inspect.iscoroutinefunction(member):
        raise TypeError(f"expected {cls.__name__}.{name} to be a plain method, since it returns a Reply; got async def")


def _refuse_shadows(cls: type[GenServer]) -> None:
    for name in inspect.get_annotations(cls):
        if name in cls.__reserved__:
            raise TypeError(f"expected a field name that GenServer does not use, got {cls.__name__}.{name}")
    for name in cls.__dict__:
        # What a `Server` has is a hook, and is there to be overridden.
        if name in GenServer.__reserved__ and not hasattr(Server, name):
            raise TypeError(f"expected a method name that GenServer does not use, got {cls.__name__}.{name}")


def reserved_names(cls: type[GenServer]) -> frozenset[str]:
    """The public names of a class that its servers' handlers and fields must not have."""
    return frozenset(name for name in dir(cls) if not name.startswith("_"))


GenServer.__reserved__ = reserved_names(GenServer)
