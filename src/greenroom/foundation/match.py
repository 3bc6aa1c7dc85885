"""What to look for in a registry: patterns for values, and `Match` for whole entries.

A pattern is a value that may have `ANY` in places: `(1, ANY)` is for pairs that begin with 1, `{"city": "Paris"}` for
mappings with that city. Numbers keep their type: 1 does not fit 1.0. What patterns can not say, predicates can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any, Final, NamedTuple, TypeAlias, cast

from greenroom.foundation.ref import Ref

Guard: TypeAlias = Callable[[Any], object]
"""A predicate over a value."""


class Entry(NamedTuple):
    """One registration: the key, the process that holds it, and what it says of itself."""

    key: Any
    ref: Ref[Any]
    value: Any


class _Anything:
    __slots__ = ()

    def __repr__(self) -> str:
        return "ANY"


ANY: Final = _Anything()
"""The pattern that everything fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Entries whose key, process and value fit these patterns, and that the predicate `where` accepts."""

    key: object = ANY
    ref: object = ANY
    value: object = ANY
    where: Callable[[Entry], object] | None = None

    def __post_init__(self) -> None:
        if self.where is not None and not callable(self.where):
            raise TypeError(f"expected where to be a predicate over an entry, got {self.where!r}")

    def __call__(self, entry: Entry) -> bool:
        """Whether the entry is meant."""
        return (
            fits(entry.key, self.key)
            and (self.ref is ANY or entry.ref is self.ref)
            and fits(entry.value, self.value)
            and (self.where is None or bool(self.where(entry)))
        )


Spec: TypeAlias = "Match | Callable[[Entry], object]"
"""What to select: a `Match`, or a predicate over an entry."""


def fits(value: object, pattern: object) -> bool:
    """Whether the value fits the pattern."""
    match pattern:
        case _Anything():
            return True
        case Number():
            return type(value) is type(pattern) and value == pattern
        case tuple() | list():
            return _fits_sequence(value, cast("Sequence[object]", pattern))
        case Mapping():
            return _fits_mapping(value, cast("Mapping[object, object]", pattern))
        case _:
            return bool(value == pattern)


def _fits_sequence(value: object, pattern: Sequence[object]) -> bool:
    if not isinstance(value, tuple if isinstance(pattern, tuple) else list):
        return False
    items = cast("Sequence[object]", value)
    return len(items) == len(pattern) and all(map(fits, items, pattern))


def _fits_mapping(value: object, pattern: Mapping[object, object]) -> bool:
    if not isinstance(value, Mapping):
        return False
    mapping = cast("Mapping[object, object]", value)
    return all(key in mapping and fits(mapping[key], part) for key, part in pattern.items())


def accepted(value: object, pattern: object, guards: tuple[Guard, ...]) -> bool:
    """Whether the value fits the pattern, and every guard holds."""
    return fits(value, pattern) and all(guard(value) for guard in guards)


def checked_specs(specs: tuple[Any, ...]) -> tuple[Spec, ...]:
    """The specs, if each is one.

    Raises:
        TypeError: one is neither a `Match` nor a predicate.
    """
    for spec in specs:
        if not callable(spec):
            raise TypeError(f"expected a Match or a predicate over an entry, got {spec!r}")
    return specs
