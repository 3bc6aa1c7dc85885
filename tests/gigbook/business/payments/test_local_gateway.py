"""The local gateway is a gateway, and fails on command."""

from __future__ import annotations

import asyncio

import pytest

from gigbook.business.payments.gateway import Charged, GatewayTimeout, GatewayUnavailable, Unseen
from gigbook.business.payments.method import Method
from greenroom import Ref
from greenroom.infrastructure import Database
from tests.gigbook.business.payments.books import LocalBank
from tests.gigbook.business.payments.gateway_contract import PRICE, GatewayContract


@pytest.fixture
def bank(running_database: Ref[Database]) -> LocalBank:
    return LocalBank()


class TestContract(GatewayContract):
    """It is one."""

    approved = Method("ok")
    refused = Method("declined")


async def test_a_time_out_after_charging_is_found_by_looking_it_up(bank: LocalBank) -> None:
    with pytest.raises(GatewayTimeout):
        await bank.charge("7", PRICE, Method("timeout"))

    assert isinstance(await bank.look_up("7"), Charged)
    assert isinstance(await bank.charge("7", PRICE, Method("timeout")), Charged)
    assert await bank.balance() == 12_50


async def test_a_time_out_before_charging_leaves_nothing_and_the_next_try_works(bank: LocalBank) -> None:
    with pytest.raises(GatewayTimeout):
        await bank.charge("7", PRICE, Method("timeout:uncharged"))

    assert await bank.look_up("7") == Unseen()
    assert isinstance(await bank.charge("7", PRICE, Method("timeout:uncharged")), Charged)


async def test_a_gateway_that_is_down_fails_twice_for_a_key_then_works(bank: LocalBank) -> None:
    with pytest.raises(GatewayUnavailable):
        await bank.charge("7", PRICE, Method("down"))
    with pytest.raises(GatewayUnavailable):
        await bank.look_up("7")

    assert await bank.look_up("7") == Unseen()
    assert isinstance(await bank.charge("7", PRICE, Method("down")), Charged)
    assert isinstance(await bank.charge("8", PRICE, Method("ok")), Charged)


@pytest.mark.parametrize(("method", "charged"), [("slow:3600", 0), ("late:3600", 12_50)])
async def test_a_request_that_is_given_up_was_carried_out_or_not_by_where_it_was_slow(
    bank: LocalBank, method: str, charged: int
) -> None:
    asking = asyncio.ensure_future(bank.charge("7", PRICE, Method(method)))
    await asyncio.sleep(0)
    while await bank.balance() != charged:
        pass
    asking.cancel()
    await asyncio.wait({asking})

    assert asking.cancelled()
    assert await bank.balance() == charged
    assert isinstance(await bank.charge("7", PRICE, Method(method)), Charged)


async def test_any_request_fails_as_it_is_told_to(bank: LocalBank) -> None:
    charged = await bank.charge("7", PRICE, Method("a card"))
    assert isinstance(charged, Charged)
    bank.will("down", "timeout", "timeout:uncharged")

    with pytest.raises(GatewayUnavailable):
        await bank.refund("8", charged.reference, PRICE)
    with pytest.raises(GatewayTimeout):
        await bank.refund("8", charged.reference, PRICE)
    with pytest.raises(GatewayTimeout):
        await bank.look_up("8")

    assert isinstance(await bank.look_up("8"), Charged)
    assert await bank.balance() == 0


async def test_its_ledger_outlives_it(bank: LocalBank) -> None:
    charged = await bank.charge("7", PRICE, Method("ok"))

    assert await LocalBank().look_up("7") == charged
