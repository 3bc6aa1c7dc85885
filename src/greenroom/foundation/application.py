"""Applications: a supervision tree with a name, started and stopped as a whole, and its settings.

    class Gigbook(Application):
        name = "gigbook"
        version = "1.0"
        defaults = {"capacity": 90}

        def tree(self) -> ChildSpec[Any]:
            return child(Supervisor, [child(Venue, "Blue Note", self.fetch("capacity"))], strategy="one_for_one")

    await application.start(Gigbook())
    await application.stop("gigbook")

Each namespace has applications of its own. Settings are for what a program decides before its tree is made; the tree
hands them down to its servers, which read none.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, cast, get_args

from greenroom.foundation.child import ChildSpec
from greenroom.foundation.errors import AlreadyStarted, GreenroomError, NotRunning, ServerDown, StartFailed
from greenroom.foundation.exits import FAULTS, SHUTDOWN, describe, is_clean, reason_of
from greenroom.foundation.function_process import spawn
from greenroom.foundation.namespace import current_namespace, namespace
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Ref
from greenroom.foundation.restart import RestartType, comes_back

logger = logging.getLogger("greenroom.application")

UNSET: Final = object()


class NoSetting(GreenroomError, LookupError):
    """A setting that is required has no value."""

    def __init__(self, name: str, key: str, *, known: bool) -> None:
        lacks = f"to have the setting {key!r}, got none" if known else f"to be loaded or configured, to read {key!r}"
        super().__init__(f"expected the application {name!r} {lacks}")
        self.key = key


@dataclass(frozen=True, slots=True)
class Description:
    """What an application is, in words."""

    name: str
    description: str
    version: str


class Application:
    """What belongs together in one tree: say its name, and make its tree."""

    name: ClassVar[str]
    description: ClassVar[str] = ""
    version: ClassVar[str] = ""
    defaults: ClassVar[Mapping[str, Any]] = {}
    needs: ClassVar[Sequence[type[Application]]] = ()
    """What is started first, if it does not run yet."""
    phases: ClassVar[Sequence[str]] = ()
    """What its start goes through once the tree is there, in this order."""

    def tree(self) -> ChildSpec[Any]:
        """The root of the tree; its settings are known by now."""
        raise NotImplementedError(f"expected {type(self).__name__} to have a tree")

    async def start_phase(self, phase: str) -> None:
        """Do one step of the start; what it raises stops the tree again."""

    async def prep_stop(self) -> None:
        """Do what comes before an orderly end, while everything still runs."""

    async def stopped(self) -> None:
        """Do what comes after the end, orderly or not."""

    def fetch(self, key: str) -> Any:
        """A setting of its own that is required; see `fetch`."""
        return fetch(self.name, key)

    def get(self, key: str, default: Any = None) -> Any:
        """A setting of its own; see `get`."""
        return get(self.name, key, default)


def load(application: Application) -> None:
    """Let its defaults be known, before it is started or without that."""
    _here().loaded[_named(application)] = application


async def start(application: Application, restart: RestartType = "temporary") -> Ref[Any]:
    """Start what it needs, then its tree, then go through its phases; answers the root.

    `restart` says what its end means for the other applications: with `permanent`, and with `transient` if it crashed,
    they are all stopped. What was started for one that does not start is stopped again. Starts at the same time that
    need the same application wait for it, and it starts once.

    Raises:
        AlreadyStarted: it runs.
        StartError: it, or what it needs, did not start.
        ValueError: applications need each other in a circle.
    """
    if restart not in get_args(RestartType):
        raise ValueError(f"expected restart to be one of {', '.join(get_args(RestartType))}, got {restart!r}")
    _refuse_circles(type(application), ())
    here, name = _here(), _named(application)
    async with here.turns[name]:
        if (running := here.running.get(name)) is not None:
            raise AlreadyStarted(name, running.root)
        return await _start(here, application, restart)


async def stop(name: str, timeout: float | None = None) -> None:
    """Stop its tree in good order: its `prep_stop`, the children in reverse, its `stopped`.

    A hook that fails is logged, and the stop goes on, as in OTP.

    Raises:
        NotRunning: it does not run.
        CallTimeout: the tree is not gone after `timeout` seconds.
    """
    here = _here()
    async with here.turns[name]:
        running = here.running.get(name)
        if running is None:
            raise NotRunning(name, "stop", timeout)
        await running.stop(timeout)


async def stop_all() -> None:
    """Stop all applications, the one that was started last first."""
    while running := _here().running:
        # One may have ended, or been stopped by another, before its turn came.
        with suppress(NotRunning):
            await stop(next(reversed(running)))


def started() -> list[Description]:
    """The applications that run, in the order of their start."""
    return [_describe(running.application) for running in _here().running.values()]


def loaded() -> list[Description]:
    """The applications that are known, running or not."""
    return [_describe(application) for application in _here().loaded.values()]


def description(name: str) -> Description | None:
    """What is known of an application; None when it is not loaded."""
    application = _here().loaded.get(name)
    return None if application is None else _describe(application)


def get(name: str, key: str, default: Any = None) -> Any:
    """A setting: what was put, the application's default, or the one given here."""
    value = _here().find(name, key)
    return default if value is UNSET else value


def fetch(name: str, key: str) -> Any:
    """A setting that is required.

    Raises:
        NoSetting: it has no value, or nothing is known of the application.
    """
    here = _here()
    value = here.find(name, key)
    if value is UNSET:
        raise NoSetting(name, key, known=name in here.loaded or name in here.settings)
    return value


def put(name: str, key: str, value: Any) -> None:
    """Set something for an application, loaded or not; before it starts, since nobody is told."""
    _here().settings.setdefault(name, {})[key] = value


def delete(name: str, key: str) -> None:
    """Forget what was put; the default is back."""
    _here().settings.get(name, {}).pop(key, None)


def settings(name: str) -> dict[str, Any]:
    """All settings of an application with their values."""
    here = _here()
    application = here.loaded.get(name)
    return {**({} if application is None else application.defaults), **here.settings.get(name, {})}


@dataclass(slots=True)
class Applications:
    """The applications of one namespace."""

    namespace: str
    loaded: dict[str, Application] = field(default_factory=dict[str, Application])
    running: dict[str, Running] = field(default_factory=dict[str, "Running"])
    settings: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    # One start or stop of an application at a time.
    turns: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    def find(self, name: str, key: str) -> Any:
        """The value of a setting, or UNSET."""
        put_here = self.settings.get(name, {})
        if key in put_here:
            return put_here[key]
        application = self.loaded.get(name)
        return UNSET if application is None else application.defaults.get(key, UNSET)

    async def start(self, application: Application, restart: RestartType) -> Ref[Any]:
        """Start the tree, look after it, and go through the phases."""
        name = application.name
        self.loaded[name] = application
        root = await _tree_of(application).start()
        try:
            for phase in application.phases:
                await application.start_phase(phase)
                if not root.alive:
                    raise RuntimeError(f"expected the tree of {name} to outlive the phase {phase!r}, and it ended")
        except BaseException as error:
            await _end(root)
            if isinstance(error, FAULTS):
                raise StartFailed(name, reason_of(error)) from error
            raise
        running = self.running[name] = Running(self, application, root, restart)
        running.watch()
        return root


@dataclass(eq=False, slots=True)
class Running:
    """An application that runs."""

    among: Applications
    application: Application
    root: Ref[Any]
    restart: RestartType
    stopping: bool = False
    # Whether its tree was told to end: that is no end by itself, even if whoever asked has given up waiting.
    asked: bool = False

    def watch(self) -> None:
        """Hear of the end of the tree, if it does not wait to be stopped."""
        process = cast("Process[Any]", self.root.find())
        process.tie().tell(self, self._over)

    async def stop(self, timeout: float | None) -> None:
        """Stop the tree in good order."""
        self.stopping = True
        try:
            await _heed(self.application.prep_stop)
            self.asked = True
            await _end(self.root, timeout)
        except BaseException:  # whoever stops it gave up
            self.stopping = False
            if not self.root.alive:
                self._leave(ends_all=False)
            raise
        self._forget()
        await _heed(self.application.stopped)

    def _forget(self) -> None:
        self.among.running.pop(self.application.name, None)

    def _over(self, _: object, reason: object) -> None:
        if self.stopping:
            return
        ends_all = not self.asked and comes_back(self.restart, reason)
        level = logging.INFO if is_clean(reason) else logging.ERROR
        logger.log(level, "application %s ended: %s", self.application.name, describe(reason))
        self._leave(ends_all=ends_all)

    def _leave(self, *, ends_all: bool) -> None:
        self._forget()
        # Not in the namespace of whoever brought the end about.
        with namespace(self.among.namespace):
            spawn(_afterwards, self.application, ends_all)


async def _afterwards(application: Application, ends_all: bool) -> None:
    await _heed(application.stopped)
    if ends_all:
        await stop_all()


async def _start(here: Applications, application: Application, restart: RestartType) -> Ref[Any]:
    begun: list[str] = []
    try:
        for needed in application.needs:
            try:
                await start(needed())
                begun.append(needed.name)
            except AlreadyStarted:
                if needed.name not in here.running:
                    raise
        return await here.start(application, restart)
    except (*FAULTS, asyncio.CancelledError):  # whatever prevents the start
        for name in reversed(begun):
            with suppress(NotRunning):
                await stop(name)
        raise


async def _end(root: Ref[Any], timeout: float | None = None) -> None:
    # It may have ended by itself meanwhile.
    with suppress(NotRunning, ServerDown):
        await root.stop(SHUTDOWN, timeout)


async def _heed(hook: Callable[[], Awaitable[None]]) -> None:
    try:
        await hook()
    except FAULTS:  # whatever a hook does wrong must not leave the rest running
        logger.exception("%s failed, and the stop goes on", getattr(hook, "__qualname__", hook))


def _tree_of(application: Application) -> ChildSpec[Any]:
    try:
        tree = application.tree()
    except FAULTS as error:  # the reason why there is no tree
        raise StartFailed(application.name, reason_of(error)) from error
    if not isinstance(cast(object, tree), ChildSpec):
        got = TypeError(f"expected the tree of an application to be a child spec, as child(...) makes, got {tree!r}")
        raise StartFailed(application.name, got)
    return tree


def _named(application: object) -> str:
    if not isinstance(application, Application):
        raise TypeError(f"expected an application, as in start(Club()), got {application!r}")
    name: object = getattr(application, "name", None)
    if not isinstance(name, str):
        raise TypeError(f"expected {type(application).__name__} to have a name, as in name = 'club', got {name!r}")
    return name


def _refuse_circles(kind: type[Application], path: tuple[type[Application], ...]) -> None:
    if kind in path:
        names = " -> ".join(each.name for each in (*path[path.index(kind) :], kind))
        raise ValueError(f"expected applications that do not need each other, got {names}")
    for needed in getattr(kind, "needs", ()):
        _refuse_circles(needed, (*path, kind))


def _describe(application: Application) -> Description:
    return Description(application.name, application.description, application.version)


def _here() -> Applications:
    here = current_namespace()
    found: Applications | None = here.holdings.get(Applications)
    if found is None:
        found = here.holdings[Applications] = Applications(here.name)
    return found
