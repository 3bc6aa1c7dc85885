"""One measurement in an interpreter of its own: prints the figures as JSON."""

import argparse
import asyncio
import json
import logging
import os

from benchmarks.process import on_greenroom, on_tasks
from benchmarks.process.gauges import Figures
from greenroom import calm_collector

SYSTEMS = {"greenroom": on_greenroom.WORK, "tasks": on_tasks.WORK}


async def _measure(system: str, workload: str, seconds: float, processes: int) -> Figures:
    return await SYSTEMS[system][workload](seconds, processes)


def main() -> None:
    """Do the work that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("system", choices=list(SYSTEMS))
    parser.add_argument("workload")
    parser.add_argument("seconds", type=float)
    parser.add_argument("processes", type=int)
    parser.add_argument("collector", choices=["calm", "default"])
    options = parser.parse_args()
    # Crash reports are written by the thousand here, and the BEAM's are off as well.
    logging.disable(logging.CRITICAL)
    if options.collector == "calm":
        calm_collector()
    with asyncio.Runner() as runner:
        figures = runner.run(_measure(options.system, options.workload, options.seconds, options.processes))
        print(json.dumps(figures), flush=True)
        # Not in good order: to take a million processes apart takes longer than the work.
        os._exit(0)


if __name__ == "__main__":
    main()
