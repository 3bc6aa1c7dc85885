"""The input of a stream of tasks, taken one item at a time and only when there is room for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Inputs(Protocol[T_co]):
    """What is still to come."""

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        ...

    def take(self) -> tuple[T_co] | tuple[()]:
        """The next item if it is there; asks for it otherwise."""
        ...

    def stop(self) -> None:
        """Wait for nothing more."""
        ...

    async def close(self) -> None:
        """Let the input clean up: nothing more will be asked of it."""
        ...


def inputs_of(items: Iterable[T] | AsyncIterable[T], ring: Callable[[], object]) -> Inputs[T]:
    """The items, one by one; `ring` is called when one that was asked for is there."""
    return AsyncInputs(items, ring) if isinstance(items, AsyncIterable) else PlainInputs(items)


class PlainInputs(Generic[T]):
    """Items that are there when they are asked for."""

    def __init__(self, items: Iterable[T]) -> None:
        self.over = False
        self._items: Iterator[T] = iter(items)

    def take(self) -> tuple[T] | tuple[()]:
        """The next item."""
        for item in self._items:
            return (item,)
        self.over = True
        return ()

    def stop(self) -> None:
        """Do nothing: nobody waits."""

    async def close(self) -> None:
        """Close the iterator if it is a generator, or looks like one."""
        close = getattr(self._items, "close", None)
        if close is not None:
            close()


class AsyncInputs(Generic[T]):
    """Items that may have to be waited for, while tasks of earlier ones run.

    One asyncio task reads them all, so that a time-out or a task group around the reading works as usual.
    """

    def __init__(self, items: AsyncIterable[T], ring: Callable[[], object]) -> None:
        self._items = items
        self._ring = ring
        self._item: tuple[T] | tuple[()] = ()
        self._wanted = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        """Whether all was read and taken."""
        return self._reader is not None and self._reader.done() and not self._item

    def take(self) -> tuple[T] | tuple[()]:
        """The next item if it has come."""
        if self._reader is None:
            self._reader = asyncio.create_task(self._read(), name="greenroom inputs of a stream")
            self._reader.add_done_callback(lambda _: self._ring())
        item, self._item = self._item, ()
        if not item:
            self._wanted.set()
            if self._reader.done():
                self._reader.result()
        return item

    def stop(self) -> None:
        """Stop reading."""
        if self._reader is not None:
            self._reader.cancel()

    async def close(self) -> None:
        """Stop reading, and wait until the input has cleaned up."""
        self.stop()
        if self._reader is not None:
            await asyncio.wait({self._reader})
            if not self._reader.cancelled():
                # An error of the input was raised by `take`, or comes too late for anyone.
                self._reader.exception()

    async def _read(self) -> None:
        iterator: Any = aiter(self._items)
        try:
            await self._wanted.wait()
            async for item in iterator:
                self._wanted.clear()
                self._item = (item,)
                self._ring()
                await self._wanted.wait()
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()
