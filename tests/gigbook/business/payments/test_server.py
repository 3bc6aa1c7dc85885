"""What becomes of payments while time passes, on a clock that stands still."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from gigbook.business import payments
from gigbook.business.database import NAME
from gigbook.business.payments import AlreadyPaid, Payment
from gigbook.business.payments.server import PaymentServer
from gigbook.business.refusals import NotFound
from gigbook.business.versions import Versioned
from greenroom import GenServer, Ref
from greenroom.infrastructure import DatabaseUrl
from greenroom.testing import VirtualClock, settle
from tests.gigbook.business.payments.scene import Scene, agrees


async def pending(scene: Scene, booking: int, method: str) -> Payment:
    paid = await scene.pay(booking, method)
    assert isinstance(paid, Payment)
    assert paid.status == "pending"
    return paid


async def test_the_intent_is_on_disk_before_the_gateway_is_asked(scene: Scene) -> None:
    seen: list[tuple[str, int]] = []
    charge = scene.bank.charge

    async def watched(*args: object) -> object:
        seen.append((scene.payments()[0]["status"], len(scene.reminders())))
        return await charge(*args)  # type: ignore[arg-type]  # whatever it is given

    scene.bank.charge = watched  # type: ignore[assignment, method-assign]  # it stands in for it
    await scene.pay(await scene.add_booking())

    assert seen == [("pending", 1)]
    agrees(scene)


async def test_the_answer_comes_after_two_seconds_whatever_the_gateway_does(scene: Scene, clock: VirtualClock) -> None:
    booking = await scene.add_booking()
    before = clock.monotonic()

    await pending(scene, booking, "slow:4")

    assert clock.monotonic() - before < 3.0
    await scene.until(lambda: not scene.open())
    assert scene.booking(booking) == "confirmed"
    agrees(scene)


async def test_a_payment_is_shown_at_once_while_its_gateway_is_slow(scene: Scene) -> None:
    paid = await pending(scene, await scene.add_booking(), "slow:4")

    found = (
        asyncio.ensure_future(payments.fetch(paid.id)),
        asyncio.ensure_future(PaymentServer.at(paid.id).call(PaymentServer.get)),
    )
    await settle()

    assert all(answer.done() for answer in found)
    await scene.until(lambda: not scene.open())


async def test_a_gateway_that_is_silent_is_asked_again_after_ever_longer_pauses(
    scene: Scene, clock: VirtualClock
) -> None:
    asked: list[float] = []
    look_up = scene.bank.look_up

    async def watched(key: str) -> object:
        asked.append(clock.monotonic())
        return await look_up(key)

    scene.bank.look_up = watched  # type: ignore[assignment, method-assign]  # it stands in for it
    scene.bank.will("down", "timeout:uncharged", "down", "down", "down", "down", "down")
    await pending(scene, await scene.add_booking(), "ok")
    await scene.until(lambda: not scene.open())

    pauses = [round(later - earlier) for earlier, later in pairwise(asked)]
    assert pauses == [2, 4, 8, 16, 20, 20]
    assert scene.events("payment:1") == [
        *("PaymentStarted", "PaymentUnknown", "PaymentUnknown", "PaymentUnknown"),
        "PaymentSucceeded",
    ]
    agrees(scene)


async def test_a_deposit_that_nobody_wants_any_more_is_not_charged(scene: Scene) -> None:
    booking = await scene.add_booking()
    await pending(scene, booking, "timeout:uncharged")

    await scene.cancel(booking)
    await scene.until(lambda: not scene.open())

    (paid,) = scene.payments()
    assert (paid["status"], paid["reason"]) == ("declined", "withdrawn before it was paid")
    assert [row["kind"] for row in scene.ledger()] == ["withdrawal"]
    agrees(scene)


async def test_a_deposit_for_a_booking_that_was_cancelled_meanwhile_is_given_back_by_itself(scene: Scene) -> None:
    booking = await scene.add_booking()
    await pending(scene, booking, "late:3")

    await scene.cancel(booking)
    await scene.until(lambda: not scene.open())

    deposit, refund = scene.payments()
    assert deposit["reason"].startswith("the booking could not be confirmed")
    assert (deposit["status"], refund["kind"], refund["status"]) == ("succeeded", "refund", "succeeded")
    assert scene.events(f"payment:{deposit['id']}")[-1] == "DepositReturned"
    agrees(scene)


async def test_a_hold_that_runs_out_while_the_gateway_is_slow_gives_the_deposit_back(scene: Scene) -> None:
    booking = await scene.add_booking(held_for=3.0)

    await pending(scene, booking, "slow:4")
    await scene.until(lambda: not scene.open())

    assert scene.booking(booking) == "expired"
    assert [row["kind"] for row in scene.payments()] == ["deposit", "refund"]
    agrees(scene)


async def test_a_refund_that_is_declined_may_be_tried_again(scene: Scene) -> None:
    deposit = await scene.pay(await scene.add_booking())
    assert isinstance(deposit, Payment)

    scene.bank.will("declined")
    first = await scene.give_back(deposit.id, "first")
    second = await scene.give_back(deposit.id, "second")

    assert isinstance(first, Payment)
    assert isinstance(second, Payment)
    assert (first.status, second.status) == ("declined", "succeeded")
    agrees(scene)


async def test_a_booking_may_be_paid_for_again_once_its_deposit_has_gone_back_and_not_before(scene: Scene) -> None:
    booking = await scene.add_booking()
    deposit = await scene.pay(booking)
    assert isinstance(deposit, Payment)
    scene.bank.will("slow:4")
    refund = await scene.give_back(deposit.id)
    assert isinstance(refund, Payment)

    meanwhile = await scene.pay(booking, key="meanwhile")
    await scene.until(lambda: not scene.open())
    afterwards = await scene.pay(booking, key="afterwards")

    assert (refund.status, meanwhile) == ("pending", AlreadyPaid())
    assert isinstance(afterwards, Payment)
    assert afterwards.status == "succeeded"
    agrees(scene)


async def test_a_booking_whose_refund_was_declined_has_its_deposit_still(scene: Scene) -> None:
    booking = await scene.add_booking()
    deposit = await scene.pay(booking)
    assert isinstance(deposit, Payment)
    scene.bank.will("declined")
    await scene.give_back(deposit.id)

    assert await scene.pay(booking, key="another") == AlreadyPaid()
    agrees(scene)


async def test_what_another_program_has_settled_can_be_refunded_here(scene: Scene) -> None:
    paid = await pending(scene, await scene.add_booking(), "timeout")
    assert PaymentServer.at(paid.id).alive

    scene.settle_elsewhere(paid.id)

    found = await scene.insist(lambda: payments.fetch(paid.id))
    assert isinstance(found, Versioned)
    assert found.value.status == "succeeded"
    refund = await scene.give_back(paid.id)
    assert isinstance(refund, Payment)
    assert (refund.kind, refund.status) == ("refund", "succeeded")
    assert sum(row["amount"] if row["kind"] == "charge" else -row["amount"] for row in scene.ledger()) == 0


async def test_a_payment_is_pending_while_there_is_no_clerk_and_is_settled_when_there_is(scene: Scene) -> None:
    booking = await scene.add_booking()
    scene.steps.begin(4, lambda: Ref(GenServer, payments.SUPERVISOR).exit("kill"))

    paid = await scene.pay(booking)

    assert isinstance(paid, Payment)
    await scene.until(lambda: not scene.open())
    agrees(scene)


async def test_a_database_that_is_away_for_a_while_holds_payments_up_and_no_more(scene: Scene) -> None:
    booking = await scene.add_booking()
    paid = await pending(scene, booking, "late:3")

    Ref(GenServer, NAME).exit("kill")
    await scene.until(lambda: not scene.open())

    found = await scene.insist(lambda: payments.fetch(paid.id))
    assert isinstance(found, Versioned)
    assert found.value.status == "succeeded"
    agrees(scene)


async def test_a_stop_in_the_middle_of_a_charge_leaves_it_pending_until_the_next_start(
    scene: Scene, clock: VirtualClock
) -> None:
    booking = await scene.add_booking()
    await pending(scene, booking, "slow:4")

    await scene.stop()
    assert [row["status"] for row in scene.payments()] == ["pending"]
    await clock.advance(60)
    await scene.start()
    await scene.until(lambda: not scene.open())

    assert [row["status"] for row in scene.payments()] == ["succeeded"]
    agrees(scene)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_payment_that_is_not_there_is_not_found(scene: Scene, url: DatabaseUrl) -> None:
    for id in (7, 0, -1, 2**63):
        assert await scene.outcome(payments.fetch(id)) == NotFound("Payment")
        assert await scene.outcome(payments.get_state(id)) == NotFound("Payment")
        assert await scene.outcome(payments.ensure_server(id)) == NotFound("Payment")
        assert await scene.outcome(payments.refund(id)) == NotFound("Payment")
        assert await scene.outcome(payments.history(id, after=0, limit=9)) == []


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_the_process_of_a_payment_is_there_for_who_asks_for_it(scene: Scene, url: DatabaseUrl) -> None:
    paid = await scene.pay(await scene.add_booking())
    assert isinstance(paid, Payment)

    server = await scene.outcome(payments.ensure_server(paid.id))

    assert server == PaymentServer.at(paid.id)
    assert PaymentServer.at(paid.id).alive
    assert await scene.outcome(payments.get_state(paid.id)) == paid
