"""Why a process ended.

A reason is any value. Five words have OTP's meaning: `normal` and `shutdown` are clean ends, `kill` is the signal
that nothing can trap and whose victims are seen as `killed`, `noproc` is the end of what never ran. A handler's
exception is the reason of its crash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

NORMAL: Final = "normal"
SHUTDOWN: Final = "shutdown"
KILL: Final = "kill"
KILLED: Final = "killed"
NOPROC: Final = "noproc"

CLEAN: Final = (NORMAL, SHUTDOWN)


@dataclass(frozen=True, slots=True)
class Shutdown:
    """A clean end that says more: OTP's `{shutdown, Term}`."""

    detail: object


class ProcessExit(BaseException):
    """Ends the process that raises it, with `reason`; no `except Exception` stops it."""

    def __init__(self, reason: object) -> None:
        super().__init__(describe(reason))
        self.reason = reason


FAULTS: Final = (Exception, ProcessExit)
"""What is caught where code of the user's must not end what calls it: errors, and exits that it asked for."""


def exit_with(reason: object) -> NoReturn:
    """End the calling process with this reason, as Erlang's `exit/1` does."""
    raise ProcessExit(reason)


def is_clean(reason: object) -> bool:
    """Whether a transient child that ended so stays down: normal, shutdown or a `Shutdown`."""
    return reason in CLEAN if isinstance(reason, str) else isinstance(reason, Shutdown)


def reason_of(error: BaseException) -> object:
    """The exit reason of a process whose code raised this."""
    return error.reason if isinstance(error, ProcessExit) else error


def describe(reason: object) -> str:
    """The reason in words, for messages and logs."""
    match reason:
        case BaseException():
            text = _printed(str, reason)
            return f"{type(reason).__name__}: {text}" if text else type(reason).__name__
        case Shutdown(detail):
            return f"shutdown ({_printed(str, detail)})"
        case str():
            return reason
        case _:
            return _printed(repr, reason)


def _printed(form: Callable[[object], str], value: object) -> str:
    try:
        return form(value)
    except Exception:  # a reason that can not be printed must not keep a process from ending
        return f"a {type(value).__name__} that can not be printed"
