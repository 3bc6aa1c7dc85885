"""The rules of restarting: which children, and how often. Pure, with the time passed in. After OTP's `supervisor`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import dropwhile
from typing import Literal, TypeAlias, TypeVar, get_args

from greenroom.foundation.exits import is_clean
from greenroom.foundation.mailbox_limit import MailboxLimit
from greenroom.foundation.seconds import is_seconds, limit_of

Strategy: TypeAlias = Literal["one_for_one", "one_for_all", "rest_for_one"]
RestartType: TypeAlias = Literal["permanent", "transient", "temporary"]
AutoShutdown: TypeAlias = Literal["never", "any_significant", "all_significant"]

Shutdown: TypeAlias = "float | Literal['brutal_kill', 'infinity']"
ChildType: TypeAlias = Literal["worker", "supervisor"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildOptions:
    """How a supervisor treats a child.

    `id` None stands for the server's class, `shutdown` None for the type's default. `start` is a function that the
    class has for it, with its arguments, in place of the class and those that a child is given.
    """

    id: Hashable = None
    restart: RestartType = "permanent"
    shutdown: Shutdown | None = None
    type: ChildType = "worker"
    significant: bool = False
    timeout: float | None = None
    start: tuple[Callable[..., object], tuple[object, ...]] | None = None
    mailbox: MailboxLimit | None = None

    def __post_init__(self) -> None:
        if self.restart not in get_args(RestartType):
            raise ValueError(f"expected restart to be one of {', '.join(get_args(RestartType))}, got {self.restart!r}")
        if self.type not in get_args(ChildType):
            raise ValueError(f"expected type to be worker or supervisor, got {self.type!r}")
        if self.shutdown is not None and not is_shutdown(self.shutdown):
            raise ValueError(f"expected shutdown to be seconds, 'brutal_kill' or 'infinity', got {self.shutdown!r}")
        if self.timeout is not None:
            object.__setattr__(self, "timeout", limit_of("the time for init", self.timeout))
        if self.significant and self.restart == "permanent":
            raise ValueError("expected a significant child to be transient or temporary, got a permanent one")


def is_shutdown(value: object) -> bool:
    """Whether this says how long a process has to stop."""
    if isinstance(value, str):
        return value in ("brutal_kill", "infinity")
    return is_seconds(value)


def is_count(value: object) -> bool:
    """Whether this is a number of things."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


class Intensity:
    """At most `restarts` within `seconds`, counted for a supervisor as a whole."""

    __slots__ = ("_times", "restarts", "seconds")

    def __init__(self, restarts: int, seconds: float) -> None:
        if not is_count(restarts):
            raise ValueError(f"expected max_restarts to be an integer of at least 0, got {restarts!r}")
        if not is_seconds(seconds) or seconds == 0:
            raise ValueError(f"expected max_seconds to be seconds, more than 0, got {seconds!r}")
        self.restarts = restarts
        self.seconds = seconds
        self._times: deque[float] = deque()

    def allows(self, now: float) -> bool:
        """Count one more restart at this monotonic time; False when it is one too many."""
        times = self._times
        times.append(now)
        while times[0] < now - self.seconds:
            times.popleft()
        return len(times) <= self.restarts


def comes_back(restart: RestartType, reason: object) -> bool:
    """Whether a child of this type that ended for this reason is started again."""
    return restart == "permanent" or (restart == "transient" and not is_clean(reason))


def casualties(strategy: Strategy, children: Iterable[T], failed: T) -> Sequence[T]:
    """The children to restart, in start order, when `failed` ends."""
    match strategy:
        case "one_for_one":
            return [failed]
        case "rest_for_one":
            return list(dropwhile(lambda child: child != failed, children))
        case "one_for_all":
            return list(children)
