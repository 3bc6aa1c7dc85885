"""Starting a process: the name is taken, `init` runs, and only then does the starter go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greenroom.foundation import telemetry
from greenroom.foundation.answering import INTERRUPTIONS
from greenroom.foundation.errors import StartFailed
from greenroom.foundation.exits import reason_of
from greenroom.foundation.limited_process import LimitedProcess
from greenroom.foundation.mailbox import NOTHING, Arguments, Function, Keywords
from greenroom.foundation.mailbox_limit import MailboxLimit
from greenroom.foundation.namespace import Name, Namespace, current_namespace
from greenroom.foundation.process import Process
from greenroom.foundation.report import report_start
from greenroom.foundation.server import Server
from greenroom.foundation.worker import current_worker


async def launch(
    factory: Function,
    args: Arguments,
    kwargs: Keywords,
    *,
    name: Name | None = None,
    parent: Process[Any] | None = None,
    link: bool = False,
    seconds: float | None = None,
    limit: MailboxLimit | None = None,
) -> Process[Any]:
    """Start a process whose server is `factory(*args, **kwargs)`, under a name and linked to the caller if asked.

    Raises:
        AlreadyStarted: the name is held.
        StartFailed: the constructor or `init` raised, stopped, or `init` took more than `seconds`.
        Ignored: `init` declined.
        ValueError: the name is none of the accepted forms.
    """
    process = made(factory, args, kwargs, name=name, parent=parent, link=link, limit=limit)
    if "init" in process.server.__hooks__:
        await process.begin(seconds)
    else:
        process.settle()
    if telemetry.bus.listening and process.alive:
        report_start(process)
    return process


def launch_at_once(
    factory: Function,
    args: Arguments,
    kwargs: Keywords,
    name: Name | None,
    parent: Process[Any],
    limit: MailboxLimit | None,
) -> Process[Any]:
    """Start a child whose class has no `init`, so that there is nothing to wait for; see `launch`."""
    process = made(factory, args, kwargs, name=name, parent=parent, link=False, limit=limit)
    process.settle()
    if telemetry.bus.listening:
        report_start(process)
    return process


def made(
    factory: Function,
    args: Arguments,
    kwargs: Keywords,
    *,
    name: Name | None,
    parent: Process[Any] | None,
    link: bool,
    limit: MailboxLimit | None,
) -> Process[Any]:
    """A process that has its name, its parent and its link, and has not run yet."""
    namespace = current_namespace() if parent is None else parent.namespace
    try:
        server: Any = factory(*args, **kwargs)
    except INTERRUPTIONS:
        raise
    except BaseException as error:  # whatever else a constructor raises is the reason why there is no process
        raise StartFailed(getattr(factory, "__name__", repr(factory)), _explained(factory, error)) from error
    if not isinstance(server, Server):
        raise StartFailed(repr(factory), TypeError(f"expected a server, got {server!r}"))
    limit = limit or server.__mailbox__
    process: Process[Any] = (
        Process(server, namespace, name) if limit is None else LimitedProcess(server, namespace, name, limit)
    )
    # From the beginning: a process that ends as soon as its `init` is through has to be missed by its parent.
    process.parent = parent
    if name is not None:
        take_name(namespace, name, process)
    namespace.processes.add(process)
    if link:
        _link_to_starter(process)
    return process


def _explained(factory: Function, error: BaseException) -> object:
    # What everyone forgets once.
    own: Mapping[str, object] = vars(factory) if isinstance(factory, type) else NOTHING
    if isinstance(error, TypeError) and "__annotations__" in own and "__init__" not in own:
        return TypeError(f"{error}; put @dataclass before the class, to make its fields arguments")
    return reason_of(error)


def take_name(namespace: Namespace, name: Name, process: Process[Any]) -> None:
    """Register the process before anything of it runs.

    Raises:
        AlreadyStarted: the name is held.
        StartFailed: it can not be registered, and the process is a child.
        ValueError, TypeError: it can not be registered.
    """
    try:
        namespace.register(name, process)
    except (ValueError, TypeError) as error:
        if process.parent is None:
            raise
        # The registry of the name does not run, its keys are not unique, or the name has no hash: no reason for a
        # supervisor to crash.
        raise StartFailed(type(process.server).__name__, error) from error


def _link_to_starter(process: Process[Any]) -> None:
    worker = current_worker()
    starter: Any = None if worker is None else worker.process
    if starter is not None:
        process.tie().starter = starter
        process.link(starter)
