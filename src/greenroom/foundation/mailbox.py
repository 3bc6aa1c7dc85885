"""What waits for a process, and the states of its mailbox.

A message names what will run on the server: the function, its arguments, and who waits for the answer. A mailbox is
made when the first message has to wait and goes when the last was handled, so an idle process has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import CoroutineType
from typing import Any, Final, TypeAlias

# The arguments of handlers are as various as the handlers: checked where `Ref.call` is typed, opaque from there on.
Function: TypeAlias = Callable[..., Any]
Arguments: TypeAlias = tuple[object, ...]
Keywords: TypeAlias = Mapping[str, object]
Waiter: TypeAlias = "asyncio.Future[Any]"
Message: TypeAlias = "tuple[Function, Arguments, Keywords, Waiter | None]"

# For `isinstance` on the outcome of a handler, which may be anything: a checker would make half a type of it.
COROUTINE: Final[Any] = CoroutineType

NOTHING: Final[dict[str, object]] = {}


class Mailbox(list["Message"]):
    """Messages in the order they came."""

    __slots__ = ()


class Shared(Mailbox):
    """Messages that wait for many processes, in place of a mailbox for each: what an `Audience` was told.

    As a list it is empty, so that nobody takes it for a mailbox of one process.
    """

    __slots__ = ("events",)

    def __init__(self, event: object) -> None:
        self.events = [event]


# A process's queue is None while it is idle, one of these while it has a state but no message, else a mailbox of its
# own or a shared one.
BUSY: Final = Mailbox()
RESTING: Final = Mailbox()
CLOSED: Final = Mailbox()
