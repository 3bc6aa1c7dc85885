"""The state of a server: its fields, whether they lie in a dictionary or in slots."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

NOT_STATE: Final = frozenset({"__process__", "__dict__", "__weakref__"})


def fields_of(server: Any) -> dict[str, Any]:
    """The fields by name, and not what they refer to: a list is the server's own list."""
    fields: dict[str, Any] = getattr(server, "__dict__", {}).copy()
    for name in _slots(server.__class__):
        if hasattr(server, name):
            fields[name] = getattr(server, name)
    return fields


def put_fields(server: Any, fields: Mapping[str, Any]) -> None:
    """Give the server these fields and no others."""
    for name in fields_of(server).keys() - fields.keys():
        object.__delattr__(server, name)
    for name, value in fields.items():
        object.__setattr__(server, name, value)


@cache
def _slots(cls: type) -> tuple[str, ...]:
    names = (name for base in cls.__mro__ for name in _declared(base))
    return tuple(name for name in names if name not in NOT_STATE)


def _declared(base: type) -> tuple[str, ...]:
    declared: str | tuple[str, ...] = base.__dict__.get("__slots__", ())
    return (declared,) if isinstance(declared, str) else tuple(declared)
