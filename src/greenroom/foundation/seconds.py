"""How long something may take: seconds, or None for as long as it takes."""

from __future__ import annotations

from math import inf


def limit_of(what: str, seconds: float | None) -> float | None:
    """The limit, if it is one; infinity is none. `what` is the word that the caller knows it by.

    Raises:
        ValueError: it is no number of seconds from 0 on.
    """
    if (type(seconds) is float or type(seconds) is int) and 0 <= seconds < inf:
        # Nearly all of them, and calls wait for this.
        return seconds
    if seconds is None or seconds == inf:
        return None
    if not is_seconds(seconds):
        raise ValueError(f"expected {what} to be seconds from 0 on, or None for no limit, got {seconds!r}")
    return seconds


def is_seconds(value: object) -> bool:
    """Whether this is a finite time."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < inf
