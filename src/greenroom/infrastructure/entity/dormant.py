"""Hibernation: an entity whose state is packed, until the next message unpacks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeVar

from typing_extensions import override

from greenroom.foundation.mailbox import Function
from greenroom.foundation.process import Process
from greenroom.foundation.server import Server
from greenroom.infrastructure.entity.kind import Kind
from greenroom.infrastructure.entity.server import Entity, replace_state

K = TypeVar("K", bound=int | str)
S = TypeVar("S")
R = TypeVar("R")


class Dormant(Server):
    """In place of an entity that hibernates. It has the entity's handlers, each of which wakes it first.

    That way nothing asks whether an entity is awake, and calls to those that are cost nothing more.
    """

    __slots__ = ("__handlers__", "_packed", "entity")

    __hooks__: ClassVar[frozenset[str]] = frozenset({"terminate"})

    def __init__(self, entity: Entity[Any, Any], packed: bytes) -> None:
        self.entity = entity
        self._packed = packed
        self.__process__ = entity.__process__
        self.__handlers__ = _waking(type(entity))  # type: ignore[misc]  # of the entity's class, so not of this one

    def wake(self) -> Entity[Any, Any]:
        """Put the entity back in its place, unless it is there: of several messages that waited, the first wakes it."""
        entity = self.entity
        if self.__process__.server is self:
            kind: Kind[Any, Any] | None = entity.__runtime__
            assert kind is not None
            replace_state(entity, kind.codec.unpack(self._packed))
            self.__process__.server = entity
        return entity

    @override
    def __present__(self) -> Server:
        return self.wake()

    async def handle_info(self, message: object) -> None:
        """Wake the entity, which takes the message."""
        await self.wake().handle_info(message)

    async def terminate(self, reason: object) -> None:
        """Wake the entity for its end."""
        await self.wake().terminate(reason)


def may_hibernate(process: Process[Any], entity: Entity[Any, Any]) -> bool:
    """Whether the entity is awake, at rest, saved, and can be reached through its handlers alone."""
    if process.server is not entity or process.queue is not None or (process.ties and not process.ties.is_empty):
        return False
    return entity.__unsaved__ is None and entity.__writing__ is None


def hibernate(process: Process[Any], entity: Entity[K, S], kind: Kind[K, S]) -> None:
    """Pack the state of an entity that may hibernate."""
    packed = kind.codec.pack(entity.state)
    process.server = Dormant(entity, packed)
    replace_state(entity, None)


def awake(server: Any) -> Entity[Any, Any]:
    """The entity that a process of a kind runs, hibernating or not."""
    entity: Entity[Any, Any] = server.entity if isinstance(server, Dormant) else server
    return entity


_handlers: Final[dict[type[Entity[Any, Any]], dict[str, Function]]] = {}


def _waking(cls: type[Entity[Any, Any]]) -> dict[str, Function]:
    if cls not in _handlers:
        _handlers[cls] = {name: _wakes(handler) for name, handler in cls.__handlers__.items()}
    return _handlers[cls]


def _wakes(handler: Callable[..., R]) -> Callable[..., R]:
    def woken(server: Dormant | Entity[Any, Any], *args: object, **kwargs: object) -> R:
        # One message may have woken it while this one was waiting.
        return handler(server.wake() if isinstance(server, Dormant) else server, *args, **kwargs)

    woken.__name__ = handler.__name__
    return woken
