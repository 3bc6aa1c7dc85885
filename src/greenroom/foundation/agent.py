"""Agents: processes that hold one value, and nothing else.

    counter = await Agent[int].start(lambda: 0)
    await counter.call(Agent[int].update, lambda count: count + 1)
    assert await counter.call(Agent[int].get, lambda count: count) == 1

The functions run in the agent, one at a time, and are plain ones; one that raises is a crash of the agent. Write a
server instead as soon as the value has rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from greenroom.foundation.errors import Rejected
from greenroom.foundation.genserver import GenServer
from greenroom.foundation.mailbox import COROUTINE

T = TypeVar("T")
R = TypeVar("R")


@dataclass
class Agent(GenServer, Generic[T]):
    """Holds what `initial` answers, which runs when the agent starts: a failure there is a failed start."""

    initial: Callable[[], T]
    value: T = field(init=False)

    async def init(self) -> None:
        """Make the value."""
        self.value = _plain(self.initial())

    async def get(self, function: Callable[[T], R]) -> R:
        """Answer what the function makes of the value."""
        return _plain(function(self.value))

    async def update(self, function: Callable[[T], T]) -> None:
        """Replace the value by what the function makes of it; works as a cast too."""
        self.value = _plain(function(self.value))

    async def get_and_update(self, function: Callable[[T], tuple[R, T]]) -> R:
        """Answer the first of what the function makes of the value, and replace the value by the second."""
        pair = cast(object, _plain(function(self.value)))
        if not isinstance(pair, tuple) or len(cast("tuple[object, ...]", pair)) != 2:
            # What has two parts, as a list or a word of two letters, would be taken apart just as well.
            raise TypeError(f"expected a pair of the answer and the next value, got {pair!r}")
        answer, self.value = cast("tuple[R, T]", pair)
        return answer


def _plain(outcome: R) -> R:
    made: Any = outcome
    if isinstance(made, COROUTINE):
        # Else it would be the value from now on, and nobody would await it.
        made.close()
        raise Rejected("expected a plain function for an agent, got one that is async")
    return outcome
