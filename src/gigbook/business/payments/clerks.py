"""The supervisor of those who see to payments: one clerk for each that something is left to do for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gigbook.business.payments.terms import Terms
from greenroom import AlreadyStarted, ChildSpec, DynamicSupervisor, GenServer, Ref, StartError

SUPERVISOR: Final = "payment-clerks"


@dataclass
class Clerks(DynamicSupervisor):
    """Starts clerks; a second one for the same payment is the first one."""

    clerk: Callable[[int, int], ChildSpec[GenServer]] = field(kw_only=True, repr=False)
    terms: Terms = field(kw_only=True)

    async def attend(self, id: int, tries: int = 0) -> Ref[GenServer]:
        """Whoever sees to the payment, from now on if nobody did; `tries` is how often the gateway may have been asked.

        It is gone when there is nothing to do for now.
        """
        name = ("payment-clerk", id)
        started = await self.start_child(self.clerk(id, tries).named(name))
        if isinstance(started, StartError) and not isinstance(started, AlreadyStarted):
            raise started
        return Ref(GenServer, name)

    async def patience(self, tries: int = 0) -> float:
        """In how many seconds to look at a payment again, if nobody has done so by then."""
        return self.terms.patience(tries)


CLERKS: Final = Ref(Clerks, SUPERVISOR)
