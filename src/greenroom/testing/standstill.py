"""Who waits where: what has to be known of a test that does not go on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

import greenroom
from greenroom.foundation.process import Process
from greenroom.foundation.worker import WorkerTask

LIBRARIES: Final = tuple(f"{Path(path).parent}{os.sep}" for path in (asyncio.__file__, greenroom.__file__))
"""Where a line tells nothing to whoever has written the test."""

NEXT: Final = ("cr_await", "gi_yieldfrom", "ag_await")
FRAME: Final = ("cr_frame", "gi_frame", "ag_frame")

ANSWER: Final = Process.__dict__["_wait"].__code__
"""Where a call waits for its answer."""


def standstill(main: asyncio.Task[Any] | None, loop: asyncio.AbstractEventLoop, alive: Iterable[Any]) -> str:
    """A line for the test, for each process in the middle of a message, and for each other task."""
    lines = [] if main is None else [_line("the test", main.get_coro())]
    for process in alive:
        worker = process.worker
        if worker is not None and worker.process is process and worker.detached:
            lines.append(_line(repr(process), worker.generator))
    others = [task for task in asyncio.all_tasks(loop) if task is not main and not isinstance(task, WorkerTask)]
    lines += [_line(f"task {task.get_name()}", task.get_coro()) for task in others]
    return "".join(f"\n- {line}" for line in lines)


def _line(who: str, awaiting: object) -> str:
    frames = list(_frames(awaiting))
    own = [frame for frame in frames if not frame.f_code.co_filename.startswith(LIBRARIES)] or frames
    if not own:
        return f"{who} waits in {awaiting!r}"
    code = own[-1].f_code
    place = f"{who} waits in {code.co_qualname}, {Path(code.co_filename).name}:{own[-1].f_lineno}"
    answers = [frame for frame in frames if frame.f_code is ANSWER]
    return f"{place}, for {answers[-1].f_locals['self']} to answer {answers[-1].f_locals['name']}" if answers else place


def _frames(awaiting: object) -> Iterator[FrameType]:
    """The frames of a coroutine that is suspended, from the outermost to the one that waits."""
    while awaiting is not None:
        frame = _first(awaiting, FRAME)
        if isinstance(frame, FrameType):
            yield frame
        awaiting = _first(awaiting, NEXT)


def _first(awaiting: object, names: Iterable[str]) -> object:
    return next((found for name in names if (found := getattr(awaiting, name, None)) is not None), None)
