"""Supervisors: what starts children in order, restarts those that crash, and stops all in reverse order.

    tree = await Supervisor.start(
        [child(Database, url).named("database"), child(Venues).named("venues")],
        strategy="rest_for_one",
    )

Strategies, intensity, restart types and shutdown are OTP's (`supervisor.erl`). A restart that fails is tried again
through the mailbox, so that the supervisor still answers in between; each try counts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self, TypeAlias, TypeVar, cast, get_args, overload

from greenroom.foundation.child import ChildForm, ChildSpec, child_spec
from greenroom.foundation.child_report import report_child
from greenroom.foundation.errors import AlreadyStarted, Ignored, StartError, StartFailed
from greenroom.foundation.exits import SHUTDOWN, Shutdown, is_clean
from greenroom.foundation.genserver import GenServer
from greenroom.foundation.mailbox import NOTHING
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Ref
from greenroom.foundation.restart import AutoShutdown, ChildType, Intensity, Strategy, casualties, comes_back
from greenroom.foundation.stopping import shut_down

S = TypeVar("S", bound=GenServer)

State: TypeAlias = "Process[Any] | Literal['restarting'] | None"


@dataclass(frozen=True, slots=True)
class ChildInfo:
    """One child as a supervisor sees it: `ref` is None when it does not run, `"restarting"` while it can not."""

    id: Hashable
    ref: Ref[Any] | Literal["restarting"] | None
    type: ChildType
    server: object


@dataclass(frozen=True, slots=True)
class Counts:
    """How many children are specified, run, and are of either type."""

    specs: int
    active: int
    supervisors: int
    workers: int


@dataclass(frozen=True, slots=True)
class NoSuchChild:
    """No child has this id."""

    id: Hashable


@dataclass(frozen=True, slots=True)
class ChildRunning:
    """The child runs, or is being restarted; terminate it first."""

    id: Hashable
    restarting: bool = False


@dataclass(frozen=True, slots=True)
class FailedChild:
    """Which child did not start, and why: what a supervisor says that did not start itself."""

    id: Hashable
    reason: object


class AlreadyPresent(StartError):
    """A child with this id is known but does not run; restart it, or delete it first."""

    def __init__(self, child_id: Hashable) -> None:
        super().__init__(f"expected a new child id, got {child_id!r}, which is known and not running")
        self.id = child_id


LIMITS: Final = frozenset({"max_restarts", "max_seconds"})
"""The settings with which the restarts up to now are forgotten."""


class Child:
    """A spec, and the process that was made of it."""

    __slots__ = ("process", "spec")

    def __init__(self, spec: ChildSpec[Any]) -> None:
        self.spec = spec
        self.process: State = None


@dataclass
class Supervisor(GenServer, type="supervisor"):
    """Keeps a fixed list of children alive, by a strategy, within `max_restarts` in `max_seconds`."""

    children: Sequence[ChildForm] = ()
    strategy: Strategy = field(kw_only=True)
    max_restarts: int = 3
    max_seconds: float = 5.0
    auto_shutdown: AutoShutdown = "never"
    __undoes__ = False
    _children: dict[Hashable, Child] = field(default_factory=dict[Hashable, Child], init=False, repr=False)
    _intensity: Intensity = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _one_of("strategy", self.strategy, Strategy)
        _one_of("auto_shutdown", self.auto_shutdown, AutoShutdown)
        if isinstance(self.children, (str, Mapping, Iterator)) or not isinstance(cast(object, self.children), Iterable):
            raise ValueError(f"expected children to be a list of them, got {self.children!r}")
        self._intensity = Intensity(self.max_restarts, self.max_seconds)

    def specs(self) -> Iterable[ChildForm]:
        """The children to start with; a subclass may compute them from its fields."""
        return self.children

    async def init(self) -> None:
        """Start the children in order; if one fails, stop those before it and do not start."""
        self.trap_exit()
        for form in self.specs():
            spec = self._spec(form)
            if spec.child_id in self._children:
                raise ValueError(
                    f"expected each child to have an id of its own, got {spec.child_id!r} twice: "
                    "give them names with .named(...), or ids with .id(...)"
                )
            self._children[spec.child_id] = Child(spec)
        failure = await self._start_all(list(self._children.values()))
        if failure is not None:
            await self._stop_all(list(self._children.values()))
            self.stop(Shutdown(failure))

    async def terminate(self, reason: object) -> None:
        """Stop the children, the last one first."""
        await self._stop_all(list(self._children.values()))

    def orphans(self) -> list[Process[Any]]:
        """The children, when the supervisor was killed."""
        running = [child.process for child in self._children.values() if isinstance(child.process, Process)]
        return running + beginning(self.__process__)

    def __reconfigure__(self, made: Self, names: Collection[str]) -> None:
        """Take other settings, and other specs for children; those that are new are not started."""
        specs = [made._spec(form) for form in made.specs()]
        super().__reconfigure__(made, names)
        if LIMITS & set(names):
            self._intensity = made._intensity
        for spec in specs:
            known = self._children.setdefault(spec.child_id, Child(spec))
            known.spec = spec

    @overload
    async def start_child(self, form: ChildSpec[S] | type[S]) -> Ref[S] | StartError: ...
    @overload
    async def start_child(self, form: ChildForm) -> Ref[Any] | StartError: ...
    async def start_child(self, form: ChildForm) -> Ref[Any] | StartError:
        """Add a child and start it; its spec is kept unless the start fails."""
        try:
            spec = self._spec(form)
        except ValueError as error:
            return StartFailed("child", error)
        known = self._children.get(spec.child_id)
        if known is not None:
            running = isinstance(known.process, Process)
            return AlreadyStarted(spec.child_id, known.process) if running else AlreadyPresent(spec.child_id)
        child = Child(spec)
        outcome = await self._start(child)
        if isinstance(outcome, Ref) or (isinstance(outcome, Ignored) and spec.options.restart != "temporary"):
            self._children[spec.child_id] = child
        return outcome

    async def terminate_child(self, child_id: Hashable) -> NoSuchChild | None:
        """Stop a child and keep its spec, unless it is temporary."""
        child = self._known(child_id)
        if child is None:
            return NoSuchChild(child_id)
        await self._stop(child)
        self._forgets(child)
        return None

    async def restart_child(self, child_id: Hashable) -> Ref[Any] | StartError | NoSuchChild | ChildRunning:
        """Start a child again that was terminated."""
        child = self._known(child_id)
        if child is None:
            return NoSuchChild(child_id)
        if child.process is not None:
            return ChildRunning(child_id, child.process == "restarting")
        return await self._start(child)

    async def delete_child(self, child_id: Hashable) -> NoSuchChild | ChildRunning | None:
        """Forget the spec of a child that does not run."""
        child = self._known(child_id)
        if child is None:
            return NoSuchChild(child_id)
        if child.process is not None:
            return ChildRunning(child_id, child.process == "restarting")
        del self._children[child_id]
        return None

    async def which_children(self) -> list[ChildInfo]:
        """The children in start order."""
        return [
            ChildInfo(child_id, child.process, child.spec.options.type, child.spec.start_function)
            for child_id, child in self._children.items()
        ]

    async def count_children(self) -> Counts:
        """How many there are of each kind."""
        children = list(self._children.values())
        supervisors = sum(child.spec.options.type == "supervisor" for child in children)
        active = sum(isinstance(child.process, Process) for child in children)
        return Counts(len(children), active, supervisors, len(children) - supervisors)

    def child_ended(self, child: Process[Any], reason: object) -> Awaitable[None] | None:
        """Decide what the end of a child means: nothing, a restart, or the end of the supervisor."""
        for found in self._children.values():
            if found.process is child:
                break
        else:
            return None
        found.process = None
        if comes_back(found.spec.options.restart, reason):
            return self._restart(found, reason)
        self._forgets(found)
        if not is_clean(reason):
            report_child(self.__process__, found.spec, reason, "not restarted")
        if found.spec.options.significant and self._is_over():
            self.stop(SHUTDOWN)
        return None

    def _is_over(self) -> bool:
        if self.auto_shutdown != "all_significant":
            return self.auto_shutdown == "any_significant"
        return not any(
            child.spec.options.significant and child.process is not None for child in self._children.values()
        )

    def _restart(self, failed: Child, reason: object) -> Awaitable[None] | None:
        if not self._intensity.allows(self.__process__.namespace.scheduler.clock.monotonic()):
            report_child(
                self.__process__,
                failed.spec,
                reason,
                f"gave up after {self.max_restarts} restarts in {self.max_seconds:g} s",
            )
            self.stop(SHUTDOWN)
            return None
        group = casualties(self.strategy, self._children.values(), failed)
        report_child(
            self.__process__,
            failed.spec,
            reason,
            "restarting it" if len(group) == 1 else f"restarting {len(group)} children",
        )
        return None if len(group) == 1 and self._replace_at_once(failed) else self._replace(group)

    def _replace_at_once(self, child: Child) -> bool:
        try:
            child.process = child.spec.start_at_once(self.__process__)
        except StartError as error:
            self._retry(FailedChild(child.spec.child_id, reason_of_start(error)))
        return child.process is not None

    async def _replace(self, group: Sequence[Child]) -> None:
        if len(group) > 1:
            await self._stop_all(group)
            group = [child for child in group if not self._forgets(child)]
        failure = await self._start_all(group)
        if failure is not None:
            self._retry(failure)

    def _retry(self, failure: FailedChild) -> None:
        self._children[failure.id].process = "restarting"
        # Through the mailbox, so that a shutdown or a question is heard between two tries.
        self.__process__.put((Supervisor._try_again, (failure,), NOTHING, None))

    async def _try_again(self, failure: FailedChild) -> None:
        child = self._children.get(failure.id)
        if child is not None and child.process == "restarting":
            child.process = None
            restart = self._restart(child, failure.reason)
            if restart is not None:
                await restart

    def _spec(self, form: ChildForm) -> ChildSpec[Any]:
        spec = child_spec(form)
        if spec.options.significant and self.auto_shutdown == "never":
            raise ValueError("expected no significant child where auto_shutdown is never, got one")
        if not is_hashable(spec.child_id):
            raise ValueError(f"expected a child id that can be hashed, got {spec.child_id!r}")
        return spec

    def _known(self, child_id: Hashable) -> Child | None:
        return self._children.get(child_id) if is_hashable(child_id) else None

    def _forgets(self, child: Child) -> bool:
        # A temporary child does not come back, and its id is free as soon as it does not run.
        temporary = child.spec.options.restart == "temporary"
        if temporary:
            self._children.pop(child.spec.child_id, None)
        return temporary

    async def _start_all(self, children: Sequence[Child]) -> FailedChild | None:
        for child in children:
            outcome = await self._start(child)
            if isinstance(outcome, StartError):
                if not isinstance(outcome, Ignored):
                    return FailedChild(child.spec.child_id, reason_of_start(outcome))
                self._forgets(child)
        return None

    async def _start(self, child: Child) -> Ref[Any] | StartError:
        try:
            started = await child.spec.start_under(self.__process__)
        except StartError as error:
            return error
        child.process = started.find()
        return started

    async def _stop_all(self, children: Sequence[Child]) -> None:
        for child in reversed(children):
            await self._stop(child)

    async def _stop(self, child: Child) -> None:
        process, child.process = child.process, None
        if isinstance(process, Process):
            await shut_down(process, child.spec)


def beginning(supervisor: Process[Any]) -> list[Process[Any]]:
    """The child whose `init` the supervisor waits for, if it does: it is among the children only afterwards."""
    worker = supervisor.worker
    awaited = worker.calling if worker is not None and worker.process is supervisor else None
    if awaited is None or awaited.parent is not supervisor:
        return []
    return [awaited] if awaited.control is not None and awaited.control.starting else []


def reason_of_start(error: StartError) -> object:
    """The reason in a failed start, for whom the error itself says too much."""
    return error.reason if isinstance(error, StartFailed) else error


def is_hashable(value: object) -> bool:
    """Whether it can be a key: a tuple is hashable only if what is in it is."""
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _one_of(what: str, value: object, choices: object) -> None:
    allowed = get_args(choices)
    if value not in allowed:
        raise ValueError(f"expected {what} to be one of {', '.join(allowed)}, got {value!r}")
