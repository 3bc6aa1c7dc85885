"""Looking at processes from outside: their state, and whether they came back."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from greenroom.foundation.errors import NotRunning
from greenroom.foundation.namespace import Name, current_namespace
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Named, Ref
from greenroom.testing.record import Birth, current_record
from greenroom.testing.settling import settle_until

S = TypeVar("S")


def state(ref: Ref[S]) -> S:
    """The server itself, as it is right now; `await settle()` first if messages wait for it.

    Raises:
        NotRunning: there is no process.
    """
    return cast("S", process_of(ref, "state").server)


def process_of(ref: Ref[Any], what: str) -> Process[Any]:
    """The process that is there now.

    Raises:
        NotRunning: there is none.
    """
    process = ref.where()
    if not isinstance(process, Process):
        raise NotRunning(ref, what)
    return process


async def assert_restarted(ref: Ref[S] | str) -> Ref[S]:
    """Wait until another process is there in place of the one that ended; answers the new one.

    For the address of one process, it is the one that its supervisor started instead. For a name, it is the one that
    holds it, if it is not the first.

    Raises:
        AssertionError: there is none.
    """
    await settle_until(
        lambda: _successor(ref) is not None, lambda: f"expected {ref} to have been restarted, got {_instead(ref)}"
    )
    return cast("Ref[S]", _successor(ref))


def _successor(ref: Ref[Any] | str) -> Process[Any] | None:
    match ref:
        case str():
            later = _holders(ref)[1:]
        case Named():
            later = _holders(ref.name)[1:]
        case _:
            later = _later(ref.find())
    return later[-1].process if later and later[-1].process.alive else None


def _instead(ref: Ref[Any] | str) -> str:
    match ref:
        case str():
            holders = _holders(ref)
        case Named():
            holders = _holders(ref.name)
        case _:
            process = ref.find()
            holders = [birth for birth in current_record().births if birth.process is process]
    if not holders:
        return "none that was ever started"
    return f"{holders[-1].process}, which {'has not ended' if holders[-1].process.alive else 'ended for good'}"


def _holders(name: Name) -> list[Birth]:
    namespace = current_namespace()
    births = current_record().births
    return [birth for birth in births if birth.process.name == name and birth.process.namespace is namespace]


def _later(process: object) -> list[Birth]:
    births = current_record().births
    if not isinstance(process, Process) or process.alive:
        return []
    at = next((index for index, birth in enumerate(births) if birth.process is process), len(births))
    return [birth for birth in births[at + 1 :] if _stands_in(birth, births[at])]


def _stands_in(birth: Birth, for_: Birth) -> bool:
    if for_.process.name is not None:
        return birth.process.name == for_.process.name
    return birth.parent is not None and (birth.parent, birth.server) == (for_.parent, for_.server)
