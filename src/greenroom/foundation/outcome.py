"""How a task ended, and the errors of those who wait for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from greenroom.foundation.errors import CallError, CallTimeout, GreenroomError, ServerDown
from greenroom.foundation.exits import describe

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done(Generic[T_co]):
    """The task answered. OTP's `{ok, Value}`."""

    value: T_co


@dataclass(frozen=True, slots=True)
class Exited:
    """The task ended without an answer, for this reason. OTP's `{exit, Reason}`."""

    reason: object


Outcome: TypeAlias = Done[T] | Exited


class TaskDown(ServerDown):
    """The task ended before it answered; `reason` is its exit reason."""

    def __init__(self, task: object, method: str, seconds: float | None, reason: object) -> None:
        CallError.__init__(self, f"{task} ended before it answered: {describe(reason)}", task, method, seconds)
        self.reason = reason


class TaskTimeout(CallTimeout):
    """The task did not answer in time, or never will, since it was awaited, ignored or shut down before.

    It runs on unless it was killed; its answer goes nowhere.
    """

    def __init__(self, task: object, method: str, seconds: float | None, *, spent: bool = False) -> None:
        limit = "in time" if seconds is None else f"within {seconds:g} s"
        message = f"expected {task} to answer {limit}"
        if spent:
            message = f"expected a task that still has an answer to give, got {task}"
        CallError.__init__(self, message, task, method, seconds)


class NotOwner(GreenroomError, ValueError):
    """Only who started a task may wait for it, ignore it or shut it down."""

    def __init__(self, task: object, owner: object, asker: object) -> None:
        super().__init__(
            f"expected {task} to be asked for by its owner {owner}, got {asker}; "
            "asyncio.gather and wait_for ask in tasks of their own: use Task.await_many and await_(seconds)"
        )
