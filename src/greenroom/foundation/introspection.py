"""Looking into running processes, and holding them still: what Erlang's `sys` does.

Every server answers these without a line of code of its own. A question waits for its turn behind the messages that
came before it, except at a process that is suspended. All raise `NotRunning` when there is no process, `ServerDown`
when it ends first, and `CallTimeout` when a handler takes longer than `timeout`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from inspect import signature
from typing import Any, Literal, TypeAlias, TypeVar, cast

from greenroom.foundation.errors import CallTimeout, GreenroomError, MailboxFull, NotRunning, ServerDown
from greenroom.foundation.exits import FAULTS, ProcessExit
from greenroom.foundation.mailbox import Arguments, Function
from greenroom.foundation.process import Process
from greenroom.foundation.process_info import ProcessInfo, process_info
from greenroom.foundation.redaction import show
from greenroom.foundation.ref import CALL_SECONDS, Ref, process_at
from greenroom.foundation.state import fields_of, put_fields

S = TypeVar("S")

Health: TypeAlias = Literal["healthy", "service_unavailable", "service_timeout"]


class Refused(GreenroomError):
    """What was asked of a process was refused, and it goes on as it was. `reason` is the error that was met."""

    def __init__(self, ref: object, what: str, reason: Exception | ProcessExit) -> None:
        super().__init__(f"{ref} did not {what}: {type(reason).__name__}: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Status:
    """What a process is and does, and its state as `format_status` shows it."""

    info: ProcessInfo
    state: object


async def health_check(ref: Ref[Any], timeout: float | None = 1.0) -> Health:
    """Whether the process handles messages: `service_timeout` if it has no turn for this one in time."""
    try:
        serves = await _ask(ref, _health_check, (), timeout)
    except CallTimeout:
        return "service_timeout"
    except (NotRunning, ServerDown, MailboxFull):
        return "service_unavailable"
    return "healthy" if serves else "service_unavailable"


async def get_state(ref: Ref[S], timeout: float | None = CALL_SECONDS) -> S:
    """A copy of the server, with all its fields; what these refer to is not copied."""
    return cast("S", await _ask(ref, _get_state, (), timeout))


async def replace_state(ref: Ref[S], change: Callable[[S], S], timeout: float | None = CALL_SECONDS) -> S:
    """Give the server the fields of what `change` makes of a copy of it; answers that.

    Raises:
        Refused: `change` raised, or made something else than such a server; the state is what it was.
    """
    return cast("S", await _ask_for(ref, "take another state", _replace_state, (change,), timeout))


async def change_settings(ref: Ref[Any], timeout: float | None = CALL_SECONDS, **settings: object) -> None:
    """Give the server other values for arguments of its constructor, by name, as if it had been made with them.

    The constructor says what is accepted. Supervisors take other limits, strategies and children; children that are
    new to one are not started. OTP's `code_change`.

    Raises:
        Refused: the constructor raised, or has no such argument; all settings are what they were.
    """
    await _ask_for(ref, "take other settings", _change_settings, (settings,), timeout)


async def suspend(ref: Ref[Any], timeout: float | None = CALL_SECONDS) -> None:
    """Let messages wait until `resume`; the process still stops, and answers what this module asks.

    Raises:
        Refused: it runs a function, which nothing can hold.
    """
    await _ask_for(ref, "suspend", _suspend, (), timeout)


async def resume(ref: Ref[Any], timeout: float | None = CALL_SECONDS) -> None:
    """Handle messages again, first those that have waited."""
    await _ask(ref, _resume, (), timeout)


async def get_status(ref: Ref[Any], timeout: float | None = CALL_SECONDS) -> Status:
    """What the process is and does, with its state as `format_status` shows it."""
    return cast("Status", await _ask(ref, _get_status, (), timeout))


class _Failure:
    # Answered in place of an outcome: a function that raised would end the process.

    def __init__(self, error: Exception | ProcessExit) -> None:
        self.error = error


async def _ask_for(ref: Ref[Any], what: str, function: Function, args: Arguments, timeout: float | None) -> object:
    outcome = await _ask(ref, function, args, timeout)
    if isinstance(outcome, _Failure):
        raise Refused(ref, what, outcome.error) from outcome.error
    return outcome


async def _ask(ref: Ref[Any], function: Function, args: Arguments, timeout: float | None) -> object:
    process = process_at(ref)
    if not isinstance(process, Process):
        raise NotRunning(ref, function.__name__.strip("_"), timeout)
    outcome: object = await process.system(function, args, timeout)
    return outcome


def _health_check(server: Any) -> bool:
    return not server.__process__.halted


def _get_state(server: Any) -> Any:
    return _copy(server.__present__())


def _copy(server: Any) -> Any:
    copied: Any = object.__new__(server.__class__)
    put_fields(copied, fields_of(server))
    return copied


def _replace_state(server: Any, change: Callable[[Any], Any]) -> object:
    server = server.__present__()
    try:
        state = change(_copy(server))
    except FAULTS as error:  # it is the answer
        return _Failure(error)
    if type(state) is not type(server):
        return _Failure(TypeError(f"expected a {type(server).__name__}, got {state!r}"))
    put_fields(server, fields_of(state))
    return state


def _change_settings(server: Any, settings: Mapping[str, object]) -> object:
    if not settings:
        return None
    server = server.__present__()
    known = _settings_of(server)
    if not known.keys() <= signature(server.__class__).parameters.keys():
        own = f"got {server.__class__.__name__}, which has a constructor of its own"
        return _Failure(TypeError(f"expected a server that is made of its fields, {own}"))
    unknown = settings.keys() - known.keys()
    if unknown:
        return _Failure(
            ValueError(f"expected settings among {', '.join(known) or 'none'}, got {', '.join(sorted(unknown))}")
        )
    try:
        made: Any = server.__class__(**known | dict(settings))
        server.__reconfigure__(made, settings.keys())
    except FAULTS as error:  # it is the answer
        return _Failure(error)
    return None


def _settings_of(server: object) -> dict[str, Any]:
    names = [field.name for field in fields(server) if field.init] if is_dataclass(server) else []
    return {name: getattr(server, name) for name in names}


def _suspend(server: Any) -> object:
    process: Process[Any] = server.__process__
    if not process.suspend():
        return _Failure(TypeError(f"expected a server, got {process}"))
    return None


def _resume(server: Any) -> None:
    server.__process__.resume()


def _get_status(server: Any) -> Status:
    present = server.__present__()
    info = process_info(server.__process__)
    assert info is not None
    return Status(info, show(present).state)
