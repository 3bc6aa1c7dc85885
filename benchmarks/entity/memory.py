"""What an entity adds to a program that has nothing else to do; run as a program of its own for each figure."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from benchmarks.entity.scene import BATCH, ask_all, pack, prepared, running
from greenroom.infrastructure import DatabaseUrl

State = Literal["live", "hibernating"]


def bytes_each(state: State, number: int) -> float:
    """How much memory one of so many takes."""
    command = [sys.executable, "-m", "benchmarks.entity.memory", state, str(number)]
    root = Path(__file__).resolve().parents[2]
    return float(subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout)


async def measured(state: State, number: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        url = prepared(DatabaseUrl.parse(f"{folder}/memory.db"), number)
        async with running(url):
            # The first ones bring what all share.
            await ask_all(range(BATCH))
            gc.collect()
            before = resident()
            for at in range(BATCH, number, BATCH):
                keys = range(at, min(number, at + BATCH))
                await ask_all(keys)
                if state == "hibernating":
                    pack(keys)
            gc.collect()
            return (resident() - before) / (number - BATCH)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    asked: State = "live" if sys.argv[1] == "live" else "hibernating"
    print(asyncio.run(measured(asked, int(sys.argv[2]))))
