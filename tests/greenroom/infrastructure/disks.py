"""Filling disks."""

from contextlib import suppress
from pathlib import Path


def fill(folder: Path, size: int | None = None) -> Path:
    """Put a file of this size there, or one that takes all the room; remove it to make room again."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while size is None or file.tell() < size:
            file.write(bytes(4096))
    return ballast
