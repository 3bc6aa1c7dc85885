"""What a supervisor knows of a child: how to start it, when to restart it, how long it may take to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Hashable, Mapping
from dataclasses import fields, replace
from typing import Any, Final, Generic, ParamSpec, Protocol, Self, TypeAlias, TypeVar, cast, get_origin

from greenroom.foundation.answering import INTERRUPTIONS
from greenroom.foundation.errors import StartError, StartFailed
from greenroom.foundation.exits import reason_of
from greenroom.foundation.genserver import GenServer
from greenroom.foundation.mailbox import NOTHING, Arguments, Function, Keywords
from greenroom.foundation.mailbox_limit import MailboxLimit, WhenFull
from greenroom.foundation.namespace import Name, checked
from greenroom.foundation.process import Process
from greenroom.foundation.ref import CALL_SECONDS, Ref, Within
from greenroom.foundation.restart import ChildOptions, RestartType, Shutdown
from greenroom.foundation.start import launch, launch_at_once

P = ParamSpec("P")
S_co = TypeVar("S_co", covariant=True)


INIT: Final = frozenset({"init"})


class ChildSpec(Generic[S_co]):
    """How to start one child. Never changes: each method answers another spec."""

    __slots__ = ("args", "kwargs", "name", "options", "start_function")

    def __init__(
        self,
        start_function: Function,
        args: Arguments,
        kwargs: Keywords,
        options: ChildOptions,
        name: Name | None = None,
    ) -> None:
        self.start_function = start_function
        self.args = args
        # A million specs without keywords need not hold a million empty dictionaries.
        self.kwargs = kwargs or NOTHING
        self.options = options
        self.name = name

    def named(self, name: Name) -> Self:
        """Register the process under this name before its `init` runs; the name is the child's id too."""
        if not isinstance(name, (str, tuple)):
            checked(name)
        return self._copy(self.options, name)

    def id(self, child_id: Hashable) -> Self:
        """Tell children of one supervisor apart by this; the name or the server's class by default."""
        return self._copy(replace(self.options, id=child_id), self.name)

    def restart(self, restart: RestartType) -> Self:
        """`permanent` comes back always, `transient` after a crash, `temporary` never."""
        return self._copy(replace(self.options, restart=restart), self.name)

    def shutdown(self, shutdown: Shutdown) -> Self:
        """How many seconds it has to stop before it is killed; `brutal_kill` for none, `infinity` for no limit."""
        return self._copy(replace(self.options, shutdown=shutdown), self.name)

    def significant(self, significant: bool = True) -> Self:
        """Its end may end the supervisor, as `auto_shutdown` says."""
        return self._copy(replace(self.options, significant=significant), self.name)

    def within(self, seconds: float | None) -> Self:
        """Give `init` this many seconds."""
        return self._copy(replace(self.options, timeout=seconds), self.name)

    def mailbox(self, messages: int, when_full: WhenFull = "refuse") -> Self:
        """Let at most so many messages wait for it; see `MailboxLimit` for what becomes of the others."""
        return self._copy(replace(self.options, mailbox=MailboxLimit(messages, when_full)), self.name)

    @property
    def child_id(self) -> Hashable:
        """What the supervisor knows it by."""
        if self.options.id is not None:
            return self.options.id
        return self.start_function if self.name is None else cast(Hashable, self.name)

    @property
    def seconds_to_stop(self) -> Shutdown:
        """Its limit for stopping: 5 s for a worker and no limit for a supervisor unless it says otherwise."""
        if self.options.shutdown is not None:
            return self.options.shutdown
        return "infinity" if self.options.type == "supervisor" else 5.0

    async def start(self) -> Ref[S_co]:
        """Start it without a supervisor."""
        return await self._launch(None, link=False)

    async def start_link(self) -> Ref[S_co]:
        """Start it linked to the process that asks."""
        return await self._launch(None, link=True)

    def start_under(self, parent: Process[Any], extra: Arguments = ()) -> Coroutine[Any, Any, Ref[S_co]]:
        """Start it as a child of this supervisor; `extra` arguments come before its own.

        The address may be an `Informed` one; `find` gives the process.
        """
        return self._launch(parent, extra=extra)

    def start_at_once(self, parent: Process[Any], extra: Arguments = ()) -> Process[S_co] | None:
        """Start it as a child, as `start_under` does; None where that takes more than a moment: it has an `init`.

        Raises:
            StartError: as `start` does.
        """
        function = self.start_function
        hooks: Collection[str] = getattr(function, "__hooks__", INIT)
        if "init" in hooks:
            return None
        args = extra + self.args if extra else self.args
        return launch_at_once(function, args, self.kwargs, self.name, parent, self.options.mailbox)

    def _launch(
        self, parent: Process[Any] | None, *, link: bool = False, extra: Arguments = ()
    ) -> Coroutine[Any, Any, Ref[S_co]]:
        function = self.start_function
        args = extra + self.args if extra else self.args
        if not isinstance(function, type):
            return _called(function, args, self.kwargs, parent)
        options = self.options
        return launch(
            function,
            args,
            self.kwargs,
            name=self.name,
            parent=parent,
            link=link,
            seconds=options.timeout,
            limit=options.mailbox,
        )

    def _copy(self, options: ChildOptions, name: Name | None) -> Self:
        return type(self)(self.start_function, self.args, self.kwargs, options, name)

    def __repr__(self) -> str:
        return f"<child {self.child_id!r}, {self.options.restart}>"


class Informed(Within[S_co]):
    """The address of a child, and what else its start function had to say: it answered `Informed(ref, info)`."""

    __slots__ = ("info",)

    def __init__(self, ref: Ref[S_co], info: object) -> None:
        super().__init__(ref, CALL_SECONDS)
        self.info = info


async def _called(function: Function, args: Arguments, kwargs: Keywords, parent: Process[Any] | None) -> Ref[Any]:
    # A start function of the user's own: it answers a reference, or raises as `start` does.
    name = getattr(function, "__name__", repr(function))
    try:
        answer = await cast(Awaitable[object], function(*args, **kwargs))
    except (StartError, *INTERRUPTIONS):
        raise
    except BaseException as error:  # whatever else it raises is the reason why there is no process
        if _ends_caller(error, parent):
            raise
        raise StartFailed(name, reason_of(error)) from error
    if isinstance(answer, StartError):
        raise answer
    process: Process[Any] | None = answer.find() if isinstance(answer, Ref) else None
    if process is None or not process.alive:
        raise StartFailed(name, TypeError(f"expected a start function to answer a running process, got {answer!r}"))
    process.parent = parent
    return cast("Ref[Any]", answer if isinstance(answer, Informed) else process)


def _ends_caller(error: BaseException, parent: Process[Any] | None) -> bool:
    # Whoever asked was cancelled or killed meanwhile; else the start function has raised this itself.
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is None or task.cancelling() > 0
    asking = None if parent is None else parent.worker
    return isinstance(error, GeneratorExit) and (asking is None or asking.is_closed)


def child(server: Callable[P, S_co], *args: P.args, **kwargs: P.kwargs) -> ChildSpec[S_co]:
    """A child whose server is made of these arguments, with the options that its class declares.

    A class declares them as in `class Cache(GenServer, restart="temporary")`.
    """
    # `Agent[int]` is no class, and means the same as `Agent` once the checker is through.
    kind: object = get_origin(server) or server
    if not isinstance(kind, type) or not issubclass(kind, GenServer):
        raise ValueError(
            f"expected a GenServer class, with its arguments after it as in child(Venue, 'Blue Note'), got {server!r}"
        )
    options = kind.__child__
    if options.start is None:
        return ChildSpec(kind, args, kwargs, options)
    start_function, own_args = options.start
    spec: ChildSpec[S_co] = ChildSpec(start_function, own_args, NOTHING, options)
    return spec if options.id is not None else spec.id(cast(Hashable, kind))


class HasChildSpec(Protocol):
    """What says itself how it is supervised, as `Task` does. Elixir's `child_spec/1`."""

    def child_spec(self, argument: Any, /) -> ChildSpec[Any]:
        """How to start the child that is made of this argument."""
        ...


ChildForm: TypeAlias = (
    "ChildSpec[Any] | type[GenServer] | tuple[type[GenServer] | HasChildSpec, object] | Mapping[str, object]"
)


def child_spec(form: ChildForm) -> ChildSpec[Any]:
    """The spec that is meant by a spec, a class, a `(class, argument)` pair, or a mapping with `id` and `start`.

    Raises:
        ValueError: it is none of these, or says something that makes no sense.
    """
    match form:
        case ChildSpec():
            return form
        case type():
            return child(form)
        case (kind, argument):
            return _from_pair(kind, argument)
        case Mapping():
            return _from_mapping(form)
        case _:
            raise ValueError(
                f"expected a child spec, a GenServer class, a (class, argument) pair or a mapping, got {form!r}"
            )


def _from_pair(kind: Any, argument: object) -> ChildSpec[Any]:
    if hasattr(kind, "child_spec") and not hasattr(kind, "__child__"):
        spec: ChildSpec[Any] = kind.child_spec(argument)
        return spec
    return child(kind, argument)


def _from_mapping(form: Mapping[str, Any]) -> ChildSpec[Any]:
    if "id" not in form:
        raise ValueError(f"expected a child spec with an id, got {dict(form)!r}")
    known = {field.name for field in fields(ChildOptions)} - {"start"}
    unknown = form.keys() - known - {"start", "name"}
    if unknown:
        raise ValueError(f"expected a child spec of id, start and options, got {', '.join(sorted(unknown))} as well")
    start = form.get("start")
    match start:
        case (function, (tuple() | list())) if callable(function):
            args: Any = start[1]
            options = ChildOptions(**{key: value for key, value in form.items() if key in known})
            return ChildSpec(function, tuple(args), {}, options, form.get("name"))
        case _:
            raise ValueError(f"expected start to be (a class or function, its arguments), got {start!r}")
