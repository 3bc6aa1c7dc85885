"""Outcomes that every context may answer with instead of what was asked for.

A refusal is a value: whoever asks matches it, and the checkers see to it that they do. As a string it is the line that
the one who asked may read. What only one context refuses stands in that context's model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass


class Refusal(ABC):
    """What the business says instead of doing what was asked; nothing was changed."""

    __slots__ = ()

    @abstractmethod
    def __str__(self) -> str:
        """Why, in one line for whoever asked."""


@dataclass(frozen=True, slots=True)
class NotFound(Refusal):
    """Nothing is there under this id.

    `what` names its kind, as in "Customer".
    """

    what: str

    def __str__(self) -> str:
        return f"{self.what} not found"


@dataclass(frozen=True, slots=True)
class InvalidData(Refusal):
    """At least one field breaks a rule.

    `reasons` has all of them, each with its reason.
    """

    reasons: Mapping[str, str]

    def __str__(self) -> str:
        return "Some values are not valid"


@dataclass(frozen=True, slots=True)
class EmailExists(Refusal):
    """Somebody else has this address."""

    email: str

    def __str__(self) -> str:
        return "Email already exists"


@dataclass(frozen=True, slots=True)
class InUse(Refusal):
    """Something else refers to what was to be removed.

    `what` names its kind.
    """

    what: str

    def __str__(self) -> str:
        return f"{self.what} is still in use: something else refers to it"


@dataclass(frozen=True, slots=True)
class Changed(Refusal):
    """Someone else was faster: it has another version now than was expected.

    `version` is the one that it has.
    """

    version: int

    def __str__(self) -> str:
        return f"Changed by someone else: it is at version {self.version} now; read it again before you change it"


@dataclass(frozen=True, slots=True)
class KeyReused(Refusal):
    """The idempotency key was used for another request before."""

    key: str

    def __str__(self) -> str:
        return "This Idempotency-Key was used for another request; choose a new one"
