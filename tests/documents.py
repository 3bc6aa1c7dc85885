"""The Markdown pages of the repository: their links, and the programs in them."""

import ast
import asyncio
import contextlib
import inspect
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from types import CodeType, ModuleType

PAGES = sorted([*Path().glob("*.md"), *Path("docs").rglob("*.md"), *Path("changelog.d").glob("*.md")])

BLOCK = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Program:
    """A Python block, and the output that the page shows right below it, if it shows one."""

    code: str
    line: int
    output: str | None


def programs(page: str) -> Iterator[Program]:
    """The Python blocks in their order; a text block that follows with nothing in between is the output."""
    blocks = list(BLOCK.finditer(page))
    for block, following in zip_longest(blocks, blocks[1:]):
        if block["language"] == "python":
            line = page.count("\n", 0, block.start()) + 1
            shown = following and following["language"] == "text" and not page[block.end() : following.start()].strip()
            yield Program(block["text"], line, following["text"] if following and shown else None)


def run_programs(path: Path) -> list[tuple[str, str]]:
    """Run a page's programs one after the other, as one module; give each output shown with the one printed."""
    module = ModuleType(f"page_{path.stem}")
    sys.modules[module.__name__] = module
    try:
        with asyncio.Runner() as runner:
            ran = [(program, run(program, path, module, runner)) for program in programs(path.read_text())]
    finally:
        del sys.modules[module.__name__]
    return [(program.output, printed) for program, printed in ran if program.output is not None]


def run(program: Program, path: Path, module: ModuleType, runner: asyncio.Runner) -> str:
    """Run one program, which may await at its top level, and return what it prints."""
    code = compile_at_line(program, path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        if code.co_flags & inspect.CO_COROUTINE:
            runner.run(eval(code, vars(module)))
        else:
            exec(code, vars(module))
    return printed.getvalue()


def compile_at_line(program: Program, path: Path) -> CodeType:
    """Compile so that a traceback names the line of the page."""
    source = "\n" * program.line + program.code
    code: CodeType = compile(source, path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return code


def broken_links(path: Path) -> list[str]:
    """The links to files that are not there."""
    targets = [found["target"] for found in LINK.finditer(BLOCK.sub("", path.read_text()))]
    files = [target.split("#")[0] for target in targets if "://" not in target and not target.startswith("mailto:")]
    return [file for file in files if file and not (path.parent / file).exists()]
