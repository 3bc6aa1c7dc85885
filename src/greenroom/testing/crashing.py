"""Making processes crash, and saying that a crash is expected."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NoReturn

from greenroom.foundation.dynamic_supervisor import DynamicSupervisor
from greenroom.foundation.errors import CallError
from greenroom.foundation.exits import describe
from greenroom.foundation.function_process import FunctionProcess
from greenroom.foundation.mailbox import NOTHING
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Ref
from greenroom.foundation.server import Server
from greenroom.foundation.supervisor import Supervisor
from greenroom.testing.record import Crash, current_record
from greenroom.testing.settling import settle
from greenroom.testing.watching import process_of


async def crash(ref: Ref[Any], error: BaseException | None = None) -> None:
    """Kill the process, and wait until its supervisor has done what it does then.

    With an error, its next handler raises that one instead: `terminate` runs and the crash is reported, as expected.
    What runs a function is cut short where it waits, and ends for that error.

    Raises:
        NotRunning: there is no process.
    """
    process = process_of(ref, "crash")
    supervisor, gone = process.parent, process.gone()
    if error is None:
        process.kill()
    elif isinstance(process, FunctionProcess):
        current_record().expect(error)
        process.ask_to_stop(error)
    else:
        current_record().expect(error)
        process.put((_raise, (error,), NOTHING, None))
    await gone
    await _have_acted(supervisor)


@contextmanager
def expected_crash(reason: object = Exception) -> Generator[list[Crash]]:
    """Expect at least one crash within the block, for this reason or with an exception of this type.

    The list has these crashes after the block. Wait for them inside, for an answer or with `settle()`.

    Raises:
        AssertionError: none came.
    """
    record = current_record()
    before = len(record.crashes)
    found: list[Crash] = []
    yield found
    found += claimed(record.crashes[before:], reason)
    for crash in found:
        record.expect(crash.reason)


def claim(crashes: list[Crash], reason: object) -> list[Crash]:
    """The crashes for this reason, or with an exception of this type; they are expected from now on."""
    found = [crash for crash in crashes if _matches(crash.reason, reason)]
    for crash in found:
        crash.expected = True
    return found


def claimed(crashes: list[Crash], reason: object) -> list[Crash]:
    """The same, at least one.

    Raises:
        AssertionError: there is none.
    """
    found = claim(crashes, reason)
    if not found:
        others = ", ".join(f"{crash.process}: {describe(crash.reason)}" for crash in crashes) or "none"
        raise AssertionError(f"expected a crash for {_named(reason)}, got {others}")
    return found


async def _have_acted(supervisor: Process[Any] | None) -> None:
    # The question waits behind the news in the supervisor's mailbox: the answer comes after the restart.
    await settle()
    try:
        match supervisor:
            case Process(server=Supervisor()):
                await supervisor.within(None).call(Supervisor.count_children)
            case Process(server=DynamicSupervisor()):
                await supervisor.within(None).call(DynamicSupervisor.count_children)
            case _:
                pass
    except CallError:
        pass


def _raise(server: Server, error: BaseException) -> NoReturn:
    raise error


def _matches(reason: object, expected: object) -> bool:
    return isinstance(reason, expected) if isinstance(expected, type) else reason == expected


def _named(reason: object) -> str:
    return reason.__name__ if isinstance(reason, type) else describe(reason)
