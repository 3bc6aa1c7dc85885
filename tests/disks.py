"""Places for databases that fail: disks that fill up, and files that can not be written any more."""

import fcntl
import os
import struct
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

# Of Linux's fs.h: how to ask for the flags of a file, how to set them, and the one that chattr knows as `i`.
GET_FLAGS: Final = 0x80086601
SET_FLAGS: Final = 0x40086602
IMMUTABLE: Final = 0x10


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False).returncode
    ):
        pytest.skip("expected to be allowed to mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path, size: int | None = None) -> Path:
    """Put a file of this size there, or one that takes all the room; remove it to make room again."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while size is None or file.tell() < size:
            file.write(bytes(4096))
    return ballast


@contextmanager
def read_only(database: Path) -> Generator[None]:
    """Keep everyone from writing to a database of SQLite, those who have it open already and root included.

    Permissions would not do that: they are asked for when a file is opened.
    """
    if not _can_protect(database.with_name("protected")):
        pytest.skip("expected to be allowed to make a file immutable, on a file system that keeps to it")
    files = [database, database.with_name(f"{database.name}-wal")]
    for file in files:
        _protect(file, on=True)
    try:
        yield
    finally:
        for file in files:
            _protect(file, on=False)


def _can_protect(trial: Path) -> bool:
    with trial.open("wb", buffering=0) as file:
        try:
            _protect(trial, on=True)
        except OSError:
            return False
        try:
            file.write(b"!")
        except PermissionError:
            return True
        finally:
            _protect(trial, on=False)
            trial.unlink()
    return False


def _protect(path: Path, *, on: bool) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        (flags,) = struct.unpack("l", fcntl.ioctl(file, GET_FLAGS, bytes(8)))
        fcntl.ioctl(file, SET_FLAGS, struct.pack("l", flags | IMMUTABLE if on else flags & ~IMMUTABLE))
    finally:
        os.close(file)
