"""Every example prints what its last comment says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted(Path("examples").glob("[a-z]*.py"))
OUTPUT = re.compile(r"^# Output:\n(?P<lines>(?:#.*\n)+)\Z", re.MULTILINE)


def expected_output(source: str) -> str:
    """What the comment at the end of an example says that it prints."""
    found = OUTPUT.search(source)
    assert found, "expected the example to end in '# Output:' and the lines it prints, each after '# '"
    return re.sub(r"^# ?", "", found["lines"], flags=re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_prints_what_its_last_comment_says(example: Path) -> None:
    ran = subprocess.run([sys.executable, example], capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == expected_output(example.read_text())
