"""Outcomes that every context may answer with instead of what was asked for.

A refusal is a value: whoever asks matches it, and the checkers see to it that they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NotFound:
    """Nothing is there under this id; `what` names its kind, as in "Customer"."""

    what: str


@dataclass(frozen=True, slots=True)
class InvalidData:
    """At least one field breaks a rule; `reasons` has all of them, each with its reason."""

    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Changed:
    """Someone else was faster: it has this version now, and the caller expected another."""

    version: int


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The idempotency key was used for another request before."""

    key: str
