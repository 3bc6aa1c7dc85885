"""What other tasks notice while the loop is under full load."""

import asyncio
from collections.abc import Coroutine, Sequence
from time import perf_counter

from benchmarks.process.gauges import Figures, percentile


async def measured_under(callers: Sequence[Coroutine[object, object, None]], seconds: float) -> Figures:
    """Let the callers run, and measure two tasks beside them: one that wants every turn, one that sleeps.

    A stall is the time between two turns of the first; the lag is how much later than asked the second wakes up.
    """
    tasks = [asyncio.create_task(caller) for caller in callers]
    stalls, lags = await asyncio.gather(_stalls(seconds), _lags(seconds))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "stall_p50": percentile(stalls, 50),
        "stall_p99": percentile(stalls, 99),
        "stall_max": max(stalls),
        "lag_p99": percentile(lags, 99),
    }


async def _stalls(seconds: float) -> list[float]:
    found: list[float] = []
    begun = last = perf_counter()
    while last - begun < seconds:
        await asyncio.sleep(0)
        now = perf_counter()
        found.append(now - last)
        last = now
    return found


async def _lags(seconds: float) -> list[float]:
    found: list[float] = []
    begun = before = perf_counter()
    while before - begun < seconds:
        await asyncio.sleep(0.001)
        now = perf_counter()
        found.append(max(0.0, now - before - 0.001))
        before = now
    return found
