import subprocess
import sys
from importlib import import_module

import pytest

PUBLIC = import_module("greenroom.infrastructure")


@pytest.mark.parametrize("name", PUBLIC.__all__)
def test_every_public_name_is_there_when_it_is_asked_for(name: str) -> None:
    assert getattr(PUBLIC, name) is not None


def test_a_name_that_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match=r"module 'greenroom.infrastructure' has no attribute 'Statements'"):
        _ = PUBLIC.Statements


def test_names_that_are_not_imported_yet_are_listed() -> None:
    listed = "import greenroom.infrastructure as names; print(set(names.__all__) - set(dir(names)))"

    assert subprocess.check_output([sys.executable, "-c", listed], text=True) == "set()\n"


def test_without_the_extra_a_name_that_needs_it_says_so() -> None:
    bare = "import sys; sys.path.insert(0, 'src'); from greenroom.infrastructure import Topic, Database"

    ended = subprocess.run([sys.executable, "-S", "-c", bare], capture_output=True, text=True, check=False)

    assert "greenroom.infrastructure.Database needs the extra 'sql', as in pip install 'greenroom[sql]'" in ended.stderr
