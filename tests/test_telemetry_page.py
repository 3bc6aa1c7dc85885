"""The page on telemetry lists every event that the code tells, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCES = sorted(Path("src").rglob("*.py"))
PAGE = Path("docs/telemetry.md").read_text()
TELLERS = {"tell", "_tell"}
"""Methods that add their first argument to the words that all their events begin with."""


def words(node: ast.Tuple) -> list[str | None]:
    """The words of an event; None for one that is known only when it is told."""
    return [item.value if isinstance(item, ast.Constant) else None for item in node.elts]  # type: ignore[misc]


def told_by(folder: Path) -> Iterator[str]:
    """The last words that the modules of a folder give to a teller."""
    for source in folder.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TELLERS:
                match node.args:
                    case [ast.Constant(value=str(word)), *_]:
                        yield word
                    case _:
                        pass


def events() -> Iterator[str]:
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if not isinstance(node, ast.Tuple) or len(node.elts) < 3:
                continue
            match words(node):
                case ["greenroom" | "gigbook" as layer, str(what), None]:
                    yield from (f"{layer}.{what}.{word}" for word in told_by(source.parent))
                case ["greenroom" | "gigbook", *rest] if None not in rest:
                    yield ".".join(str(word) for word in words(node))
                case _:
                    pass


def test_every_event_is_on_the_page_and_the_page_has_no_other() -> None:
    listed = re.findall(r"^\| `((?:greenroom|gigbook)\.[a-z_.]+)` \|", PAGE, re.MULTILINE)

    assert sorted(listed) == sorted(set(events()))
