"""Casts that are handled many at a time.

    @dataclass
    class Plays(GenServer):
        total: int = 0

        @batched
        def played(self, seconds: list[int]) -> None:
            self.total += sum(seconds)

    plays.cast(Plays.played, 180)

Callers cast one item; the server gets a list of all items that were cast one right after the other while it was busy.
The order between casts, calls and other messages stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from greenroom.foundation.mailbox import NOTHING, Function, Mailbox, Message

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")

MARK: Final = "__batched__"


def batched(method: Callable[[S, list[T]], R]) -> Callable[[S, T], R]:
    """Mark a method that takes a list of items as the handler of casts of one item."""

    def one(server: S, item: T) -> R:
        return method(server, [item])

    one.__name__ = method.__name__
    one.__qualname__ = method.__qualname__
    one.__doc__ = method.__doc__
    setattr(one, MARK, method)
    return one


def merged(messages: Mailbox) -> Iterator[Message]:
    """The messages, where neighbours that cast to the same batched handler have become one."""
    whole: Function | None = None
    last: Function | None = None
    items: list[Any] = []
    for message in messages:
        function, args, _, waiter = message
        if function is last and whole is not None and waiter is None and len(args) == 1:
            items.append(args[0])
            continue
        if whole is not None:
            yield (whole, (items,), NOTHING, None)
        whole = getattr(function, MARK, None) if waiter is None and len(args) == 1 else None
        last = function
        if whole is None:
            yield message
        else:
            items = [args[0]]
    if whole is not None:
        yield (whole, (items,), NOTHING, None)
