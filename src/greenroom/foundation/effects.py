"""What a handler wants done when it is over, such as telling others of a change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Effect: TypeAlias = Callable[[], object]
"""It returns at once, and does not raise: nobody waits for it."""


class Effects:
    """Carried out in their order if the handler succeeds. If it fails, those are that were confirmed before."""

    __slots__ = ("_confirmed", "_effects")

    def __init__(self) -> None:
        self._effects: list[Effect] = []
        self._confirmed = 0

    def add(self, effect: Effect) -> None:
        """Put one behind the others."""
        self._effects.append(effect)

    def confirm(self) -> None:
        """Have those that are there carried out, whatever becomes of the handler."""
        self._confirmed = len(self._effects)

    def revoke(self) -> None:
        """Drop those that are not confirmed."""
        del self._effects[self._confirmed :]

    def carry_out(self) -> None:
        """Do what is left; the handler is over."""
        effects, self._effects, self._confirmed = self._effects, [], 0
        for effect in effects:
            effect()
