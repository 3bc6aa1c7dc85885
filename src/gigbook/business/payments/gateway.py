"""The seam to whoever moves money: what a gateway must do, what it answers, how it fails.

Every request to move money carries a *key* that is made once. The same key asked again, by whichever program, after
whatever failure, moves nothing more and is answered as it was the first time. All that payments promise stands on this;
`tests/gigbook/business/payments/gateway_contract.py` is the suite that a gateway must pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from gigbook.business.payments.method import Method
from gigbook.business.payments.money import Money


@dataclass(frozen=True, slots=True)
class Charged:
    """The money has moved; `reference` is the gateway's name for it."""

    reference: str


@dataclass(frozen=True, slots=True)
class Declined:
    """The money has not moved, and under this key it never will; `reason` is for the one who pays."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unseen:
    """No request with this key has arrived so far. One may still be on its way."""


Outcome: TypeAlias = Charged | Declined


class GatewayError(Exception):
    """The gateway gave no outcome. What became of the request, `look_up` will tell."""


class GatewayUnavailable(GatewayError):
    """It can not be reached, or has no time for us; it did nothing."""


class GatewayTimeout(GatewayError):
    """Its answer did not come in time; it may have moved the money."""


class PaymentGateway(Protocol):
    """Moves money. Its methods may be called at the same time, with the same key too, and by several programs.

    Each raises `GatewayTimeout` or `GatewayUnavailable` when there is no outcome, and nothing else unless it is broken.
    """

    async def charge(self, key: str, money: Money, method: Method) -> Outcome:
        """Take the money from the one who pays by this method."""
        ...

    async def refund(self, key: str, charge: str, money: Money) -> Outcome:
        """Give the money of a charge, named by its reference, back. No charge is given back twice, under any key."""
        ...

    async def look_up(self, key: str) -> Outcome | Unseen:
        """What became of the request with this key; moves nothing."""
        ...

    async def withdraw(self, key: str) -> Outcome:
        """See to it that the key moves nothing from now on: `Declined`, or `Charged` if the money has moved already.

        A request with this key that arrives later is declined.
        """
        ...
