"""The release is what the installation says it is."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import greenroom


def test_the_package_tells_its_version() -> None:
    assert greenroom.__version__ == version("greenroom")


def test_who_does_not_ask_for_the_version_does_not_wait_for_it() -> None:
    program = "import sys; sys.path.insert(0, 'src'); import greenroom; sys.exit('importlib.metadata' in sys.modules)"

    ended = subprocess.run([sys.executable, "-S", "-c", program], check=False)

    assert ended.returncode == 0


def test_other_names_that_are_not_there_are_missed_as_ever() -> None:
    name = "nothing"

    with pytest.raises(AttributeError, match="module 'greenroom' has no attribute 'nothing'"):
        getattr(greenroom, name)
