"""The tests that the guide on testing shows are run by pytest, with the plugin that users have."""

from pathlib import Path

import pytest

from tests.documents import programs

pytest_plugins = ["pytester"]

GUIDE = Path("docs/guides/testing.md").read_text()


def test_every_test_of_the_guide_passes(pytester: pytest.Pytester) -> None:
    source = "\n\n".join(program.code for program in programs(GUIDE))
    pytester.makepyfile(source)

    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:schemathesis")

    assert result.parseoutcomes() == {"passed": source.count("def test_")}
