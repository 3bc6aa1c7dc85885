"""The benchmark of processes runs, with and without the BEAM."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = "benchmarks/processes.py"


def test_it_runs_without_elixir(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}

    ran = subprocess.run(
        [sys.executable, PROGRAM, "--quick", "--only", "call_idle"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert "task + queue" in ran.stdout
    assert "BEAM" not in ran.stdout


def test_every_workload_of_greenroom_runs() -> None:
    ran = subprocess.run(
        [sys.executable, PROGRAM, "--quick", "--systems", "greenroom"], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stderr
    assert "call by name while 1 000 000 live" in ran.stdout
