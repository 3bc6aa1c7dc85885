"""The world of one test: an event loop, a namespace, and a record of what happened there."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from greenroom.foundation.namespace import namespace
from greenroom.foundation.scheduler import Scheduler, install_scheduler
from greenroom.foundation.worker import WorkerTask
from greenroom.testing.clock import VirtualClock
from greenroom.testing.loop import StageLoop
from greenroom.testing.record import Record
from greenroom.testing.settling import settle
from greenroom.testing.standstill import standstill
from greenroom.testing.tree import Tree

T = TypeVar("T")


class Stuck(AssertionError):
    """The test waits for what can not happen any more. The message says what waits where."""


class LeftBehind(AssertionError):
    """The test is over, and something of it is not: a process, a task, a timer, or a crash that nobody looked at."""

    def __init__(self, findings: list[str]) -> None:
        super().__init__("expected the test to leave nothing behind, got:\n" + "\n".join(f"- {it}" for it in findings))
        self.findings = findings


class Stage:
    """A place for a test to run in, with nobody else on it.

        with Stage() as stage:
            stage.run(scenario(stage.tree))

    The plugin gives one to each `async def` test. By hand, it serves state machines and other test runners.
    """

    def __init__(self, name: str = "stage", *, virtual_time: bool = False) -> None:
        self.name = f"test:{name}"
        self.clock = VirtualClock() if virtual_time else None
        self.loop = StageLoop(self.clock)
        self.scheduler = Scheduler(self.loop, self.clock)
        self.record = Record(self.scheduler)
        self.errors: list[str] = []
        self.tree = Tree()
        self._context = contextvars.copy_context()
        self._namespace = namespace(self.name)
        self._context.run(self._namespace.__enter__)
        self._runner = asyncio.Runner(loop_factory=lambda: self.loop)
        self.loop.set_exception_handler(self._note_error)
        install_scheduler(self.scheduler)
        self.loop.standstill = self._standstill
        self.record.open()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it to its end, in the stage's namespace; processes live on until the next run.

        Raises:
            Stuck: it waits, and nothing is left that it could wait for.
            RuntimeError: something runs on the stage, and perhaps asks for this.
        """
        if self.loop.is_running():
            coroutine.close()
            raise RuntimeError(
                "expected a stage on which nothing runs yet, got one in the middle of a test: await what it shall run, "
                "and name async fixtures as arguments of the test instead of asking for them within it"
            )
        try:
            return self._runner.run(self._perform(coroutine), context=self._context)
        except BaseException as error:  # it may come from outside: the end of the time that a test has
            if self.loop.main is not None:
                error.add_note(f"The run was over before its end:{self._standstill()}")
            raise
        finally:
            # It is still there if a process has ended the run, with a SystemExit or a Ctrl-C.
            if self.loop.main is not None:
                self.loop.main.cancel()

    def close(self, *, check: bool = True) -> None:
        """Stop the tree, end everything, and say what should have ended before; the second time there is nothing to do.

        Raises:
            LeftBehind: something did not; not raised without `check`, after a test that failed anyway.
        """
        if self.loop.is_closed():
            return
        try:
            self.run(self.tree.close())
            findings = self.run(self._findings())
        finally:
            self._strike()
        if check and findings:
            raise LeftBehind(findings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(check=kind is None)

    async def _perform(self, coroutine: Coroutine[Any, Any, T]) -> T:
        self.loop.main = asyncio.current_task()
        try:
            return await coroutine
        except asyncio.CancelledError as error:
            if self.loop.stuck is None:
                raise
            raise Stuck(self.loop.stuck) from error
        finally:
            if self.loop.main is asyncio.current_task():
                self.loop.main = self.loop.stuck = None

    def _standstill(self) -> str:
        return standstill(self.loop.main, self.loop, self.record.alive)

    async def _findings(self) -> list[str]:
        await settle()
        return [*self._leaks(), *(f"crash: {crash}" for crash in self.record.unread()), *self.errors]

    def _leaks(self) -> Iterator[str]:
        yield from (f"process: {process}" for process in self.record.alive)
        for task in asyncio.all_tasks(self.loop):
            if not isinstance(task, WorkerTask) and task is not asyncio.current_task():
                yield f"task: {task.get_name()}, {task.get_coro()}"
        if not self.record.alive and len(self.scheduler.timers):
            yield f"timers: {len(self.scheduler.timers)}"

    def _strike(self) -> None:
        self.record.close()
        for process in list(self.record.alive):
            process.kill()
        self._runner.close()
        self._context.run(self._namespace.__exit__, None, None, None)

    def _note_error(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.errors.append(f"error: {context['message']}: {context.get('exception')!r}")
