"""Which process owns which customer: started at the first request, found by id, never two for one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

from gigbook.business.customers.server import GONE, MISSING, CustomerServer, Outdated, Untouched
from gigbook.business.refusals import NotFound
from greenroom import (
    AlreadyStarted,
    DynamicSupervisor,
    NotRunning,
    Ref,
    ServerDown,
    StartError,
    Via,
    child,
)

P = ParamSpec("P")
R = TypeVar("R")

REGISTRY: Final = "customers"
SUPERVISOR: Final = "customers-supervisor"
HIGHEST_ID: Final = 2**63 - 1
TRIES: Final = 4


async def ask(
    id: int,
    method: Callable[Concatenate[CustomerServer, P], Awaitable[R | Outdated | Untouched]],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> R | NotFound:
    """Ask the process of this customer, which is started if it is not there.

    One that leaves between two requests was asked in vain, and did nothing: the next one is asked.
    """
    if not 0 < id <= HIGHEST_ID:
        return GONE
    server = Ref(CustomerServer, Via(REGISTRY, id))
    for _ in range(TRIES):
        try:
            answer = await server.call(method, *args, **kwargs)
        except NotRunning:
            await _start(id)
        except ServerDown as down:
            if down.reason == MISSING:
                return GONE
            if down.reason != "normal":
                raise
        else:
            if isinstance(answer, Untouched):
                raise answer.error
            if not isinstance(answer, Outdated):
                return answer
    raise NotRunning(server, method.__name__)


async def _start(id: int) -> None:
    """Start the process of the customer, unless somebody else just has."""
    spec = child(CustomerServer, id=id).named(Via(REGISTRY, id))
    started = await Ref(DynamicSupervisor, SUPERVISOR).call(DynamicSupervisor.start_child, spec)
    if isinstance(started, StartError) and not isinstance(started, AlreadyStarted):
        raise started


async def active() -> int:
    """How many customers have a process now."""
    counts = await Ref(DynamicSupervisor, SUPERVISOR).call(DynamicSupervisor.count_children)
    return counts.active
