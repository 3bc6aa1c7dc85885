"""How the local gateway treats a request: told by the method of the payment, in words.

>>> mood("slow:1.5")
Mood(ending='ok', before=1.5, after=0.0)
>>> mood("timeout:uncharged").ending
'lost before'
>>> mood("a card")
Mood(ending='ok', before=0.0, after=0.0)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Ending: TypeAlias = Literal["ok", "declined", "lost", "lost before", "down"]

LONGEST: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Mood:
    """How a request ends, and how long the gateway takes before it writes into its ledger, and after that."""

    ending: Ending = "ok"
    before: float = 0.0
    after: float = 0.0


_WORDS: Final[Mapping[str, Mood]] = {
    "declined": Mood("declined"),
    "timeout": Mood("lost"),
    "timeout:uncharged": Mood("lost before"),
    "down": Mood("down"),
}


def mood(method: str) -> Mood:
    """What the method asks for; any that says nothing of the kind is a card that works."""
    if method in _WORDS:
        return _WORDS[method]
    word, _, seconds = method.partition(":")
    match word:
        case "slow" if pause := _seconds(seconds):
            return Mood(before=pause)
        case "late" if pause := _seconds(seconds):
            return Mood(after=pause)
        case "slow" | "late":
            return Mood("declined")
        case _:
            return Mood()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and 0 < seconds <= LONGEST else 0.0
