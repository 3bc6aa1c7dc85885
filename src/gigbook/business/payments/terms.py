"""How long to wait for the gateway, and when to ask it again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """In seconds."""

    gateway: float = 20.0
    """How long the gateway has to answer; then the outcome is unknown, and is found out later."""

    first_pause: float = 1.0
    """How long to wait until it is asked what became of a payment. Each pause is twice as long as the one before."""

    longest_pause: float = 300.0

    def __post_init__(self) -> None:
        for name in ("gateway", "first_pause", "longest_pause"):
            value: float = getattr(self, name)
            if not value > 0:
                raise ValueError(f"expected {name} to be more than 0, got {value!r}")

    def pause(self, tries: int) -> float:
        """How long to wait after so many tries."""
        # Beyond that many a float would not hold it.
        return min(self.longest_pause, self.first_pause * 2.0 ** min(tries, 64))

    def patience(self, tries: int) -> float:
        """When to look whether whoever is on it has left without a word."""
        return self.gateway + self.pause(tries)
