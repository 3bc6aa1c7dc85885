"""The process of a task: it runs one function, gives the answer to whoever waits for it, and ends."""

from __future__ import annotations

from typing import Any, Final, Generic, Protocol, Self, TypeAlias, TypeVar

from greenroom.foundation.child import ChildSpec
from greenroom.foundation.function_process import Body, FunctionProcess, checked_function
from greenroom.foundation.mailbox import Arguments, Function, Keywords
from greenroom.foundation.namespace import Name, current_namespace
from greenroom.foundation.owner import Owner, current_owner, link_to, running_owner
from greenroom.foundation.process import Process
from greenroom.foundation.redaction import arguments_of, named_in_short, without_secrets
from greenroom.foundation.restart import ChildOptions
from greenroom.foundation.start import take_name

R = TypeVar("R")

Callers: TypeAlias = tuple[Owner, ...]
"""Who asked for a task, who asked for that one, and so on."""

TEMPORARY: Final = ChildOptions(restart="temporary")


class Client(Protocol):
    """Who waits for a task."""

    def begun(self, process: Process[Any]) -> None:
        """Take the process, before its function runs."""
        ...

    def answered(self, value: Any) -> None:
        """Take what the function returned; the process ends right after."""
        ...


class TaskBody(Body):
    """What the process of a task runs."""

    __slots__ = ("callers", "client")

    def __init__(
        self, function: Function, args: Arguments, kwargs: Keywords, callers: Callers, client: Client | None
    ) -> None:
        super().__init__(function, args, kwargs)
        self.callers = callers
        self.client = client

    def __about__(self, last: object, reason: object) -> dict[str, object]:
        """Which task it is: who started it, and what it ran."""
        started = {"started by": self.callers[0]} if self.callers else {}
        given = without_secrets(arguments_of(self._function, self._args, self._kwargs, receiver=()))
        return {**started, "function": self.title, "arguments": named_in_short(given)}

    def begun(self) -> None:
        """Tell the client."""
        if self.client is not None:
            self.client.begun(self.__process__)

    def returned(self, value: Any) -> None:
        """Tell the client."""
        if self.client is not None:
            self.client.answered(value)


class TaskSpec(ChildSpec[object], Generic[R]):
    """How to start a task whose function answers an R: a `ChildSpec`, temporary unless it says otherwise."""

    __slots__ = ("callers", "client")

    def __init__(
        self,
        start_function: Function,
        args: Arguments,
        kwargs: Keywords,
        options: ChildOptions = TEMPORARY,
        name: Name | None = None,
    ) -> None:
        super().__init__(checked_function(start_function), args, kwargs, options, name)
        self.callers = callers_here()
        self.client: Client | None = None

    def of(self, callers: Callers, client: Client) -> Self:
        """The same task, for those who asked for it, and for whoever waits for its answer."""
        spec = self._copy(self.options, self.name)
        spec.callers = callers
        spec.client = client
        return spec

    async def _launch(
        self, parent: Process[Any] | None, *, link: bool = False, extra: Arguments = ()
    ) -> Process[object]:
        body = TaskBody(self.start_function, extra + self.args, self.kwargs, self.callers, self.client)
        process = begin(body, parent, self.name)
        if link:
            link_to(process, current_owner("start_link"))
        return process

    def _copy(self, options: ChildOptions, name: Name | None) -> Self:
        spec = type(self)(self.start_function, self.args, self.kwargs, options, name)
        spec.callers = self.callers
        spec.client = self.client
        return spec


def begin(body: TaskBody, parent: Process[Any] | None = None, name: Name | None = None) -> FunctionProcess:
    """Start a process of the body; its function runs in the next turn.

    Raises:
        AlreadyStarted: the name is held.
        StartFailed: it can not be registered, and the task is a child.
    """
    namespace = current_namespace() if parent is None else parent.namespace
    process = FunctionProcess(body, namespace, name)
    process.parent = parent
    if name is not None:
        take_name(namespace, name, process)
    process.start()
    return process


def chain(owner: Owner) -> Callers:
    """The owner, and who asked for it if it is a task itself."""
    body = owner.server if isinstance(owner, Process) else None
    return (owner, *body.callers) if isinstance(body, TaskBody) else (owner,)


def callers_here() -> Callers:
    """Whoever asks right now, and for whom; nobody where no task runs."""
    owner = running_owner()
    return () if owner is None else chain(owner)
