"""The guide to running Gigbook lists every setting as the program describes it, and every logger."""

import re
from pathlib import Path

from gigbook.application.settings import described

PAGE = Path("docs/guides/operations.md").read_text()


def test_every_setting_is_on_the_page_with_its_default() -> None:
    listed = re.findall(r"^\| `([A-Z_]+)` \| `([^`]*)` \| (.*) \|$", PAGE, re.MULTILINE)

    assert listed == described()


def test_every_logger_is_on_the_page() -> None:
    sources = "".join(source.read_text() for source in Path("src").rglob("*.py"))
    loggers = set(re.findall(r'(?:getLogger|get_logger)\("([a-z.]+)"\)', sources)) - {"uvicorn", "alembic"}

    assert {name for name in loggers if f"`{name}`" not in PAGE} == set()
