"""Addresses of processes, typed by the server that answers there.

The caller names the method, so a checker sees every argument and the answer:

    booking = await venue.call(Venue.book, friday, artist="Nina")

Dispatch is by the method's name on the receiving object: a subclass's override is used, and a `Protocol` may stand for the
server.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar

from greenroom.foundation.errors import NotRunning
from greenroom.foundation.exits import NOPROC
from greenroom.foundation.namespace import Name, checked, current_namespace

S_co = TypeVar("S_co", covariant=True)
P = ParamSpec("P")
R = TypeVar("R")

CALL_SECONDS: Final = 5.0
"""How long a call waits for its answer unless `within` says otherwise; OTP's default."""


class Ref(Generic[S_co]):
    """Where a process is reached. `Ref(Venue, "blue-note")` is a name, looked up at every use.

    A reference to one process stays a reference to that one: after a restart it says `NotRunning`, and a name finds the new.
    """

    __slots__ = ()

    def __new__(cls, *args: object, **kwargs: object) -> Ref[S_co]:
        """Make a `Named` for `Ref(Server, name)`."""
        return object.__new__(Named if cls is Ref else cls)

    def __init__(self, server: type[S_co], name: Name) -> None:
        """Refer to whoever holds the name when it is used."""

    @abstractmethod
    async def call(
        self, method: Callable[Concatenate[S_co, P], Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Ask the server to run its method of this name, and wait for the answer.

        Raises:
            NotRunning, MailboxFull: nothing was delivered; trying again is safe.
            ServerDown: the server stopped before it answered, for the reason given; it may have acted.
            CallTimeout: no answer within five seconds, or what `within` says; it may still act.
            CallingSelf, Deadlock: waiting would never end.
        """

    @abstractmethod
    def cast(self, method: Callable[Concatenate[S_co, P], object], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Ask the server to run its method, without an answer and without knowing if it is there."""

    @abstractmethod
    def send(self, message: object) -> None:
        """Send a message for `handle_info`; it goes nowhere when the process is not there."""

    @abstractmethod
    def within(self, seconds: float | None) -> Ref[S_co]:
        """The same address, where calls wait for this many seconds; None waits for as long as it takes."""

    @abstractmethod
    async def stop(self, reason: object = "normal", timeout: float | None = None) -> None:
        """Ask the process to end in good order, with its `terminate`, and wait until it is gone.

        Raises:
            NotRunning: it was not there.
            CallTimeout: it is not gone after `timeout` seconds.
            CallingSelf: a process asked itself; use `self.stop(reason)` in a handler.
        """

    @abstractmethod
    def exit(self, reason: object) -> None:
        """Send an exit signal. `"kill"` ends any process at once, `"normal"` nobody but the sender itself."""

    @abstractmethod
    async def down(self) -> object:
        """Wait until the process is gone; answers its exit reason, `"noproc"` when it was not there."""

    @property
    @abstractmethod
    def alive(self) -> bool:
        """Whether a process is there now."""

    @abstractmethod
    def where(self) -> Ref[S_co] | None:
        """The one process that is there now; None when there is none. OTP's `whereis`."""


class Monitor:
    """One watch over a process, made by `monitor`; ends with its `Down` or with `demonitor`."""

    __slots__ = ("ref",)

    def __init__(self, ref: Ref[object]) -> None:
        self.ref = ref


@dataclass(frozen=True, slots=True)
class Down:
    """The monitored process is gone."""

    monitor: Monitor
    ref: Ref[object]
    reason: object


@dataclass(frozen=True, slots=True)
class Exit:
    """A linked process is gone, told to one that traps exits."""

    ref: Ref[object] | None
    reason: object


@dataclass(frozen=True, slots=True)
class Timeout:
    """No message came for as long as `self.idle` allowed."""


class Named(Ref[S_co]):
    """A name; every use looks it up in the namespace that is current then."""

    __slots__ = ("name", "seconds", "server")

    def __init__(self, server: type[S_co], name: Name, seconds: float | None = CALL_SECONDS) -> None:
        if not isinstance(name, (str, tuple)):
            checked(name)
        self.server = server
        self.name = name
        self.seconds = seconds

    async def call(  # noqa: D102  # the contract is Ref's
        self, method: Callable[Concatenate[S_co, P], Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        process = current_namespace().find(self.name)
        if process is None:
            raise NotRunning(self, method.__name__, self.seconds)
        if self.seconds == CALL_SECONDS:
            return await process.call(method, *args, **kwargs)  # type: ignore[no-any-return]
        return await process.request(method, args, kwargs, self.seconds)  # type: ignore[no-any-return]

    def cast(self, method: Callable[Concatenate[S_co, P], object], /, *args: P.args, **kwargs: P.kwargs) -> None:  # noqa: D102
        process = current_namespace().find(self.name)
        if process is not None:
            process.cast(method, *args, **kwargs)

    def send(self, message: object) -> None:  # noqa: D102
        process = current_namespace().find(self.name)
        if process is not None:
            process.send(message)

    def within(self, seconds: float | None) -> Ref[S_co]:  # noqa: D102
        return Named(self.server, self.name, seconds)

    async def stop(self, reason: object = "normal", timeout: float | None = None) -> None:  # noqa: D102
        process = self.where()
        if process is None:
            raise NotRunning(self, "stop", timeout)
        await process.stop(reason, timeout)

    def exit(self, reason: object) -> None:  # noqa: D102
        process = self.where()
        if process is not None:
            process.exit(reason)

    async def down(self) -> object:  # noqa: D102
        process = self.where()
        return NOPROC if process is None else await process.down()

    @property
    def alive(self) -> bool:  # noqa: D102
        return self.where() is not None

    def where(self) -> Ref[S_co] | None:  # noqa: D102
        found: Ref[S_co] | None = current_namespace().find(self.name)
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and (self.name, self.seconds) == (other.name, other.seconds)

    def __hash__(self) -> int:
        return hash((Named, self.name))

    def __repr__(self) -> str:
        return f"<{self.server.__name__} {self.name!r}>"


class Within(Ref[S_co]):
    """One process, called with a deadline of its own."""

    __slots__ = ("process", "seconds")

    def __init__(self, process: Any, seconds: float | None) -> None:
        self.process = process
        self.seconds = seconds

    async def call(  # noqa: D102  # the contract is Ref's
        self, method: Callable[Concatenate[S_co, P], Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        return await self.process.request(method, args, kwargs, self.seconds)  # type: ignore[no-any-return]

    def cast(self, method: Callable[Concatenate[S_co, P], object], /, *args: P.args, **kwargs: P.kwargs) -> None:  # noqa: D102
        self.process.cast(method, *args, **kwargs)

    def send(self, message: object) -> None:  # noqa: D102
        self.process.send(message)

    def within(self, seconds: float | None) -> Ref[S_co]:  # noqa: D102
        return Within(self.process, seconds)

    async def stop(self, reason: object = "normal", timeout: float | None = None) -> None:  # noqa: D102
        await self.process.stop(reason, timeout)

    def exit(self, reason: object) -> None:  # noqa: D102
        self.process.exit(reason)

    async def down(self) -> object:  # noqa: D102
        return await self.process.down()

    @property
    def alive(self) -> bool:  # noqa: D102
        return bool(self.process.alive)

    def where(self) -> Ref[S_co] | None:  # noqa: D102
        found: Ref[S_co] | None = self.process.where()
        return found

    def __repr__(self) -> str:
        return repr(self.process)
