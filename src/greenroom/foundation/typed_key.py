"""Keys that keep their type: 1, 1.0 and True are one key for a dictionary, and three for a registry."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from numbers import Number
from operator import is_
from typing import Any


class TypedKey(tuple[Any, ...]):
    """In place of a key that holds numbers: the key with the type beside each number, and the key itself."""

    __slots__ = ()


def typed(key: Hashable) -> Hashable:
    """What stands for this key in a dictionary; the key itself unless it holds numbers."""
    if type(key) is str:
        return key
    marked = _marked(key)
    return key if marked is key else TypedKey((marked, key))


def _marked(part: Any) -> Any:
    if isinstance(part, str):
        return part
    if isinstance(part, Number):
        return type(part), part
    if isinstance(part, tuple):
        return _marked_parts(part, tuple)
    if isinstance(part, frozenset):
        return _marked_parts(part, frozenset)
    return part


def _marked_parts(whole: Any, kind: Callable[[Iterable[Any]], Any]) -> Any:
    parts = tuple(whole)
    marked = tuple(map(_marked, parts))
    # Nothing to mark in most composite keys: the key is its own stand-in then.
    return whole if all(map(is_, marked, parts)) else kind(marked)
