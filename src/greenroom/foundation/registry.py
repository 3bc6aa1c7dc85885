"""Registries: tables of names that processes keep for themselves, and that anyone may read without a message.

    tree = [child(Registry, "unique").named("venues"), ...]
    child(Venue, "Blue Note").named(Via("venues", "blue-note"))
    Ref(Venue, Via("venues", "blue-note"))

A name goes when its holder ends; if the registry itself ends, so do those who registered in it. Like Elixir's
`Registry`.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Literal

from greenroom.foundation.errors import AlreadyStarted, GreenroomError
from greenroom.foundation.genserver import GenServer
from greenroom.foundation.namespace import Namespace
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Exit

Keys = Literal["unique"]


class NoRegistry(GreenroomError, ValueError):
    """No registry runs under this name."""

    def __init__(self, name: object) -> None:
        super().__init__(f"expected a registry named {name!r} to be running")


@dataclass
class Registry(GenServer):
    """A table from keys to the processes that hold them."""

    keys: Keys = "unique"
    _entries: dict[Hashable, tuple[Process[Any], object]] = field(
        default_factory=dict[Hashable, "tuple[Process[Any], object]"], init=False, repr=False
    )

    async def init(self) -> None:
        """Outlive those who registered: they are linked to the registry, and a crash of one must not reach the others."""
        self.trap_exit()

    async def handle_info(self, message: object) -> None:
        """Let those go who end; their keys are free already."""
        if not isinstance(message, Exit):
            await super().handle_info(message)

    def claim(self, key: Hashable, process: Process[Any], value: object) -> None:
        """Give the key to the process; it is linked to the registry from now on."""
        held = self._entries.setdefault(key, (process, value))
        if held[0] is not process:
            raise AlreadyStarted(key, held[0])
        process.link(self.__process__)

    def release(self, key: Hashable, process: Process[Any]) -> None:
        """Take the key back."""
        held = self._entries.get(key)
        if held is not None and held[0] is process:
            del self._entries[key]

    def holder(self, key: Hashable) -> Process[Any] | None:
        """The process that holds the key."""
        held = self._entries.get(key)
        return None if held is None else held[0]


@dataclass(frozen=True, slots=True)
class Via:
    """A key in the registry of this name, in place of a plain name."""

    registry: str
    key: Hashable
    value: object = None

    def claim(self, namespace: Namespace, process: Any) -> None:
        """Give the key to the process; raises `AlreadyStarted`, or `NoRegistry`."""
        found = _registry(namespace, self.registry)
        if found is None:
            raise NoRegistry(self.registry)
        found.claim(self.key, process, self.value)

    def release(self, namespace: Namespace, process: Any) -> None:
        """Take the key back from the process."""
        found = _registry(namespace, self.registry)
        if found is not None:
            found.release(self.key, process)

    def find(self, namespace: Namespace) -> Any:
        """The process that holds the key, or None."""
        found = _registry(namespace, self.registry)
        return None if found is None else found.holder(self.key)


def _registry(namespace: Namespace, name: str) -> Registry | None:
    process = namespace.names.get(name)
    server = None if process is None else process.server
    return server if isinstance(server, Registry) else None
