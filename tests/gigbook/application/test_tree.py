"""What the death of each part of the tree costs: a moment, and nothing that was acknowledged."""

import asyncio
from pathlib import Path

import httpx
import pytest

from gigbook.application.service import CannotStart, migrated, serve
from gigbook.application.settings import Settings
from gigbook.application.tree import WEB
from gigbook.business import database
from greenroom import GenServer, Ref, namespace
from greenroom.infrastructure import DatabaseUrl
from greenroom.testing import VirtualClock, settle, settle_until
from tests.gigbook.conftest import Service
from tests.gigbook.waiting import Ledger

CUSTOMERS = "entities/customer"

BODIES: dict[str, dict[str, object]] = {
    "customer": {},
    "user": {"role": "artist"},
    "venue": {"city": "New York", "capacity": 200, "time_zone": "America/New_York"},
}
"""What each kind is made of besides a name, and an address where it has one."""

PARTS = [
    (database.NAME, "customer"),
    (WEB, "customer"),
    ("forgetter", "customer"),
    *((f"entities/{kind}{part}", kind) for kind in BODIES for part in ("/tree", "/saver", "")),
]


@pytest.mark.parametrize(("part", "kind"), PARTS)
async def test_the_service_answers_again_within_a_second_when_a_part_is_killed(
    clock: VirtualClock, service: Service, part: str, kind: str
) -> None:
    made = (await service.api.post(f"/api/{kind}s", json=body(kind, "first"))).json()
    path = f"/api/{kind}s/{made['id']}"
    await service.api.get(path)
    before = Ref(GenServer, part).where()

    Ref(GenServer, part).exit("kill")

    while not await answers(service.api, path):
        await clock.advance(0.01)
    assert clock.monotonic() <= 1
    assert Ref(GenServer, part).where() not in (before, None)
    assert (await service.api.get(path)).json() == made


@pytest.mark.parametrize(("part", "kind"), PARTS)
async def test_nothing_acknowledged_is_lost_when_a_part_is_killed_under_load(
    service: Service, part: str, kind: str
) -> None:
    acknowledged = Ledger()
    writers = [asyncio.create_task(write(service.port, kind, f"w{n}", 15, acknowledged)) for n in range(8)]
    await acknowledged.has(40)

    Ref(GenServer, part).exit("kill")
    await asyncio.gather(*writers)

    for id, name in acknowledged.values.items():
        assert (await service.api.get(f"/api/{kind}s/{id}")).json()["name"] == name


async def test_a_tree_that_dies_too_often_ends(clock: VirtualClock, service: Service) -> None:
    for _ in range(5):
        Ref(GenServer, f"{CUSTOMERS}/tree").exit("kill")
        await settle()
    assert service.tree.alive

    Ref(GenServer, f"{CUSTOMERS}/tree").exit("kill")

    assert await service.tree.down() == "shutdown"


async def test_a_program_whose_tree_has_ended_says_so(clock: VirtualClock, tmp_path: Path) -> None:
    url = DatabaseUrl.parse(str(tmp_path / "customers.db"))
    migrated(url)
    with namespace("test:given-up"):
        serving = asyncio.create_task(serve(Settings(port=0), url))
        for _ in range(6):
            await settle_until(registered, lambda: "expected customers to be served")
            Ref(GenServer, f"{CUSTOMERS}/tree").exit("kill")

        with pytest.raises(CannotStart, match="the supervision tree has given up"):
            await serving


async def answers(api: httpx.AsyncClient, path: str) -> bool:
    try:
        health, shown = await api.get("/health"), await api.get(path)
    except httpx.TransportError:
        return False
    return health.status_code == shown.status_code == 200


def body(kind: str, name: str) -> dict[str, object]:
    """One of this kind that has this name, and that there can be many of."""
    address: dict[str, object] = {} if kind == "venue" else {"email": f"{name}@example.com"}
    return {**BODIES[kind], "name": name, **address}


async def write(port: int, kind: str, prefix: str, many: int, acknowledged: Ledger) -> None:
    """Create some of this kind, through whatever happens."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=None, verify=False) as api:
        for n in range(many):
            name = f"{prefix}-{n}"
            try:
                response = await api.post(f"/api/{kind}s", json=body(kind, name))
            except httpx.TransportError:
                continue
            if response.status_code == 201:
                acknowledged.add(response.json()["id"], name)


def registered() -> bool:
    return Ref(GenServer, f"{CUSTOMERS}/tree").alive
