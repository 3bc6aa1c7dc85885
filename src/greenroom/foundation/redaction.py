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

_short: Final = Repr()
_short.maxstring = _short.maxother = 200
_short.maxdict = _short.maxlist = _short.maxtuple = 20


@dataclass(frozen=True, slots=True)
class Request:
    """A message that a process handled: the method, and its arguments by name."""

    method: str
    arguments: Mapping[str, object]

    def __str__(self) -> str:
        return f"{self.method}({', '.join(f'{name}={_short.repr(value)}' for name, value in self.arguments.items())})"


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


def arguments_of(function: Function, args: Arguments, kwargs: Mapping[str, object]) -> dict[str, object]:
    """The arguments of a method by name, without its `self`."""
    try:
        bound = inspect.signature(function).bind(None, *args, **kwargs).arguments
    except (TypeError, ValueError):
        return {"args": args, **kwargs}
    return dict(list(bound.items())[1:])


def without_secrets(named: Mapping[str, object]) -> dict[str, object]:
    """The values by name, where those that are named like secrets are redacted."""
    return {name: REDACTED if _is_secret(name) else value for name, value in named.items()}


def in_short(value: object) -> str:
    """The value in words, cut off where it is long; what can not describe itself is named by its type."""
    return str(value) if isinstance(value, (str, Request)) else _short.repr(value)


def _is_secret(name: str) -> bool:
    return any(secret in name.lower() for secret in SECRETS)


def _visible_fields(server: Any) -> dict[str, object]:
    hidden = {field.name for field in fields(server) if not field.repr} if is_dataclass(server) else set[str]()
    return without_secrets({name: value for name, value in fields_of(server).items() if name not in hidden})
