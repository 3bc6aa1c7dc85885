"""Addresses of processes, typed by the server that answers there.

The caller names the method, so a checker sees every argument and the answer:

    booking = await venue.call(Venue.book, friday, artist="Nina")

Dispatch is by the method's name on the receiving object: a subclass's override is used, and a `Protocol` may stand
for the server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, Final, Generic, NoReturn, ParamSpec, TypeVar, cast

from greenroom.foundation.errors import NotRunning
from greenroom.foundation.exits import NOPROC
from greenroom.foundation.namespace import Name, checked, current_namespace
from greenroom.foundation.seconds import limit_of

S_co = TypeVar("S_co", covariant=True)
P = ParamSpec("P")
R = TypeVar("R")

CALL_SECONDS: Final = 5.0
"""How long a call waits for its answer unless `within` says otherwise; OTP's default."""


class Ref(Generic[S_co]):
    """Where a process is reached. `Ref(Venue, "blue-note")` is a name, looked up at every use.

    A reference to one process stays a reference to that one: after a restart it says `NotRunning`, and a name finds
    the new.
    """

    __slots__ = ()

    seconds: float | None

    if not TYPE_CHECKING:  # a checker would compare it with the constructors of all kinds of addresses

        def __new__(cls, *args: object, **kwargs: object) -> Ref[S_co]:
            """Make a `Named` of `Ref(Server, name)`."""
            return object.__new__(Named if cls is Ref else cls)

    def __init__(self, server: type[S_co], name: Name) -> None:
        """Refer to whoever holds the name when it is used."""

    def call(
        self, method: Callable[Concatenate[S_co, P], Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, R]:
        """Ask the server to run its method of this name, and wait for the answer.

        Raises:
            NotRunning, MailboxFull: nothing was delivered; trying again is safe.
            ServerDown: the server stopped before it answered, for the reason given; it may have acted.
            CallTimeout: no answer within five seconds, or what `within` says; it may still act.
            CallingSelf, Deadlock: waiting would never end.
        """
        process = self.find()
        if process is None:
            return self._refuse(method.__name__)
        if self.seconds == CALL_SECONDS:
            answer: Coroutine[Any, Any, R] = process.call(method, *args, **kwargs)
        else:
            answer = process.request(method, args, kwargs, self.seconds)
        return answer

    def cast(self, method: Callable[Concatenate[S_co, P], object], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Ask the server to run its method, without an answer and without knowing if it is there."""
        process = self.find()
        if process is not None:
            process.cast(method, *args, **kwargs)

    def send(self, message: object) -> None:
        """Send a message for `handle_info`; it goes nowhere when the process is not there."""
        process = self.find()
        if process is not None:
            process.send(message)

    def within(self, seconds: float | None) -> Ref[S_co]:
        """The same address, where calls wait for this many seconds; None waits for as long as it takes.

        Raises:
            ValueError: it is no number of seconds.
        """
        return Within(self, limit_of("within", seconds))

    async def stop(self, reason: object = "normal", timeout: float | None = None) -> None:
        """Ask the process to end in good order, with its `terminate`, and wait until it is gone.

        If it is about to end for the same reason anyway, that is what was wanted; in OTP 25 whoever asks second exits.

        Raises:
            NotRunning: it was not there.
            ServerDown: it ended for another reason than this.
            CallTimeout: it is not gone after `timeout` seconds.
            CallingSelf: a process asked itself; use `self.stop(reason)` in a handler.
        """
        process = self.find()
        if process is None:
            raise NotRunning(self, "stop", timeout)
        await process.stop(reason, timeout)

    def exit(self, reason: object) -> None:
        """Send an exit signal. `"kill"` ends any process at once, `"normal"` nobody but the sender itself."""
        process = self.find()
        if process is not None:
            process.exit(reason)

    async def down(self) -> object:
        """Wait until the process is gone; answers its exit reason, `"noproc"` when it was not there."""
        process = self.find()
        return NOPROC if process is None else await process.down()

    @property
    def alive(self) -> bool:
        """Whether a process is there now."""
        return self.where() is not None

    def where(self) -> Ref[S_co] | None:
        """The one process that is there now; None when there is none. OTP's `whereis`."""
        process = self.find()
        found: Ref[S_co] | None = None if process is None else process.where()
        return found

    def find(self) -> Any:
        """The process behind this address, dead or alive, or None. Every kind of address has its own way."""
        return None

    async def _refuse(self, method: str) -> NoReturn:
        raise NotRunning(self, method, self.seconds)


def process_at(ref: Ref[Any]) -> Ref[Any] | None:
    """The process behind an address, dead or alive, or None.

    Raises:
        TypeError: it is no address.
    """
    if not isinstance(cast(object, ref), Ref):
        raise TypeError(f"expected a Ref, as start answers and Ref(Server, name) makes, got {ref!r}")
    found: Ref[Any] | None = ref.find()
    return found


class Named(Ref[S_co]):
    """A name; every use looks it up in the namespace that is current then."""

    __slots__ = ("directory", "name", "seconds", "server")

    def __init__(self, server: type[S_co], name: Name) -> None:
        self.directory = None if isinstance(name, (str, tuple)) else checked(name)
        self.server = server
        self.name = name
        self.seconds = CALL_SECONDS

    def call(
        self, method: Callable[Concatenate[S_co, P], Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, R]:
        """Look the name up and call, in as few steps as can be; see `Ref.call` for the contract."""
        here = current_namespace()
        process: Any = here.names.get(self.name) if self.directory is None else self.directory.find(here)
        if process is None:
            return self._refuse(method.__name__)
        answer: Coroutine[Any, Any, R] = process.call(method, *args, **kwargs)
        return answer

    def where(self) -> Ref[S_co] | None:
        """Look the name up."""
        here = current_namespace()
        if self.directory is None:
            # Whoever holds a name lives: it is free before anyone can see that its holder is gone.
            holder: Ref[S_co] | None = here.names.get(self.name)
            return holder
        process = self.directory.find(here)
        found: Ref[S_co] | None = None if process is None else process.where()
        return found

    def find(self) -> Any:
        """Look the name up."""
        here = current_namespace()
        return here.names.get(self.name) if self.directory is None else self.directory.find(here)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and self.name == other.name

    def __hash__(self) -> int:
        return hash((Named, self.name))

    def __repr__(self) -> str:
        return f"<{self.server.__name__} {self.name!r}>"


class Within(Ref[S_co]):
    """Another address, called with a deadline of its own."""

    __slots__ = ("ref", "seconds")

    def __init__(self, ref: Ref[S_co], seconds: float | None) -> None:
        self.ref = ref
        self.seconds = seconds

    def find(self) -> Any:
        """Ask the other address."""
        return self.ref.find()

    def __repr__(self) -> str:
        return repr(self.ref)


class Monitor:
    """One watch over a process, made by `monitor`; ends with its `Down` or with `demonitor`."""

    __slots__ = ("ref",)

    def __init__(self, ref: Ref[Any]) -> None:
        self.ref = ref


@dataclass(frozen=True, slots=True)
class Down:
    """The monitored process is gone."""

    monitor: Monitor
    ref: Ref[Any]
    reason: object


@dataclass(frozen=True, slots=True)
class Exit:
    """A linked process is gone, told to one that traps exits."""

    ref: Ref[Any] | None
    reason: object


@dataclass(frozen=True, slots=True)
class Timeout:
    """No message came for as long as `self.idle` allowed."""
