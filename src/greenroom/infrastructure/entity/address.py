"""Addresses of entities: a call starts the entity if it is not there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

from greenroom.foundation.errors import NotAHandler, NotRunning, ServerDown
from greenroom.foundation.mailbox import NOTHING, Arguments, Function, Keywords, Message
from greenroom.foundation.namespace import current_namespace
from greenroom.foundation.process import Process
from greenroom.foundation.ref import CALL_SECONDS, Ref
from greenroom.foundation.reply import Reply
from greenroom.foundation.server import Server
from greenroom.infrastructure.entity.departure import has_departed

E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)
P = ParamSpec("P")
R = TypeVar("R")


class Starter(Protocol):
    """Whoever starts the entities of a kind."""

    def activate(self, key: Any) -> Reply[Process[Any]]:
        """The process of this entity, started if it is not there."""
        ...

    def forward(self, key: Any, message: Message) -> None:
        """Put a message into the mailbox of this entity, started if it is not there."""
        ...


class EntityRef(Ref[E_co]):
    """Where an entity is reached, whether its process is there or not. Made by `Venue.at(key)`."""

    __slots__ = ("key", "name", "seconds", "server")

    # Made without a constructor, by `entity_ref`: every other call begins with an address that is made for it.
    server: type[E_co]
    key: int | str
    name: tuple[str, int | str]

    async def call(
        self, method: Callable[Concatenate[E_co, P], Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Ask the entity, which is started if need be; see `Ref.call` for the contract.

        Raises:
            NoSuchEntity: there is nothing under this key.
            TypeError: the key is of another type than those of the kind.
            NotSaved, StaleState: the entity could not store a change, and has not made it.
            DatabaseError: the entity could not be read; nothing was delivered.
            StartFailed: its constructor, its state or its `init` failed.
        """
        process: Any = current_namespace().names.get(self.name)
        if process is not None:
            try:
                if self.seconds == CALL_SECONDS:
                    answer: R = await process.call(method, *args, **kwargs)
                else:
                    answer = await process.request(method, args, kwargs, self.seconds)
            except NotRunning as error:
                if error.target is not process:
                    raise
            except ServerDown as down:
                if not has_departed(down.reason):
                    raise
            else:
                return answer
        started: R = await self._start_and_call(method, args, kwargs)
        return started

    def cast(self, method: Callable[Concatenate[E_co, P], object], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Put the request into the entity's mailbox; it is started if need be."""
        process = self.find()
        if process is not None:
            process.cast(method, *args, **kwargs)
        else:
            self._forward(_handler(self.server, method), args, kwargs)

    def send(self, message: object) -> None:
        """Send a message for `handle_info`; the entity is started if need be."""
        process = self.find()
        if process is not None:
            process.send(message)
        else:
            self._forward(getattr(self.server, "handle_info"), (message,), NOTHING)  # noqa: B009  # E_co has no bound

    def within(self, seconds: float | None) -> Ref[E_co]:
        """The same address, where calls wait for this many seconds, the start included."""
        ref = entity_ref(self.server, self.name[0], self.key)
        ref.seconds = seconds
        return ref

    def find(self) -> Any:
        """The process that is there now, or None."""
        return current_namespace().names.get(self.name)

    async def _start_and_call(self, method: Callable[..., object], args: Arguments, kwargs: Keywords) -> Any:
        left = _countdown(self.seconds)
        # One that is gone again before it hears this was in the way of another call, which is through now.
        while True:
            process = await self._started(method, left())
            try:
                return await process.request(method, args, kwargs, left())
            except NotRunning as error:
                if error.target is not process:
                    raise
            except ServerDown as down:
                if not has_departed(down.reason):
                    raise

    async def _started(self, method: Callable[..., object], seconds: float | None) -> Process[Any]:
        self._demand_key()
        starter: Process[Starter] | None = current_namespace().names.get(self.name[0])
        if starter is None:
            missing = NotRunning(self, method.__name__, self.seconds)
            missing.add_note(f"No entities({self.server.__name__}, ...) runs here: it has to be a child in the tree.")
            raise missing
        found: Process[Any] = await starter.request(Starter.activate, (self.key,), NOTHING, seconds)
        return found

    def _forward(self, function: Function, args: Arguments, kwargs: Keywords) -> None:
        self._demand_key()
        starter: Process[Starter] | None = current_namespace().names.get(self.name[0])
        if starter is not None:
            starter.cast(Starter.forward, self.key, (function, args, kwargs, None))

    def _demand_key(self) -> None:
        # "7" in place of 7 would be a process of its own, which knows nothing of the row, or has it as well.
        expected: type = getattr(self.server, "__keys__", object)
        if not isinstance(self.key, expected):
            raise TypeError(
                f"expected the key of a {self.server.__name__} to be of type {expected.__name__}, got {self.key!r}"
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EntityRef) and self.name == other.name

    def __hash__(self) -> int:
        return hash((EntityRef, self.name))

    def __repr__(self) -> str:
        return f"<{self.server.__name__} {self.key!r}>"


_blank: Final[Callable[..., Any]] = object.__new__


def entity_ref(server: type[E], kind: str, key: int | str) -> EntityRef[E]:
    """The address of an entity of this kind."""
    ref: EntityRef[E] = _blank(EntityRef)
    ref.server = server
    ref.key = key
    ref.name = (kind, key)
    ref.seconds = CALL_SECONDS
    return ref


def _countdown(seconds: float | None) -> Callable[[], float | None]:
    clock = current_namespace().scheduler.clock
    if seconds is None:
        return lambda: None
    deadline = clock.monotonic() + seconds
    return lambda: deadline - clock.monotonic()


def _handler(server: type[Any], method: Callable[..., object]) -> Function:
    handlers: dict[str, Function] = server.__handlers__ if issubclass(server, Server) else {}
    function = handlers.get(method.__name__)
    if function is None:
        raise NotAHandler(server.__name__, method)
    return function
