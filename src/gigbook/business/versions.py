"""Values that carry a version, so that a change can name the one it was made from."""

from __future__ import annotations

from typing import Generic, TypeAlias, TypeVar

from msgspec import UNSET, Struct, structs

from gigbook.business.refusals import NotFound

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Expected: TypeAlias = frozenset[int] | None
"""The versions that a change may replace; None where the caller accepts any."""


class Versioned(Struct, Generic[T_co], frozen=True):
    """A value as it was at one version; each change makes another."""

    value: T_co
    version: int


def allows(expected: Expected, version: int) -> bool:
    """Whether a change made with this expectation may replace this version."""
    return expected is None or version in expected


def bare(found: Versioned[T] | NotFound) -> T | NotFound:
    """The value alone, if there is one."""
    return found if isinstance(found, NotFound) else found.value


def named_by(change: Struct) -> dict[str, object]:
    """The fields that a change names, with their new values; what it leaves out is not among them."""
    return {field: value for field, value in structs.asdict(change).items() if value is not UNSET}
