import re
from collections.abc import Sequence
from importlib import import_module

import pytest

from scripts.reference import PACKAGES, PAGE


def listed(package: str) -> Sequence[str]:
    """The names in the table of a package."""
    _, _, rest = PAGE.read_text().partition(f"## `{package}`\n")
    return re.findall(r"^\| `(\w+)` \| \S.* \|", rest.partition("\n## ")[0], re.MULTILINE)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_of_a_package_is_on_the_page_and_no_other(package: str) -> None:
    assert sorted(listed(package)) == sorted(import_module(package).__all__)
