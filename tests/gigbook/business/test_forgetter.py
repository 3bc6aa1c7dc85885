"""When the keys of requests are free again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from gigbook.business import forgetter
from gigbook.business.database import NAME, database
from gigbook.business.forgetter import PAGE, Forgetter
from gigbook.business.moments import now
from gigbook.business.once import KEPT, keys
from greenroom import Ref, Supervisor
from greenroom.infrastructure import Database, Execute, Insert
from tests.gigbook.conftest import Service
from tests.gigbook.waiting import eventually

FORGETTER = Ref(Forgetter, "forgetter")
OLD = KEPT + timedelta(seconds=1)
YOUNG = KEPT - timedelta(minutes=5)


async def remember(name: str, count: int, age: timedelta) -> None:
    values = {"request": "", "answer": "{}", "created_at": now() - age}
    await database.call(Database.transact, *(Insert(keys, {"id": f"{name} {n}", **values}) for n in range(count)))


async def known() -> int:
    (row,) = await database.call(Database.select, select(func.count().label("total")).select_from(keys))
    total: int = row["total"]
    return total


async def is_known(total: int) -> bool:
    return await known() == total


async def test_keys_are_free_again_after_a_day(service: Service) -> None:
    await remember("young", 3, YOUNG)
    await remember("old", PAGE + 1, OLD)

    await FORGETTER.call(Forgetter.forget)

    assert await known() == 3


async def test_it_looks_by_itself_and_goes_on_after_an_outage(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetter, "EVERY", 0.01)
    process = FORGETTER.where()
    await service.tree.call(Supervisor.terminate_child, NAME)
    await FORGETTER.call(Forgetter.forget)
    await service.tree.call(Supervisor.restart_child, NAME)

    await remember("old", 1, OLD)

    await eventually(lambda: is_known(0))
    assert FORGETTER.where() is process


async def test_a_request_with_a_key_that_was_forgotten_is_carried_out(service: Service) -> None:
    headers = {"idempotency-key": "one"}
    first = await service.api.post(
        "/api/users", json={"name": "Nina", "email": "n@a.example", "role": "artist"}, headers=headers
    )
    aged = keys.update().values(created_at=now() - OLD)
    await database.call(Database.transact, Execute(aged))
    await FORGETTER.call(Forgetter.forget)

    second = await service.api.post(
        "/api/users", json={"name": "Mary", "email": "m@a.example", "role": "artist"}, headers=headers
    )

    assert (first.status_code, second.status_code) == (201, 201)
