"""How many bookings a second go through HTTP while everybody wants the same evenings, and that none is given out twice.

    make bench ARGS=benchmarks/bookings.py                        SQLite, a minute
    python benchmarks/bookings.py --postgres postgresql://…/test   PostgreSQL too, in a database to spare
    python benchmarks/bookings.py --quick                         every cell once and short, to see that it runs

64 clients book random times at 100 venues: they ask for one, hold it and confirm it, each step a request. The server is
the real program; beside it stands the same API written in the usual way, in `booking/on_fastapi.py`. Both work on the
same tables. After each run the database and all answers are compared: no two bookings overlap, every one that was
confirmed is there, and whoever was refused was refused for one that is.
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    runpy.run_module("benchmarks.booking", run_name="__main__")
