"""Whoever copies a program out of the documentation can check it strictly."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import PAGES, programs

NAMES_COME_TWICE = {"reportRedeclaration": "none"}
"""A page may show a function anew, as a guide that goes in steps does."""
AWAITS_AT_ITS_TOP_LEVEL = (
    '"await" allowed only within async function',
    'Use of "async" not allowed outside of async function',
)


def as_module(page: str) -> str:
    """The programs of a page, each at the lines that it has there."""
    module = ""
    for program in programs(page):
        module += "\n" * (program.line - module.count("\n")) + program.code
    return module


def complaints(folder: Path) -> list[str]:
    """What pyright has to say of the modules in a folder, but for what only a module that awaits makes it say."""
    settings = {
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "extraPaths": [str(Path("src").resolve()), str(Path.cwd())],
        **NAMES_COME_TWICE,
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [
        sys.executable,
        "-m",
        "pyright",
        "--outputjson",
        "--pythonpath",
        sys.executable,
        "--project",
        str(folder),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return [
        f"{Path(found['file']).stem}:{found['range']['start']['line'] + 1}: {found['message']}"
        for found in json.loads(ended.stdout)["generalDiagnostics"]
        if found["message"] not in AWAITS_AT_ITS_TOP_LEVEL
    ]


@pytest.mark.timeout(1200)
def test_the_programs_of_all_pages_pass_a_strict_type_checker(tmp_path: Path) -> None:
    for page in PAGES:
        (tmp_path / f"{page.stem.replace('-', '_')}.py").write_text(as_module(page.read_text()))

    assert complaints(tmp_path) == []


def test_a_program_with_a_wrong_argument_is_found_at_its_line(tmp_path: Path) -> None:
    page = '# A page\n\n```python\nimport asyncio\n\nawait asyncio.sleep("long")\n```\n'
    (tmp_path / "page.py").write_text(as_module(page))

    [complaint] = complaints(tmp_path)

    assert complaint.startswith("page:6: Argument of type \"Literal['long']\"")
