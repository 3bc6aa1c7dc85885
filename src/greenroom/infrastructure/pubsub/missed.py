"""What a slow subscriber is told."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Missed:
    """Events of a topic that a subscriber was too slow for. It comes in their place, between those before and after."""

    count: int
    topic: str
