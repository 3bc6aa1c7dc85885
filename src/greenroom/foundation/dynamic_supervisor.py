"""A supervisor whose children come and go at run time: one kind of restart, any number of children.

    venues = await DynamicSupervisor.start()
    venue = await venues.call(DynamicSupervisor.start_child, child(Venue, "Blue Note").named("blue-note"))

Its strategy is always one_for_one, and at the end all children are stopped at the same time, each with its own
limit. Like Elixir's `DynamicSupervisor`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeVar, cast, overload

from greenroom.foundation.child import ChildForm, ChildSpec, child_spec
from greenroom.foundation.child_report import report_child
from greenroom.foundation.errors import Ignored, Rejected, StartError, StartFailed
from greenroom.foundation.exits import SHUTDOWN, is_clean
from greenroom.foundation.genserver import GenServer
from greenroom.foundation.mailbox import NOTHING, Arguments
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Ref
from greenroom.foundation.restart import Intensity, comes_back, is_count
from greenroom.foundation.stopping import shut_down, shut_down_all
from greenroom.foundation.supervisor import LIMITS, ChildInfo, Counts, NoSuchChild, beginning, reason_of_start

S = TypeVar("S", bound=GenServer)


class TooManyChildren(StartError):
    """The supervisor has as many children as it may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"expected fewer than {limit} children, the limit of this supervisor")
        self.limit = limit


@dataclass
class DynamicSupervisor(GenServer, type="supervisor"):
    """Starts children on demand; `extra_arguments` come before each child's own.

    `strategy` and `auto_shutdown` have the one value that makes sense here, and refuse every other.
    """

    max_children: int | None = None
    max_restarts: int = 3
    max_seconds: float = 5.0
    extra_arguments: Arguments = ()
    strategy: Literal["one_for_one"] = "one_for_one"
    auto_shutdown: Literal["never"] = "never"
    __undoes__ = False
    _children: dict[Process[Any], ChildSpec[Any]] = field(
        default_factory=dict[Process[Any], ChildSpec[Any]], init=False, repr=False
    )
    # By the process that ended: its address still serves to give the child up.
    _restarting: dict[Process[Any], ChildSpec[Any]] = field(
        default_factory=dict[Process[Any], ChildSpec[Any]], init=False, repr=False
    )
    _intensity: Intensity = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _only("strategy", self.strategy, "one_for_one")
        _only("auto_shutdown", self.auto_shutdown, "never")
        if self.max_children is not None and not is_count(self.max_children):
            raise ValueError(f"expected max_children to be at least 0 or None, got {self.max_children!r}")
        if not isinstance(cast(object, self.extra_arguments), tuple):
            raise ValueError(f"expected extra_arguments to be a tuple, got {self.extra_arguments!r}")
        self._intensity = Intensity(self.max_restarts, self.max_seconds)

    async def init(self) -> None:
        """Hear of the parent's shutdown, to stop the children first."""
        self.trap_exit()

    async def terminate(self, reason: object) -> None:
        """Stop all children at the same time."""
        self._restarting.clear()
        await shut_down_all(self._children.items())

    def orphans(self) -> list[Process[Any]]:
        """The children, when the supervisor was killed."""
        return [*self._children, *beginning(self.__process__)]

    def __reconfigure__(self, made: Self, names: Collection[str]) -> None:
        """Take other settings, for the children that are there and those to come."""
        super().__reconfigure__(made, names)
        if LIMITS & set(names):
            self._intensity = made._intensity

    @overload
    async def start_child(self, form: ChildSpec[S] | type[S]) -> Ref[S] | StartError: ...
    @overload
    async def start_child(self, form: ChildForm) -> Ref[Any] | StartError: ...
    async def start_child(self, form: ChildForm) -> Ref[Any] | StartError:
        """Start a child.

        A name that is held answers `AlreadyStarted` with its holder, so that concurrent first calls meet in one.
        """
        try:
            spec = child_spec(form)
            if spec.options.significant:
                raise ValueError("expected a child of a DynamicSupervisor not to be significant")
        except ValueError as error:
            return StartFailed("child", error)
        if self.max_children is not None and len(self._children) + len(self._restarting) >= self.max_children:
            return TooManyChildren(self.max_children)
        return await self._start(spec)

    async def terminate_child(self, ref: Ref[Any]) -> NoSuchChild | None:
        """Stop the child and forget it; one that can not be restarted is given up, by the address that it had."""
        if not isinstance(cast(object, ref), Ref):
            raise Rejected(f"expected the Ref of a child, got {ref!r}")
        process: Any = ref.find()
        if self._restarting.pop(process, None) is not None:
            return None
        spec = self._children.pop(process, None)
        if spec is None:
            return NoSuchChild(ref)
        await shut_down(process, spec)
        return None

    async def which_children(self) -> list[ChildInfo]:
        """The children, in no order that means anything; they have no ids."""
        running = [
            ChildInfo(None, process, spec.options.type, spec.start_function) for process, spec in self._children.items()
        ]
        return running + [
            ChildInfo(None, "restarting", spec.options.type, spec.start_function) for spec in self._restarting.values()
        ]

    async def count_children(self) -> Counts:
        """How many there are of each kind; one that is being restarted is counted, but not as active."""
        specs = [*self._children.values(), *self._restarting.values()]
        supervisors = sum(spec.options.type == "supervisor" for spec in specs)
        return Counts(len(specs), len(self._children), supervisors, len(specs) - supervisors)

    def child_ended(self, child: Process[Any], reason: object) -> Awaitable[None] | None:
        """Start the child again if its type asks for it."""
        spec = self._children.pop(child, None)
        if spec is None:
            return None
        if comes_back(spec.options.restart, reason):
            return self._restart(child, spec, reason)
        if not is_clean(reason):
            report_child(self.__process__, spec, reason, "not restarted")
        return None

    async def _restart(self, child: Process[Any], spec: ChildSpec[Any], reason: object) -> None:
        if not self._intensity.allows(self.__process__.namespace.scheduler.clock.monotonic()):
            report_child(
                self.__process__, spec, reason, f"gave up after {self.max_restarts} restarts in {self.max_seconds:g} s"
            )
            self.stop(SHUTDOWN)
            return
        report_child(self.__process__, spec, reason, "restarting it")
        outcome = await self._start(spec)
        if isinstance(outcome, StartError) and not isinstance(outcome, Ignored):
            self._restarting[child] = spec
            # Through the mailbox, so that a shutdown or a question is heard between two tries.
            retry = (child, reason_of_start(outcome))
            self.__process__.put((DynamicSupervisor._try_again, retry, NOTHING, None))

    async def _try_again(self, child: Process[Any], reason: object) -> None:
        spec = self._restarting.pop(child, None)
        if spec is not None:
            await self._restart(child, spec, reason)

    async def _start(self, spec: ChildSpec[Any]) -> Ref[Any] | StartError:
        try:
            process = spec.start_at_once(self.__process__, self.extra_arguments)
            started = process or await spec.start_under(self.__process__, self.extra_arguments)
        except StartError as error:
            return error
        self._children[process or started.find()] = spec
        return started


def _only(what: str, value: object, choice: str) -> None:
    if value != choice:
        raise ValueError(f"expected {what} to be {choice}, got {value!r}")
