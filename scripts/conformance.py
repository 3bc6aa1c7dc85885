"""Runs the tests that name a behaviour of OTP, and counts the behaviours that are covered and that pass.

A test names behaviours by their ids: `@pytest.mark.conforms("ex.gen_server.001")`. The list of them is
`tests/conformance/elixir.yaml`; `exceptions.yaml` beside it says why a case of that list cannot hold in Python.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

CASES = Path("tests/conformance/elixir.yaml")
EXCEPTIONS = Path("tests/conformance/exceptions.yaml")
CORE = (
    "gen_server",
    "supervisor",
    "dynamic_supervisor",
    "task_supervisor",
    "registry",
    "process",
    "task",
    "task_stream",
    "application",
)


@dataclass(frozen=True)
class Case:
    """One behaviour of OTP, and whether it makes sense in Python."""

    id: str
    area: str
    behaviour: str
    portable: bool
    reason: str = ""


@dataclass
class Tally:
    """A pytest plugin that notes for each id whether every test that names it has passed."""

    passed: dict[str, bool] = field(default_factory=dict[str, bool])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hold the outcome of one phase of one test against the ids that the test names."""
        ids = [str(value) for name, value in report.user_properties if name == "conforms"]
        for id in ids:
            self.passed[id] = self.passed.get(id, True) and report.passed


@dataclass(frozen=True)
class Report:
    """What the tests cover of the list."""

    cases: Sequence[Case]
    passed: Mapping[str, bool]
    exceptions: Mapping[str, str]

    def lines(self) -> Iterator[str]:
        """The table, what is not covered, what cannot hold, and the sum in the last line."""
        yield f"{'area':<20}{'portable':>10}{'covered':>10}{'passing':>10}"
        for area in dict.fromkeys(case.area for case in self.cases if case.area in CORE or case.id in self.passed):
            yield self.row(area)
        yield from section("not covered", {case.id: case.behaviour for case in self.uncovered()})
        yield from section("failing", {case.id: case.behaviour for case in self.failing()})
        yield from section("cannot hold in Python", self.impossible())
        yield ""
        core = [case for case in self.cases if case.area in CORE and case.portable]
        yield f"conformance: {self.passing(core)} of {len(core)} portable cases pass"

    def row(self, area: str) -> str:
        """One line of the table."""
        cases = [case for case in self.cases if case.area == area and case.portable]
        covered = sum(case.id in self.passed for case in cases)
        return f"{area:<20}{len(cases):>10}{covered:>10}{self.passing(cases):>10}"

    def passing(self, cases: Sequence[Case]) -> int:
        """How many of the cases are named by a test, and only by tests that have passed."""
        return sum(self.passed.get(case.id, False) for case in cases)

    def failing(self) -> Iterator[Case]:
        """The cases that a test names which did not pass: it failed, or was skipped."""
        return (case for case in self.cases if not self.passed.get(case.id, True))

    def uncovered(self) -> Iterator[Case]:
        """The portable cases of the shipped areas that no test names, and no exception explains."""
        for case in self.cases:
            if case.portable and case.area in CORE and case.id not in self.passed and case.id not in self.exceptions:
                yield case

    def impossible(self) -> dict[str, str]:
        """The cases that cannot hold in Python, with the reason."""
        unportable = {case.id: case.reason for case in self.cases if not case.portable and case.area in CORE}
        return unportable | dict(self.exceptions)

    def unknown(self) -> Sequence[str]:
        """The ids that a test or an exception names and the list does not have."""
        listed = {case.id for case in self.cases}
        return sorted({*self.passed, *self.exceptions} - listed)


def section(title: str, lines: Mapping[str, str]) -> Iterator[str]:
    """A heading with its number of lines, and the lines; nothing where there are none."""
    if lines:
        yield f"\n{title}: {len(lines)}"
        yield from (f"  {id}  {text}" for id, text in lines.items())


def read_cases(text: str) -> list[Case]:
    """The behaviours in the order of the list."""
    return [
        Case(
            id=entry["id"],
            area=entry["area"],
            behaviour=entry["given_when_then"],
            portable=not entry["python"].startswith("no"),
            reason=entry["python"].removeprefix("no: "),
        )
        for entry in yaml.safe_load(text)
    ]


def read_exceptions(text: str) -> dict[str, str]:
    """The reason for each case that cannot hold, by id."""
    exceptions: dict[str, str] | None = yaml.safe_load(text)
    return exceptions or {}


def main(arguments: Sequence[str]) -> int:
    """Run, print, and fail when a test failed or names an id that is not in the list."""
    tally = Tally()
    status = pytest.main(["-q", "-n", "auto", "-m", "conforms", *arguments, "tests"], plugins=[tally])
    report = Report(read_cases(CASES.read_text()), tally.passed, read_exceptions(EXCEPTIONS.read_text()))
    print("", *report.lines(), sep="\n")
    if unknown := report.unknown():
        print(f"expected ids of {CASES}, got {', '.join(unknown)}", file=sys.stderr)
    return int(bool(unknown) or status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
