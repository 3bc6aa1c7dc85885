"""Python's garbage collector, which is worth a factor of two once a hundred thousand processes live."""

from __future__ import annotations

import gc
from typing import Final

THRESHOLD: Final = 100_000


def calm_collector(threshold: int = THRESHOLD) -> None:
    """Look for garbage cycles seldom, and never again among what is alive now; for the end of a program's start.

    The collector walks all containers of a generation whenever so many new ones are there, 700 by default: with many
    processes it spends its time on what does not change. Reference counts free nearly everything without it. Undo this
    with `gc.unfreeze()` and `gc.set_threshold(700, 10, 10)`.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(threshold, 20, 20)
