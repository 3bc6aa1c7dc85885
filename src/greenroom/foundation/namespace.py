"""Namespaces: worlds of names that do not see each other, so that whole trees live side by side.

`production` is the one that everything is in unless it says otherwise; tests use `test:<id>`, tenants `tenant:<id>`.
A process belongs to the namespace it was started in, and what its handlers start or look up is in the same.
"""

from __future__ import annotations

import contextvars
from collections.abc import Generator, Hashable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, cast

from greenroom.foundation.crew import Crew
from greenroom.foundation.errors import AlreadyStarted
from greenroom.foundation.scheduler import HERE, Scheduler, current_scheduler

PRODUCTION: Final = "production"

# Inside a process it is the namespace itself, so that a name is found without asking which loop is running.
_current: contextvars.ContextVar[str | Namespace] = contextvars.ContextVar("greenroom.namespace", default=PRODUCTION)
_namespaces: dict[tuple[Scheduler, str], Namespace] = {}
# The one that was asked for last is nearly always the one that is asked for next.
_latest: list[Namespace | None] = [None]


class Namespace(Crew):
    """A table of names, the processes that live in it, and the workers in which they run."""

    __slots__ = ("holdings", "name", "names", "processes", "tables")

    def __init__(self, name: str, scheduler: Scheduler) -> None:
        self.name = name
        # Whatever is registered: processes, seen from below.
        self.names: dict[object, Any] = {}
        self.processes: set[Any] = set()
        # What the layers above keep for this namespace, by the class that knows what it is.
        self.holdings: dict[type, Any] = {}
        # Those of registries, by the registry's name.
        self.tables: dict[object, Any] = {}
        pristine = contextvars.Context()
        pristine.run(_current.set, self)
        super().__init__(name, scheduler, pristine)

    def register(self, name: Name, process: object) -> None:
        """Give the name to the process.

        Raises:
            AlreadyStarted: another process holds it.
        """
        if isinstance(name, (str, tuple)):
            holder = self.names.setdefault(name, process)
            if holder is not process:
                raise AlreadyStarted(name, holder)
        else:
            checked(name).claim(self, process)

    def unregister(self, name: Name, process: object) -> None:
        """Take the name back from the process; nothing happens when it does not hold it."""
        if not isinstance(name, (str, tuple)):
            name.release(self, process)
        elif self.names.get(name) is process:
            del self.names[name]

    def find(self, name: Name) -> Any:
        """The process that holds the name, or None."""
        if isinstance(name, (str, tuple)):
            return self.names.get(name)
        return checked(name).find(self)


class Directory(Protocol):
    """A name that is kept elsewhere, as OTP's `via`: what `Via` and `Global` do, and anyone else may."""

    def claim(self, namespace: Namespace, process: Any) -> None:
        """Give the name to the process; raises `AlreadyStarted`."""
        ...

    def release(self, namespace: Namespace, process: Any) -> None:
        """Take it back from the process."""
        ...

    def find(self, namespace: Namespace) -> Any:
        """The process that holds it, or None."""
        ...


Name: TypeAlias = "str | tuple[Hashable, ...] | Directory"


@dataclass(frozen=True, slots=True)
class Global:
    """A name that is the same in all namespaces of the event loop."""

    name: Hashable

    def claim(self, namespace: Namespace, process: Any) -> None:
        """Give the name to the process; raises `AlreadyStarted`."""
        _shared(namespace).register((self,), process)

    def release(self, namespace: Namespace, process: Any) -> None:
        """Take it back from the process."""
        _shared(namespace).unregister((self,), process)

    def find(self, namespace: Namespace) -> Any:
        """The process that holds it, or None."""
        return _shared(namespace).find((self,))


def checked(name: Any) -> Directory:
    """The name, if it is one that keeps itself.

    Raises:
        ValueError: it is none of the accepted forms.
    """
    if all(callable(getattr(name, method, None)) for method in ("claim", "release", "find")):
        return cast(Directory, name)
    raise ValueError(f"expected a name: a string, a tuple, Via(registry, key) or Global(name), got {name!r}")


def _shared(namespace: Namespace) -> Namespace:
    return namespace_of(namespace.scheduler, "global")


def current_namespace() -> Namespace:
    """The namespace of the running process, or of the surrounding `namespace` block, on this event loop."""
    current = _current.get()
    found = _latest[0] if isinstance(current, str) else current
    if found is not None and (found is current or found.name == current):
        scheduler = found.scheduler
        # Its loop runs, and in this thread, where no other can run beside it: it is the running one.
        if scheduler.thread is HERE.thread and scheduler.is_running():
            return found
    scheduler = current_scheduler()
    if not isinstance(current, str):
        return namespace_of(scheduler, current.name)
    if scheduler.is_ending:
        scheduler.look_again()
    return namespace_of(scheduler, current)


def namespace_of(scheduler: Scheduler, name: str) -> Namespace:
    """The namespace of this name on the scheduler's loop, made on first use."""
    key = scheduler, name
    found = _namespaces.get(key)
    _latest[0] = found = _found(key) if found is None else found
    return found


def _found(key: tuple[Scheduler, str]) -> Namespace:
    for old in [old for old in _namespaces if old[0].loop.is_closed()]:
        del _namespaces[old]
    scheduler, name = key
    found = _namespaces[key] = Namespace(name, scheduler)
    return found


@contextmanager
def namespace(name: str) -> Generator[str]:
    """Start and find processes in this namespace within the block.

    Raises:
        TypeError: it is no string.
    """
    if not isinstance(cast(object, name), str):
        raise TypeError(f"expected the name of a namespace, as 'tenant:42', got {name!r}")
    token = _current.set(name)
    try:
        yield name
    finally:
        _current.reset(token)


def list_services(name: str | None = None) -> dict[object, Any]:
    """The names of a namespace (the current one by default) and the processes that hold them."""
    if name is None:
        return dict(current_namespace().names)
    found = _namespaces.get((current_scheduler(), name))
    return {} if found is None else dict(found.names)
