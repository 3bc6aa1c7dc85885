"""What the workloads measure with."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import perf_counter

Figures = dict[str, float]


async def rate(work: Callable[[], Awaitable[int]], seconds: float) -> float:
    """How many units per second the work does, over at least this time; once before it counts, to warm up."""
    await work()
    done = 0
    started = perf_counter()
    while (elapsed := perf_counter() - started) < seconds:
        done += await work()
    return done / elapsed


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until this holds."""
    while not holds():  # noqa: ASYNC110  # what is waited for tells nobody
        await asyncio.sleep(0)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def resident_bytes() -> int:
    """The memory of this interpreter that is in RAM. Linux only."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
