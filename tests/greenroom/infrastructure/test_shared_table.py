from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from greenroom import (
    AlreadyStarted,
    GenServer,
    GreenroomError,
    NoTable,
    NotRunning,
    NotTableOwner,
    OutsideProcess,
    Ref,
    SharedTable,
    TableGiven,
    namespace,
)
from greenroom.testing import Probe, Tree

PRICES: SharedTable[str, int] = SharedTable("prices")


@dataclass
class PriceList(GenServer):
    heir: Ref[GenServer] | None = None

    async def init(self) -> None:
        PRICES.create(self.heir)

    async def change(self, drink: str, price: int) -> None:
        PRICES[drink] = price

    async def drop(self, drink: str) -> None:
        del PRICES[drink]

    async def take_over(self, prices: dict[str, int]) -> None:
        PRICES.clear()
        PRICES.update(prices)

    async def hand_to(self, other: Ref[GenServer]) -> None:
        PRICES.give(other)

    async def close(self) -> None:
        PRICES.delete()


def now(work: Callable[[], object]) -> Callable[[], Awaitable[Exception | None]]:
    """The work as something to be awaited, for a probe to perform; it answers the error."""

    async def perform() -> Exception | None:
        try:
            work()
        except GreenroomError as error:
            return error
        return None

    return perform


@pytest.fixture
async def prices(tree: Tree) -> Ref[PriceList]:
    ref = await tree.start(PriceList)
    await ref.call(PriceList.take_over, {"gin": 9, "rum": 7})
    return ref


async def test_what_the_owner_writes_everyone_reads(prices: Ref[PriceList]) -> None:
    await prices.call(PriceList.change, "gin", 10)
    await prices.call(PriceList.drop, "rum")
    await prices.call(PriceList.change, "rye", 8)

    assert PRICES["gin"] == 10
    assert PRICES.snapshot() == {"gin": 10, "rye": 8}


async def test_a_table_is_read_like_a_dictionary(prices: Ref[PriceList]) -> None:
    assert (PRICES.get("gin"), PRICES.get("tea"), PRICES.get("tea", 0)) == (9, None, 0)
    assert ("gin" in PRICES, "tea" in PRICES) == (True, False)
    assert (list(PRICES), len(PRICES)) == (["gin", "rum"], 2)
    with pytest.raises(KeyError, match="tea"):
        PRICES["tea"]


async def test_to_iterate_allows_for_writes_meanwhile(prices: Ref[PriceList]) -> None:
    for drink in PRICES:
        await prices.call(PriceList.change, f"double {drink}", 20)

    assert len(PRICES) == 4


async def test_a_view_follows_the_table_and_can_not_change_it(prices: Ref[PriceList]) -> None:
    view = PRICES.view()

    await prices.call(PriceList.change, "gin", 10)

    assert view["gin"] == 10
    assert not hasattr(view, "__setitem__")


def writes(other: Ref[GenServer]) -> list[Callable[[], object]]:
    return [lambda: PRICES.update({"gin": 0}), PRICES.clear, PRICES.delete, lambda: PRICES.give(other)]


async def test_nobody_but_the_owner_writes(prices: Ref[PriceList], probe: Probe) -> None:
    for write in writes(probe.ref):
        refused = await probe.perform(now(write))
        assert isinstance(refused, NotTableOwner)
        assert str(refused) == f"expected {prices.where()}, the owner of the table 'prices', to write to it"

    assert PRICES["gin"] == 9


async def test_nobody_writes_outside_of_a_process(prices: Ref[PriceList], probe: Probe) -> None:
    for write in writes(probe.ref):
        with pytest.raises(OutsideProcess):
            write()


async def test_a_table_that_nobody_owns_is_none(probe: Probe) -> None:
    assert PRICES.owner is None
    with pytest.raises(NoTable, match="expected a process to own the table 'prices', got none"):
        PRICES.get("gin")


async def test_a_table_has_one_owner(prices: Ref[PriceList], probe: Probe) -> None:
    assert PRICES.owner is prices.where()

    refused = await probe.perform(now(PRICES.create))

    assert isinstance(refused, AlreadyStarted)
    assert refused.ref is prices.where()


async def test_a_table_needs_a_process_to_own_it() -> None:
    with pytest.raises(OutsideProcess):
        PRICES.create()


async def test_a_table_ends_with_its_owner_and_comes_back_empty(tree: Tree, prices: Ref[PriceList]) -> None:
    view = PRICES.view()

    await tree.crash(prices)

    assert dict(view) == {}
    assert PRICES.snapshot() == {}
    await tree.stop(prices)
    assert PRICES.owner is None


async def test_a_table_that_was_deleted_may_be_made_again(prices: Ref[PriceList], probe: Probe) -> None:
    await prices.call(PriceList.close)
    await probe.perform(now(PRICES.create))

    await prices.stop()

    assert PRICES.owner is probe.ref
    assert len(PRICES) == 0


async def test_an_heir_gets_the_table_of_an_owner_that_ends(tree: Tree, probe: Probe) -> None:
    owner = await PriceList.start(probe.ref)
    await owner.call(PriceList.change, "gin", 10)
    view = PRICES.view()

    await owner.stop()

    assert await probe.expect_message(TableGiven) == TableGiven(PRICES, owner)
    assert PRICES.owner is probe.ref
    await probe.perform(now(lambda: PRICES.update({"rum": 7})))
    assert dict(view) == {"gin": 10, "rum": 7}


async def test_without_an_heir_who_is_there_the_table_ends(probe: Probe) -> None:
    heir = await GenServer.start()
    owner = await PriceList.start(heir)
    await heir.stop()

    await owner.stop()

    assert PRICES.owner is None


async def test_an_owner_may_give_its_table_away(prices: Ref[PriceList], probe: Probe) -> None:
    giver = prices.where()

    await prices.call(PriceList.hand_to, probe.ref)
    await prices.stop()

    assert giver is not None
    assert await probe.expect_message(TableGiven) == TableGiven(PRICES, giver)
    assert PRICES["gin"] == 9


async def test_a_keeper_that_is_the_heir_gets_back_what_it_gave(tree: Tree, probe: Probe) -> None:
    worker = await GenServer.start()
    await probe.perform(now(lambda: PRICES.create(heir=probe.ref)))
    await probe.perform(now(lambda: PRICES.update({"gin": 9})))

    await probe.perform(now(lambda: PRICES.give(worker)))
    await worker.stop()

    assert PRICES.owner is probe.ref
    assert PRICES.snapshot() == {"gin": 9}


async def test_a_table_is_not_given_to_a_process_that_is_not_there(probe: Probe) -> None:
    gone = await GenServer.start()
    await gone.stop()
    await probe.perform(now(PRICES.create))

    assert isinstance(await probe.perform(now(lambda: PRICES.give(gone))), NotRunning)
    assert PRICES.owner is probe.ref


async def test_namespaces_have_tables_of_their_own(prices: Ref[PriceList]) -> None:
    with namespace("tenant:2"):
        other = await PriceList.start()
        await other.call(PriceList.change, "gin", 1)
        there = PRICES["gin"]

    assert (there, PRICES["gin"]) == (1, 9)
    await other.stop()
