from pathlib import Path

from scripts.conformance import CASES, EXCEPTIONS, Case, Report, read_cases, read_exceptions

START = Case("ex.gen_server.001", "gen_server", "start answers", portable=True)
STOP = Case("ex.gen_server.002", "gen_server", "stop answers", portable=True)
ATOMS = Case("ex.process.001", "process", "atoms", portable=False, reason="there are no atoms")


def last_line(report: Report) -> str:
    return list(report.lines())[-1]


def test_a_case_passes_when_its_tests_pass() -> None:
    report = Report([START, STOP], {START.id: True, STOP.id: False}, {})

    assert last_line(report) == "conformance: 1 of 2 portable cases pass"
    assert report.row("gen_server").split() == ["gen_server", "2", "2", "1"]


def test_a_case_that_no_test_names_is_listed() -> None:
    report = Report([START, STOP], {START.id: True}, {})

    assert list(report.uncovered()) == [STOP]
    assert last_line(report) == "conformance: 1 of 2 portable cases pass"


def test_a_case_that_cannot_hold_is_listed_with_its_reason() -> None:
    report = Report([START, ATOMS], {}, {START.id: "the loop has no such thing"})

    assert report.impossible() == {ATOMS.id: "there are no atoms", START.id: "the loop has no such thing"}
    assert list(report.uncovered()) == []
    assert last_line(report) == "conformance: 0 of 1 portable cases pass"


def test_an_id_that_the_list_does_not_have_is_reported() -> None:
    report = Report([START], {"ex.gen_server.999": True}, {})

    assert report.unknown() == ["ex.gen_server.999"]


def test_every_exception_is_a_case_of_the_list_and_has_a_reason() -> None:
    listed = {case.id for case in read_cases(Path(CASES).read_text())}
    exceptions = read_exceptions(Path(EXCEPTIONS).read_text())

    assert exceptions.keys() <= listed
    assert all(exceptions.values())
