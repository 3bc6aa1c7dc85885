"""`self.state = …` in an entity: a mistake that looks like a change, and would be none.

Handlers read the state all the time, so it is a plain slot, and Python has none that can be read but not set. The
classes with such a line are found when they are made, and only their entities look at what is set.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dis import get_instructions
from types import CodeType, FunctionType
from typing import Any


def refuse_assignments(cls: Any) -> None:
    """Let `self.state = …` raise in entities of this class, if its code has such a line for whatever object."""
    if not any(_assigns(function.__code__) for function in _functions(cls)):
        return
    plain = cls.__setattr__

    def checked(entity: Any, name: str, value: object) -> None:
        if name == "state":
            raise AttributeError(
                f"expected {cls.__name__} to hand a new state to self.save, self.save_later or self.keep, "
                "got self.state = ..., which would store nothing"
            )
        plain(entity, name, value)

    cls.__setattr__ = checked


def _functions(cls: type[Any]) -> Iterator[FunctionType]:
    # Those of all bases: one that is no entity by itself was not looked at before.
    for base in cls.__mro__:
        for member in vars(base).values():
            function = inspect.unwrap(member) if callable(member) else member
            if isinstance(function, FunctionType):
                yield function


def _assigns(code: CodeType) -> bool:
    within = (each for each in code.co_consts if isinstance(each, CodeType))
    return ("state" in code.co_names and any(map(_is_assignment, get_instructions(code)))) or any(map(_assigns, within))


def _is_assignment(step: Any) -> bool:
    return bool(step.opname == "STORE_ATTR" and step.argval == "state")
