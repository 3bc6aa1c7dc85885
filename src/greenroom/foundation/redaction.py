"""What may be shown of a server: its fields and messages, without secrets, and never at the cost of an error."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from reprlib import Repr
from typing import Any, Final

from greenroom.foundation.exits import FAULTS
from greenroom.foundation.mailbox import Arguments, Function
from greenroom.foundation.state import fields_of

REDACTED: Final = "[redacted]"
SECRETS: Final = (
    "api_key",
    "authorization",
    "card_number",
    "credential",
    "cvv",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "token",
)
"""What the name of a field or argument has in it that is never shown."""


class _Short(Repr):
    """Says little of what is long, and nothing of what is named like a secret, however deep it lies."""

    def repr_dict(self, x: dict[Any, object], level: int) -> str:
        return super().repr_dict(without_secrets(x), level)

    def repr_instance(self, x: Any, level: int) -> str:
        # The `__repr__` that dataclasses make is wrapped; a class with one of its own has decided for itself.
        if level > 0 and is_dataclass(x) and hasattr(type(x).__repr__, "__wrapped__"):
            shown = without_secrets({field.name: getattr(x, field.name, ...) for field in fields(x) if field.repr})
            told = ", ".join(f"{name}={self.repr1(value, level - 1)}" for name, value in shown.items())
            half = self.maxother // 2
            return f"{type(x).__qualname__}({told if len(told) <= 2 * half else f'{told[:half]}...{told[-half:]}'})"
        return super().repr_instance(x, level)


_short: Final = _Short()
_short.maxstring = _short.maxother = 200
_short.maxdict = _short.maxlist = _short.maxtuple = 20


@dataclass(frozen=True, slots=True)
class Request:
    """A message that a process handled: the method, and its arguments by name."""

    method: str
    arguments: Mapping[str, object]

    def __str__(self) -> str:
        return f"{self.method}({named_in_short(self.arguments)})"


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a server: its fields, and after a crash its last message and the reason."""

    state: object
    message: object = None
    reason: object = None


def show(server: Any, message: Request | None = None, reason: object = None) -> Shown:
    """What the server lets be shown; fields with `repr=False`, and secrets by name, are not even shown to it.

    A `format_status` that fails hides everything but the reason.
    """
    try:
        shown = server.format_status(Shown(_visible_fields(server), message, reason))
        if not isinstance(shown, Shown):
            raise TypeError(f"expected format_status to answer a Shown, got {shown!r}")
    except FAULTS as error:  # a report must not fail over what it reports
        return Shown(f"{REDACTED}, since format_status failed: {error!r}", None, reason)
    return shown


def arguments_of(
    function: Function, args: Arguments, kwargs: Mapping[str, object], receiver: Arguments = (None,)
) -> dict[str, object]:
    """The arguments of a method by name, without its `self`; of a function where there is no `receiver`."""
    try:
        bound = inspect.signature(function).bind(*receiver, *args, **kwargs).arguments
    except (TypeError, ValueError):
        return {"args": args, **kwargs}
    return dict(list(bound.items())[len(receiver) :])


def without_secrets(named: Mapping[Any, object]) -> dict[Any, object]:
    """The values by name, where those that are named like secrets are redacted."""
    return {name: REDACTED if _is_secret(name) else value for name, value in named.items()}


def in_short(value: object) -> str:
    """The value in words, cut off where it is long; what can not describe itself is named by its type."""
    return str(value) if isinstance(value, (str, Request)) else _short.repr(value)


def named_in_short(values: Mapping[str, object]) -> str:
    """The values with their names, in words."""
    return ", ".join(f"{name}={_short.repr(value)}" for name, value in values.items())


def _is_secret(name: object) -> bool:
    return isinstance(name, str) and any(secret in name.lower() for secret in SECRETS)


def _visible_fields(server: Any) -> dict[str, object]:
    hidden = {field.name for field in fields(server) if not field.repr} if is_dataclass(server) else set[str]()
    return without_secrets(
        {name: value for name, value in fields_of(server).items() if name not in hidden and name[:2] != "__"}
    )
