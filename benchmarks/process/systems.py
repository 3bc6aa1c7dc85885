"""Who does the work, and how one measurement is made: in a fresh interpreter or virtual machine each time."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.process.claims import Workload
from benchmarks.process.gauges import Figures

ROOT = Path(__file__).resolve().parent.parent.parent
BEAM_PROGRAM = ROOT / "benchmarks" / "beam" / "processes.exs"

TITLES = {"greenroom": "Greenroom", "tasks": "task + queue", "beam": "BEAM"}
"""The systems in the order of the columns. The BEAM has one scheduler, as Python has one event loop."""


def available() -> list[str]:
    """The systems that this machine has: all, or all but the BEAM."""
    return [name for name in TITLES if name != "beam" or shutil.which("elixir")]


def measure(system: str, workload: Workload, seconds: float, collector: str) -> Figures:
    """Let the system do the work once.

    Raises:
        RuntimeError: it failed; the message has what it wrote.
    """
    sizes = [workload.name, str(seconds), str(workload.processes)]
    if system == "beam":
        return _read_lines(_run(["elixir", "--erl", "+S 1 +P 4000000", str(BEAM_PROGRAM), *sizes]))
    output = _run([sys.executable, "-m", "benchmarks.process.measurement", system, *sizes, collector])
    figures: Figures = json.loads(output)
    return figures


def versions(systems: list[str]) -> dict[str, str]:
    """What was measured."""
    python = f"Python {sys.version.split()[0]}"
    found = {"greenroom": python, "tasks": python}
    if "beam" in systems:
        lines = _run(["elixir", "--version"]).splitlines()
        found["beam"] = f"{lines[-1].split('(')[0].strip()} on {lines[0].split('[')[0].strip()}"
    return found


def _run(command: list[str]) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if ran.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{ran.stderr}")
    return ran.stdout


def _read_lines(output: str) -> Figures:
    return {name: float(value) for name, value in (line.split() for line in output.splitlines())}
