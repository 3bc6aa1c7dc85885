"""How fast and how small processes are: Greenroom, a task and a queue, and the BEAM, in one run.

    make bench ARGS=benchmarks/processes.py     all of it, a few minutes
    python benchmarks/processes.py --quick      every workload once and small, to see that it runs
    python benchmarks/processes.py --only cast  one workload
    python benchmarks/processes.py --readme     all of it, and the table in the README

The work itself is in `process/on_greenroom.py`, `process/on_tasks.py` and `beam/processes.exs`, what is claimed of it
in `process/claims.py`.
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    runpy.run_module("benchmarks.process", run_name="__main__")
