"""Writes docs/reference.md: every public name, what its docstring begins with, and the first guide that shows it."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType

PAGE = Path("docs/reference.md")
INTRODUCTION = """# Public names

Every public name, by the package that it is imported from, with what its docstring begins with; `help(name)` in Python
has the rest. What is not here is not public, and may change without notice. `python scripts/reference.py` writes this
page.
"""
PACKAGES = ("greenroom", "greenroom.infrastructure", "greenroom.testing")
A_TABLE_OF_WORDS = "guides/from-elixir.md"
"""It names nearly everything, so it is what is linked to where nothing else is."""
GUIDES = re.compile(r"\]\((guides/[a-z-]+\.md|telemetry\.md)\)")


def names_of(package: str) -> dict[str, object]:
    """The public names of a package."""
    module = import_module(package)
    return {name: getattr(module, name) for name in sorted(module.__all__, key=str.lower)}


def described() -> dict[str, str]:
    """The strings that stand below assignments, where the sources explain an alias or a constant."""
    found: dict[str, str] = {}
    for source in Path("src/greenroom").rglob("*.py"):
        body = ast.parse(source.read_text()).body
        for node, following in pairwise(body):
            match node, following:
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(
                    value=ast.Constant(value=str(text))
                ):
                    found[name] = text
                case _:
                    pass
    return found


def purpose(name: str, value: object, explained: dict[str, str]) -> str:
    """The first line of what is said of a name; for an alias of words, the words."""
    if isinstance(value, ModuleType) or inspect.isclass(value) or inspect.isroutine(value):
        text = inspect.getdoc(value) or ""
    else:
        text = explained.get(name) or f"`{re.sub(r'(?:[a-z_]+[.])+', '', str(value))}`"
    first = text.strip().split("\n\n")[0]
    return " ".join(first.split()).replace("|", "\\|")


def guides() -> list[Path]:
    """The guides in the order in which the index leads to them."""
    index = Path("docs/README.md").read_text()
    found = dict.fromkeys(found for found in GUIDES.findall(index) if found != A_TABLE_OF_WORDS)
    return [Path("docs") / guide for guide in (*found, A_TABLE_OF_WORDS)]


def shown_in(name: str, pages: list[tuple[str, str]]) -> str:
    """A link to the first guide that has the name in a program or in backticks."""
    # A word in lower case is a name only where it is called, or has a name of its module.
    use = rf"\b{name}\b" if name[0].isupper() else rf"(?<![\w.]){name}[(.`]"
    for target, code in pages:
        if re.search(use, code):
            return f"[{Path(target).stem}]({target})"
    return ""


def code_of(page: str) -> str:
    """What is set as code on a page."""
    return "\n".join(re.findall(r"^```.*?^```|`[^`\n]+`", page, re.MULTILINE | re.DOTALL))


def page() -> Iterator[str]:
    """The lines of the page."""
    pages = [(str(guide.relative_to("docs")), code_of(guide.read_text())) for guide in guides()]
    explained = described()
    yield INTRODUCTION
    for package in PACKAGES:
        yield f"## `{package}`\n\n| name | | shown in |\n| --- | --- | --- |"
        for name, value in names_of(package).items():
            yield f"| `{name}` | {purpose(name, value, explained)} | {shown_in(name, pages)} |"
        yield ""


def main() -> None:
    """Write the page."""
    PAGE.write_text("\n".join(page()).rstrip() + "\n")
    sys.stdout.write(f"{PAGE} is written\n")


if __name__ == "__main__":
    main()
