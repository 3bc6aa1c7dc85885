"""The command line of the benchmark; see `benchmarks/processes.py`."""

import argparse
import sys
from pathlib import Path

from benchmarks.process.campaign import planned, run
from benchmarks.process.claims import WORKLOADS
from benchmarks.process.plot import as_svg
from benchmarks.process.results import Results
from benchmarks.process.systems import ROOT, TITLES, available
from benchmarks.process.table import as_markdown, as_text, highlights

RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks" / "processes.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- begin: benchmarks/processes.py -->\n", "<!-- end: benchmarks/processes.py -->\n"

HEAD = """\
# How fast and how small processes are

Made by `make bench ARGS=benchmarks/processes.py`, which measures all of it anew, with the BEAM where `elixir` is found.
The work is in [`on_greenroom.py`](../../benchmarks/process/on_greenroom.py), the same work with a task and a queue for
every actor in [`on_tasks.py`](../../benchmarks/process/on_tasks.py), and in Elixir in
[`processes.exs`](../../benchmarks/beam/processes.exs).

![How many times better than a task and a queue](processes.svg)

"""


def main() -> None:
    """Measure, print the table, and keep the results."""
    options = _options()
    systems = [name for name in available() if name in options.systems.split(",")]
    results = run(planned(options.quick, options.only, systems, options.repetitions, options.collector))
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    print(as_text(results))
    if options.quick or options.only:
        results.write(RESULTS / "processes-partial.json")
    else:
        results.write(RESULTS / "processes.json")
        publish(results, PAGE)
        if options.readme:
            README.write_text(between_marks(README.read_text(), highlights(results)))


def publish(results: Results, page: Path) -> None:
    """Write the page with the table, and the picture beside it."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(HEAD + as_markdown(results))
    page.with_suffix(".svg").write_text(as_svg(results))


def between_marks(text: str, table: str) -> str:
    """The text, with the table in place of what is between the two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/processes.py", description="Measure processes.")
    parser.add_argument("--quick", action="store_true", help="everything once and small, to see that it runs")
    parser.add_argument("--only", choices=[workload.name for workload in WORKLOADS], help="one workload")
    parser.add_argument("--systems", default=",".join(TITLES), help="of %(default)s; Greenroom is one of them")
    parser.add_argument("--readme", action="store_true", help="write the table of the README as well, after a full run")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument(
        "--collector",
        choices=["calm", "default"],
        default="calm",
        help="what greenroom.calm_collector() sets, or Python's own settings; for both Python systems",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
