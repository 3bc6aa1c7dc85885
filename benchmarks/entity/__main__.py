"""The command line of the benchmark; see `benchmarks/entities.py`."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from benchmarks.entity.durable import THREADS, durable
from benchmarks.entity.memory import bytes_each
from benchmarks.entity.page import Row, as_markdown, as_svg, as_text
from benchmarks.entity.speed import activation, amplification, calls
from gigbook.application.service import loop_factory
from greenroom import calm_collector
from greenroom.infrastructure import DatabaseUrl

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "entities.md"

INTRODUCTION = """\
# What entities cost and bear

Made by `make bench ARGS='benchmarks/entities.py --postgres URL'`. An entity here has a name, a city, a number and three
words for its state, packed into a row of `entity_snapshots`. Immediate changes are answered when they are on disk, each
caller waits for its answer, and beside them stand two usual ways in the same round, with a transaction for each change:
a pool of threads with a connection of the driver each, and a pool of SQLAlchemy's asyncio engine. All run on the event
loop that Gigbook is served on, uvloop where there is one. The work is in
[`benchmarks/entity`](../../benchmarks/entity).

![What entities do in a second](entities.svg)

"""


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/entities.py", description="What entities cost and bear.")
    parser.add_argument("--quick", action="store_true", help="everything once and small, to see that it runs")
    parser.add_argument("--postgres", metavar="URL", help="a database to spare, to measure PostgreSQL too")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each run of changes (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (%(default)s)")
    return parser.parse_args()


async def measured(folder: Path, postgres: str | None, number: int, seconds: float, rounds: int) -> list[Row]:
    """All of it, part by part."""
    rows = [
        Row("memory of a live entity, state and all", "B", ours=[bytes_each("live", number)]),
        Row("memory of a hibernating one", "B", ours=[bytes_each("hibernating", number)]),
    ]
    told()
    # As a program does when it is up; for both ways of writing.
    calm_collector()
    for part in (activation(folder, number, rounds), calls(folder, number, rounds)):
        rows += await part
        told()
    rows += await amplification(folder, max(100, number // 100), seconds * 3)
    told()
    for address in filter(None, (str(folder / "durable.db"), postgres)):
        rows += await durable(DatabaseUrl.parse(address), seconds, rounds)
        told()
    return rows


def told() -> None:
    print(".", end="", flush=True, file=sys.stderr)


def main() -> None:
    """Measure, print the table, and keep the page."""
    given = options()
    number, seconds, rounds = (3_000, 0.1, 1) if given.quick else (100_000, given.seconds, given.rounds)
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=loop_factory()) as runner:
        rows = runner.run(measured(Path(folder), given.postgres, number, seconds, rounds))
    print("\n" + as_text(rows))
    if not given.quick:
        method = (
            f"median of {rounds} rounds, those of changes {seconds:g} s long, the usual ways on {THREADS} connections"
        )
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(INTRODUCTION + as_markdown(rows, method))
        PAGE.with_suffix(".svg").write_text(as_svg(rows))


if __name__ == "__main__":
    main()
