"""When `make` trusts the .venv that it finds."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """One with a .venv that is up to date."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(name, tmp_path)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("pip", "python"):
        (programs / name).touch(0o755)
    (tmp_path / ".venv" / ".place").write_text(f"{tmp_path}/.venv\n")
    for name in (".setup", ".setup-dev"):
        (tmp_path / ".venv" / name).touch()
    return tmp_path


def would_set_up(checkout: Path) -> bool:
    command = ["make", "--dry-run", "setup-dev"]
    # The `make` that runs the tests would hand on what it was told.
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    made = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=True)
    return "-m venv" in made.stdout


def test_one_that_is_up_to_date_is_left_alone(checkout: Path) -> None:
    assert not would_set_up(checkout)


def test_one_that_was_made_for_another_folder_is_made_anew(checkout: Path) -> None:
    moved = checkout.rename(checkout.with_name("moved"))

    assert would_set_up(moved)


def test_one_whose_python_is_gone_is_made_anew(checkout: Path) -> None:
    (checkout / ".venv" / "bin" / "python").unlink()

    assert would_set_up(checkout)
