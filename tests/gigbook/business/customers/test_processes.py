"""The process of each customer: single, isolated, gone when idle, and back on demand."""

import asyncio

from gigbook.business import customers
from gigbook.business.customers import CustomerChanges, CustomerDraft
from gigbook.business.customers.server import CustomerServer
from gigbook.business.refusals import NotFound
from gigbook.business.versions import Versioned
from greenroom import DynamicSupervisor, Ref
from greenroom.infrastructure import EntityRef
from tests.gigbook.conftest import Service


def server(id: int) -> EntityRef[CustomerServer]:
    return CustomerServer.at(id)


async def active() -> int:
    counts = await Ref(DynamicSupervisor, "entities/customer").call(DynamicSupervisor.count_children)
    return counts.active


async def made(name: str = "ada") -> int:
    found = await customers.create(CustomerDraft(name=name, email=f"{name}@example.com"))
    assert isinstance(found, Versioned)
    return found.value.id


async def test_a_hundred_first_requests_at_once_start_one_process(service: Service) -> None:
    id = await made()

    answers = await asyncio.gather(*(customers.fetch(id) for _ in range(100)))

    assert len({answer.version for answer in answers if isinstance(answer, Versioned)}) == 1
    assert await active() == 1


async def test_a_customer_that_does_not_exist_gets_no_process(service: Service) -> None:
    answers = await asyncio.gather(*(customers.fetch(id) for id in (1, 1, 2, 3, 0, -1, 2**63)))

    assert answers == [NotFound("Customer")] * 7
    assert await active() == 0


async def test_a_customer_that_did_not_exist_is_found_once_it_does(service: Service) -> None:
    assert await customers.fetch(1) == NotFound("Customer")

    assert await made() == 1

    assert isinstance(await customers.fetch(1), Versioned)


async def test_a_crash_costs_one_customer_its_process_and_nobody_anything_else(service: Service) -> None:
    ada, grace = await made("ada"), await made("grace")
    await customers.patch(ada, CustomerChanges(phone="1"))
    before = await customers.fetch(ada)
    await customers.fetch(grace)
    bystander = server(grace).where()

    server(ada).exit("kill")

    assert await customers.fetch(ada) == before
    assert server(grace).where() is bystander


async def test_an_idle_customer_gives_its_process_back_and_returns_on_demand(service: Service) -> None:
    id = await made()
    first = await customers.fetch(id)
    process = server(id).where()
    assert process is not None

    await process.stop()

    assert await active() == 0
    assert await customers.fetch(id) == first
    assert server(id).where() is not process


async def test_a_process_is_ensured_and_its_state_told(service: Service) -> None:
    id = await made()

    address = await customers.ensure_server(id)

    assert isinstance(address, EntityRef)
    assert address.where() is not None
    assert await customers.get_state(id) == (await address.call(CustomerServer.get)).value
    assert await customers.ensure_server(id + 1) == await customers.get_state(id + 1) == NotFound("Customer")


async def test_a_deleted_customer_has_no_process(service: Service) -> None:
    id = await made()
    await customers.fetch(id)

    answers = await asyncio.gather(customers.delete(id), *(customers.fetch(id) for _ in range(10)))

    assert answers[0] is None
    assert await active() == 0
    assert await customers.fetch(id) == NotFound("Customer")
