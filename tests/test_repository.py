"""The house rules that no linter knows."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.documents import PAGES, broken_links

PYPROJECT = tomllib.loads(Path("pyproject.toml").read_text())
SOURCES = sorted(Path("src").rglob("*.py"))
PRIVATE = re.compile(
    r"(?<![\w./])/(?:home|root|Users|work)/|pythonhosted\.org|pypi\.org/simple|npmjs\.org|deb\.debian\.org"
)
VAGUE = {"base", "common", "helper", "helpers", "misc", "util", "utils"}
PIN = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+")
NOT_PINNED = {"greenroom", "pip", "setuptools", "wheel"}
FRAGMENT = re.compile(r"\+[a-z0-9-]+\.(?:added|changed|fixed|removed)\.md")


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Every file that is committed, or would be, with its text; binary files are left out."""
    # Whoever runs the tests may be another than who has made the checkout.
    command = ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        try:
            yield name, Path(name).read_text()
        except (UnicodeDecodeError, FileNotFoundError):
            continue


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported_packages(source: Path) -> Iterator[str]:
    """The top-level packages that a module imports, wherever in the module it does."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def functions(source: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_names_a_path_of_one_machine_or_the_host_of_a_registry() -> None:
    assert [name for name, text in tracked_texts() if PRIVATE.search(text)] == []


def test_greenroom_itself_needs_no_other_package() -> None:
    assert PYPROJECT["project"]["dependencies"] == []


def test_the_foundation_imports_the_standard_library_alone() -> None:
    foreign = {
        f"{source}: {package}"
        for source in Path("src/greenroom/foundation").rglob("*.py")
        for package in imported_packages(source)
        if package not in sys.stdlib_module_names and package != "greenroom"
    }

    assert foreign == set()


def test_greenroom_can_be_imported_where_nothing_is_installed() -> None:
    without_packages = "import sys; sys.path.insert(0, 'src'); import greenroom"

    subprocess.run([sys.executable, "-S", "-c", without_packages], check=True)


def test_every_module_is_named_for_what_it_is() -> None:
    assert [str(source) for source in SOURCES if source.stem in VAGUE] == []


def test_no_function_is_longer_than_fifty_lines() -> None:
    long = [
        f"{source}:{function.lineno} {function.name}"
        for source in SOURCES
        for function in functions(source)
        if (function.end_lineno or function.lineno) - function.lineno >= 50
    ]

    assert long == []


def test_every_constraint_is_one_version_of_one_package() -> None:
    assert [line for line in Path("constraints.txt").read_text().splitlines() if not PIN.fullmatch(line)] == []


def test_everything_installed_is_pinned() -> None:
    pinned = {
        normalized(line.split("==")[0]): line.split("==")[1] for line in Path("constraints.txt").read_text().split()
    }
    installed = {normalized(package.name): package.version for package in distributions()}

    assert {name: version for name, version in installed.items() if name not in NOT_PINNED} == {
        name: version for name, version in pinned.items() if name in installed
    }


def test_every_changelog_fragment_is_named_for_its_change_and_its_kind() -> None:
    fragments = [path.name for path in Path("changelog.d").iterdir() if path.name != "README.md"]

    assert [name for name in fragments if not FRAGMENT.fullmatch(name)] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []
