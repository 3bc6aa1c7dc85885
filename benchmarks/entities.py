"""What entities cost and bear: activation, calls, memory, write amplification, and durable changes.

    make bench ARGS=benchmarks/entities.py                        SQLite, four minutes
    python benchmarks/entities.py --postgres postgresql://…/test   PostgreSQL too; the database must be there and empty
    python benchmarks/entities.py --quick                         everything small and once, to see that it runs

Immediate changes are compared with one transaction for each, in the same round, so that both have the same machine: the
aim is ten times as many with 64 callers and more. Each caller waits for its answer before it asks again.
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    runpy.run_module("benchmarks.entity", run_name="__main__")
