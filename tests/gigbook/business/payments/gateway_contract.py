"""What every payment gateway must do: a suite for adapters.

    class TestOurBank(GatewayContract):
        approved = Method("pm_card_visa")
        refused = Method("pm_card_chargeDeclined")

        @pytest.fixture
        def bank(self) -> Bank:
            return OurBank(sandbox=True)

A `Bank` is the gateway under test with one more method, which tells how much money it holds.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar, Protocol
from uuid import uuid4

from gigbook.business.payments.gateway import Charged, Declined, Outcome, PaymentGateway, Unseen
from gigbook.business.payments.method import Method
from gigbook.business.payments.money import Money

PRICE = Money(12_50, "EUR")
MORE = Money(12_51, "EUR")


class Bank(PaymentGateway, Protocol):
    """A gateway whose books a test may read."""

    async def balance(self) -> int:
        """All that was charged less all that was given back, in cents."""
        ...


def new_key() -> str:
    return uuid4().hex


def reference(outcome: Outcome) -> str:
    assert isinstance(outcome, Charged), outcome
    return outcome.reference


class GatewayContract:
    """A test class for a gateway inherits from this one, and has a fixture `bank`."""

    approved: ClassVar[Method]
    refused: ClassVar[Method]

    async def test_a_key_that_it_never_saw_is_unseen(self, bank: Bank) -> None:
        assert await bank.look_up(new_key()) == Unseen()

    async def test_a_charge_moves_the_money_and_is_found_under_its_key(self, bank: Bank) -> None:
        key = new_key()

        charged = await bank.charge(key, PRICE, self.approved)

        assert isinstance(charged, Charged)
        assert await bank.look_up(key) == charged
        assert await bank.balance() == 12_50

    async def test_a_charge_that_is_declined_moves_nothing_and_stays_declined(self, bank: Bank) -> None:
        key = new_key()

        declined = await bank.charge(key, PRICE, self.refused)

        assert isinstance(declined, Declined)
        assert declined.reason
        assert await bank.look_up(key) == declined
        assert await bank.charge(key, PRICE, self.refused) == declined
        assert await bank.balance() == 0

    async def test_the_same_key_again_is_answered_alike_and_moves_nothing(self, bank: Bank) -> None:
        key = new_key()

        first = await bank.charge(key, PRICE, self.approved)
        again = await bank.charge(key, PRICE, self.approved)

        assert again == first
        assert await bank.balance() == 12_50

    async def test_the_same_key_many_times_at_once_moves_the_money_once(self, bank: Bank) -> None:
        key = new_key()

        outcomes = await asyncio.gather(*(bank.charge(key, PRICE, self.approved) for _ in range(10)))

        assert len(set(outcomes)) == 1
        assert await bank.balance() == 12_50

    async def test_other_keys_are_other_charges(self, bank: Bank) -> None:
        first = await bank.charge(new_key(), PRICE, self.approved)
        second = await bank.charge(new_key(), PRICE, self.approved)

        assert reference(first) != reference(second)
        assert await bank.balance() == 25_00

    async def test_a_refund_gives_the_money_back_and_is_found_under_its_key(self, bank: Bank) -> None:
        key, charge = new_key(), reference(await bank.charge(new_key(), PRICE, self.approved))

        refunded = await bank.refund(key, charge, PRICE)

        assert isinstance(refunded, Charged)
        assert await bank.look_up(key) == refunded
        assert await bank.refund(key, charge, PRICE) == refunded
        assert await bank.balance() == 0

    async def test_a_charge_is_given_back_once_whatever_the_key(self, bank: Bank) -> None:
        charge = reference(await bank.charge(new_key(), PRICE, self.approved))
        keys = [new_key() for _ in range(5)]

        outcomes = await asyncio.gather(*(bank.refund(key, charge, PRICE) for key in [*keys, *keys]))

        assert sum(isinstance(outcome, Charged) for outcome in outcomes[:5]) == 1
        assert outcomes[5:] == outcomes[:5]
        assert await bank.balance() == 0

    async def test_what_was_never_charged_is_not_given_back(self, bank: Bank) -> None:
        key = new_key()
        await bank.charge(key, PRICE, self.refused)

        assert isinstance(await bank.refund(new_key(), key, PRICE), Declined)
        assert isinstance(await bank.refund(new_key(), "no such charge", PRICE), Declined)
        assert await bank.balance() == 0

    async def test_no_more_is_given_back_than_was_charged(self, bank: Bank) -> None:
        charge = reference(await bank.charge(new_key(), PRICE, self.approved))

        assert isinstance(await bank.refund(new_key(), charge, MORE), Declined)
        assert isinstance(await bank.refund(new_key(), charge, Money(12_50, "USD")), Declined)
        assert await bank.balance() == 12_50

    async def test_a_key_that_is_withdrawn_moves_nothing_any_more(self, bank: Bank) -> None:
        key = new_key()

        withdrawn = await bank.withdraw(key)

        assert isinstance(withdrawn, Declined)
        assert await bank.charge(key, PRICE, self.approved) == withdrawn
        assert await bank.look_up(key) == withdrawn
        assert await bank.balance() == 0

    async def test_a_charge_that_was_made_can_not_be_withdrawn(self, bank: Bank) -> None:
        key = new_key()
        charged = await bank.charge(key, PRICE, self.approved)

        assert await bank.withdraw(key) == charged
        assert await bank.balance() == 12_50

    async def test_a_withdrawal_and_a_charge_at_once_agree_which_came_first(self, bank: Bank) -> None:
        keys = [new_key() for _ in range(5)]

        outcomes = await asyncio.gather(
            *(bank.charge(key, PRICE, self.approved) for key in keys), *(bank.withdraw(key) for key in keys)
        )

        assert outcomes[5:] == outcomes[:5]
        assert await bank.balance() == 12_50 * sum(isinstance(outcome, Charged) for outcome in outcomes[:5])
