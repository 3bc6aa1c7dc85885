"""An answer that comes later."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")


class Reply(Generic[T]):
    """Returned by a handler instead of the answer; whoever holds it answers with `send` or `fail`.

    The server goes on with its mailbox meanwhile, and one reply may answer several callers. The first outcome counts,
    later ones are dropped. If the server stops before, its callers get `ServerDown`.
    """

    __slots__ = ("_error", "_value", "_waiters", "done")

    def __init__(self) -> None:
        self.done = False
        self._value: T | None = None
        self._error: BaseException | None = None
        self._waiters: dict[asyncio.Future[T], None] | None = None

    @staticmethod
    def of(value: U) -> Reply[U]:
        """A reply that is already there."""
        reply = Reply[U]()
        reply.send(value)
        return reply

    def send(self, value: T) -> None:
        """Answer with the value."""
        if not self.done:
            self.done = True
            self._value = value
            if self._waiters:
                self._tell(self._waiters)

    def fail(self, error: BaseException) -> None:
        """Answer by raising the error at the caller; the server itself lives on."""
        if not self.done:
            self.done = True
            self._error = error
            if self._waiters:
                self._tell(self._waiters)

    def result(self) -> T:
        """The value, or the error raised; only once it is done."""
        if not self.done:
            raise asyncio.InvalidStateError("expected a reply that was sent, got one that is still open")
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # done without an error: it is a T

    def attach(self, waiter: asyncio.Future[T]) -> None:
        """Give the outcome to this future, now or when it comes."""
        if self.done:
            self._settle(waiter)
        elif self._waiters is None:
            self._waiters = {waiter: None}
        else:
            self._waiters[waiter] = None

    def detach(self, waiter: asyncio.Future[T]) -> None:
        """Forget a future whose caller has given up."""
        if self._waiters is not None:
            self._waiters.pop(waiter, None)

    def __await__(self) -> Generator[object, None, T]:
        if self.done:
            return self.result()
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.attach(waiter)
        try:
            return (yield from waiter)
        finally:
            self.detach(waiter)

    def _tell(self, waiters: Iterable[asyncio.Future[T]]) -> None:
        self._waiters = None
        for waiter in waiters:
            self._settle(waiter)

    def _settle(self, waiter: asyncio.Future[T]) -> None:
        if waiter.done():
            return
        if self._error is not None:
            waiter.set_exception(self._error)
        else:
            waiter.set_result(self.result())


REPLY: Final[Any] = Reply
"""`Reply` for `isinstance` where its parameter is not known: a checker would otherwise make half a type of it."""


def is_awaited(outcome: object) -> bool:
    """Whether the answer is what this comes to: a future, a task, any awaitable but a `Reply`."""
    return hasattr(type(outcome), "__await__") and not isinstance(outcome, REPLY)
