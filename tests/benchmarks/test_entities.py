"""The benchmark of entities runs, and shows what it has found."""

import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from benchmarks.entity.page import Row, as_markdown, as_svg, as_text

CHANGES = Row("immediate changes", "1/s", aim=10, ours=[30_000.0, 10_000.0, 20_000.0], usual=[1_000.0], mapped=[400.0])
MEMORY = Row("memory", "B", aim=1_000, ours=[1_052.0])
CALLS = Row("calls", "1/s", ours=[99.5])


def test_a_row_shows_the_aim_the_median_the_spread_and_the_ratio() -> None:
    line = as_text([CHANGES]).splitlines()[1]

    assert line.split("  ")[0] == "immediate changes"
    for part in ("≥ 10 ×", "20,000/s", "10,000/s .. 30,000/s", "1,000/s", "20.0 ×", "400/s", "50.0 ×"):
        assert part in line


@pytest.mark.parametrize(
    ("row", "is_met"),
    [
        (CHANGES, True),
        (Row("", "1/s", aim=10, ours=[9_000.0], usual=[1_000.0]), False),
        (MEMORY, False),
        (Row("", "B", aim=1_000, ours=[900.0]), True),
        (CALLS, True),
    ],
)
def test_a_missed_aim_is_shown(row: Row, is_met: bool) -> None:
    assert row.is_met is is_met
    assert ("(missed)" in as_markdown([row], "a method")) is not is_met


def test_every_line_of_the_table_has_as_many_cells() -> None:
    lines = [line for line in as_markdown([CHANGES, MEMORY, CALLS], "a method").splitlines() if line.startswith("|")]

    assert len(lines) == 5
    assert len({line.count("|") for line in lines}) == 1


def test_the_picture_shows_what_is_done_in_a_second() -> None:
    picture = as_svg([CHANGES, MEMORY, CALLS])

    ET.fromstring(picture)
    assert "memory" not in picture
    # Three in the legend, three for the changes, one for the calls.
    assert picture.count("<circle") == 7


def test_it_runs() -> None:
    ran = subprocess.run(
        [sys.executable, "benchmarks/entities.py", "--quick"], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    for title in ("a live entity", "hibernating one", "cold", "warm", "1 % change", "row written", "callers: 256"):
        assert title in ran.stdout
