"""How the results of a benchmark are shown and kept."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.process.__main__ import BEGIN, END, between_marks, publish
from benchmarks.process.claims import Claim
from benchmarks.process.numbers import shown, times
from benchmarks.process.plot import as_svg
from benchmarks.process.results import Results, Spread, summarised
from benchmarks.process.table import as_markdown, as_text, highlights

RATE = Claim("call_idle", "rate", "call", "1/s")
TIME = Claim("restart", "p50", "restart", "s", "less")
SIZE = Claim("memory", "bytes", "memory", "B", "less")

MACHINE = {"cores": "2", "processor": "a processor", "system": "Linux", "load": "0.1", "method": "once"}


@pytest.fixture
def results() -> Results:
    found = {
        "call_idle": {"greenroom": [{"rate": 1e6}, {"rate": 3e6}, {"rate": 2e6}], "tasks": [{"rate": 2e5}]},
        "memory": {"greenroom": [{"bytes": 600.0}], "tasks": [{"bytes": 4_200.0}]},
        "million": {"greenroom": [{"bytes": 400.0, "rate": 2e5, "call_p99": 5e-6}]},
    }
    return Results(MACHINE, {"greenroom": "Python", "tasks": "Python"}, summarised(found))


def test_a_spread_has_the_median_and_both_ends(results: Results) -> None:
    assert results.spreads["call_idle.rate"]["greenroom"] == Spread(2e6, 1e6, 3e6)


def test_the_table_shows_the_target_the_figures_and_the_ratio(results: Results) -> None:
    row = next(line for line in as_text(results).splitlines() if line.startswith("call to an idle"))

    assert row.split("  ")[0] == "call to an idle server"
    assert "≥ 1.50 M/s" in row
    assert "2.00 M/s" in row
    assert "1.00 M/s .. 3.00 M/s" in row
    assert row.endswith("10.0 ×")


def test_the_table_says_where_a_target_is_missed(results: Results) -> None:
    row = next(line for line in as_text(results).splitlines() if line.startswith("memory of an idle"))

    assert "600 B (missed)" in row
    assert row.endswith("7.0 ×")


@pytest.mark.parametrize(("rate", "told"), [(5e5, "4.0 × of 3 ×"), (1e6, "2.0 × of 3 × (missed)")])
def test_the_table_says_how_far_ahead_of_the_beam_it_has_to_be(results: Results, rate: float, told: str) -> None:
    spreads = {key: {**found, "beam": Spread(rate, rate, rate)} for key, found in results.spreads.items()}
    compared = Results(MACHINE, {**results.versions, "beam": "Elixir"}, spreads)

    rows = as_text(compared).splitlines()

    assert next(line for line in rows if line.startswith("call to an idle")).endswith(told)
    assert "× of" not in next(line for line in rows if line.startswith("memory of an idle"))


def test_the_markdown_table_has_as_many_cells_in_each_row(results: Results) -> None:
    rows = [line for line in as_markdown(results).splitlines() if line.startswith("|")]

    assert len({row.count("|") for row in rows}) == 1


def test_the_picture_is_the_same_for_the_same_results(results: Results) -> None:
    assert as_svg(results) == as_svg(results)


def test_the_picture_shows_what_was_compared(results: Results) -> None:
    texts = [element.text for element in ET.fromstring(as_svg(results)).iter() if element.text]

    assert "call to an idle server" in texts
    assert "2.00 M/s, 10.0 ×" in texts
    assert not any("1 000 000 named" in text for text in texts)


def test_a_run_writes_its_page_and_its_picture(results: Results, tmp_path: Path) -> None:
    publish(results, tmp_path / "docs" / "page.md")

    assert "| call to an idle server |" in (tmp_path / "docs" / "page.md").read_text()
    assert (tmp_path / "docs" / "page.svg").read_text() == as_svg(results)


def test_a_new_table_takes_the_place_of_the_one_before(results: Results) -> None:
    readme = between_marks(f"before\n{BEGIN}an old table\n{END}after\n", highlights(results))

    assert readme.startswith(f"before\n{BEGIN}\n| work | Greenroom |")
    assert "an old table" not in readme
    assert readme.endswith(f"{END}after\n")


def test_the_readme_has_a_place_for_the_figures() -> None:
    assert Path("README.md").read_text().count(BEGIN) == 1
    assert Path("README.md").read_text().count(END) == 1


def test_results_are_read_as_they_were_written(results: Results, tmp_path: Path) -> None:
    results.write(tmp_path / "found" / "results.json")

    assert Results.read(tmp_path / "found" / "results.json") == results


@pytest.mark.parametrize(
    ("claim", "value", "text"),
    [
        (RATE, 1_234_567, "1.23 M/s"),
        (RATE, 98_765, "98.8 k/s"),
        (RATE, 7, "7.00/s"),
        (TIME, 0.00000512, "5.12 µs"),
        (TIME, 2, "2.00 s"),
        (SIZE, 421.7, "422 B"),
        (SIZE, 4_200, "4\u202f200 B"),
    ],
)
def test_a_figure_has_three_digits_and_its_unit(claim: Claim, value: float, text: str) -> None:
    assert shown(claim, value) == text


def test_nothing_is_shown_where_nothing_can_be_compared() -> None:
    assert times(float("nan")) == ""
