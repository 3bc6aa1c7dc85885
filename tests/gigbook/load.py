"""Everything that clients do at once, and what they were told: what a program that is killed has to answer for."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeAlias
from uuid import uuid4

import httpx

from tests.gigbook.waiting import Ledger
from tests.pace import Pace

Json = dict[str, Any]

VENUES = 4
TIMES = 400
"""How many evenings there are; bookers come to want the same ones."""

USERS = 8

PAUSE = 0.02
"""Between two changes of one who is in no hurry."""

METHODS = ["ok", "ok", "ok", "declined", "slow:0.05", "timeout", "timeout:uncharged"]
"""What becomes of a deposit: see `gigbook.business.payments.mood`."""


@dataclass
class Profiles:
    """Names that are changed all the time and written later, and addresses that are written before the answer.

    A name is a number that only grows, so that a lost change shows.
    """

    ids: list[int] = field(default_factory=list[int])
    names: dict[int, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    certain: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    """The last name that an address was stored with."""
    addresses: Ledger = field(default_factory=Ledger)
    _changes: int = 0
    _turns: dict[int, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def change(self, api: httpx.AsyncClient, chance: Random) -> None:
        """Change a name, or now and then an address."""
        id = chance.choice(self.ids)
        # One at a time: of two that are under way at once, either may come first.
        async with self._turns[id]:
            self._changes += 1
            await self._change(api, id, self._changes, chance)

    async def lost(self, api: httpx.AsyncClient, before: float) -> dict[int, tuple[int, int]]:
        """The users whose name is older than it has to be: all that was answered before then is stored."""
        found: dict[int, tuple[int, int]] = {}
        for id in self.ids:
            known = max((number for at, number in self.names[id] if at < before), default=0)
            stored = int((await api.get(f"/api/users/{id}")).json()["name"])
            if stored < max(known, self.certain[id]):
                found[id] = (stored, max(known, self.certain[id]))
            # What was lost by right is not expected later.
            self.names[id] = [(at, number) for at, number in self.names[id] if number <= stored]
        return found

    async def _change(self, api: httpx.AsyncClient, id: int, number: int, chance: Random) -> None:
        path = f"/api/users/{id}"
        if chance.random() < 0.9:
            assert (await api.patch(path, json={"name": f"{number:09}"})).status_code == 200
            self.names[id].append((asyncio.get_running_loop().time(), number))
        else:
            before = max((known for _, known in self.names[id]), default=0)
            address = f"{id}.{number}@example.com"
            with self.addresses.changing(id, address):
                assert (await api.patch(path, json={"email": address})).status_code == 200
            self.certain[id] = max(self.certain[id], before)


@dataclass
class Deposit:
    """A deposit that a client wants to pay; without an answer it will ask again, with the same key."""

    booking_id: int
    method: str
    key: str = field(default_factory=lambda: uuid4().hex)

    async def pay(self, api: httpx.AsyncClient) -> httpx.Response:
        draft = {"booking_id": self.booking_id, "amount": 12_50, "currency": "EUR", "method": self.method}
        return await api.post("/api/payments", json=draft, headers={"idempotency-key": self.key})


@dataclass
class Load:
    """All clients, and all that they were told, over any number of programs."""

    customers: Ledger = field(default_factory=Ledger)
    bookings: Ledger = field(default_factory=Ledger)
    payments: Ledger = field(default_factory=Ledger)
    profiles: Profiles = field(default_factory=Profiles)
    pace: Pace = field(default_factory=lambda: Pace(0.0))
    unanswered: dict[str, Deposit] = field(default_factory=dict[str, Deposit])
    paid_for: set[int] = field(default_factory=set[int])
    """Bookings that somebody has begun to pay for: money confirms what is held."""

    venues: list[int] = field(default_factory=list[int])
    artist: int = 0

    @property
    def ledgers(self) -> tuple[Ledger, ...]:
        return self.customers, self.bookings, self.payments, self.profiles.addresses

    @property
    def acknowledged(self) -> int:
        return sum(ledger.acknowledged for ledger in self.ledgers)

    def begin(self) -> None:
        """See how fast the program is that is next."""
        self.pace = Pace(asyncio.get_running_loop().time())
        for ledger in self.ledgers:
            ledger.pace = self.pace

    async def prepare(self, api: httpx.AsyncClient) -> None:
        """Make what the clients need."""
        hall = {"name": "Hall", "city": "Berlin", "capacity": 100, "time_zone": "Europe/Berlin"}
        self.venues = [(await made(api, "/api/venues", hall))["id"] for _ in range(VENUES)]
        users = [
            await made(api, "/api/users", {"name": "0", "email": f"{n}@example.com", "role": "artist"})
            for n in range(USERS + 1)
        ]
        self.artist, *self.profiles.ids = [user["id"] for user in users]

    def renamers(self, api: httpx.AsyncClient, round_: int) -> list[asyncio.Task[None]]:
        """Clients who change profiles, at an easy pace, until the program is gone."""

        async def rename(api: httpx.AsyncClient, chance: Random) -> None:
            await self.profiles.change(api, chance)
            await asyncio.sleep(PAUSE)

        return [working(rename, api, f"{round_} {number}") for number in range(4)]

    def rush(self, api: httpx.AsyncClient, round_: int) -> list[asyncio.Task[None]]:
        """Clients of all other kinds, as fast as they are answered, until the program is gone."""
        kinds = (self.customer, self.booking, self.profiles.change)
        return [working(work, api, f"{round_} {work.__name__} {number}") for work in kinds for number in range(6)]

    async def ask_again(self, api: httpx.AsyncClient) -> None:
        """Send each deposit again that had no answer; none may be paid twice."""
        for deposit in list(self.unanswered.values()):
            await self._pay(api, deposit, Random(deposit.key))

    async def customer(self, api: httpx.AsyncClient, chance: Random) -> None:
        """Create a customer, rename it, and delete some."""
        name = f"c{chance.getrandbits(64):x}"
        made = await api.post("/api/customers", json={"name": name, "email": f"{name}@example.com"})
        assert made.status_code == 201
        id, path = made.json()["id"], made.headers["location"]
        self.customers.add(id, name)
        with self.customers.changing(id, f"{name} again"):
            assert (await api.patch(path, json={"name": f"{name} again"})).status_code == 200
        if chance.random() < 0.3:
            with self.customers.changing(id, None):
                assert (await api.delete(path)).status_code == 204

    async def booking(self, api: httpx.AsyncClient, chance: Random) -> None:
        """Ask for a time, hold it, pay for it or confirm it, and call some off."""
        day, hour = divmod(chance.randrange(TIMES), 20)
        times = {"starts_at": f"2030-05-{day + 1:02}T{hour:02}:00", "ends_at": f"2030-05-{day + 1:02}T{hour + 2:02}:00"}
        draft = {"venue_id": chance.choice(self.venues), "artist_id": self.artist, "title": "A gig", **times}
        asked = await api.post("/api/bookings", json=draft)
        assert asked.status_code in (201, 409), asked.text
        if asked.status_code == 409:
            return
        id: int = asked.json()["id"]
        self.bookings.add(id, "requested")
        if not await self._step(api, id, "hold", "held"):
            return
        if chance.random() < 0.5:
            await self._pay(api, Deposit(id, chance.choice(METHODS)), chance)
        else:
            await self._step(api, id, "confirm", "confirmed")
        if chance.random() < 0.5:
            await self._step(api, id, "cancel", "cancelled")

    async def _step(self, api: httpx.AsyncClient, id: int, step: str, status: str) -> bool:
        with self.bookings.changing(id, status):
            answer = await api.post(f"/api/bookings/{id}/{step}", json={})
            assert answer.status_code in (200, 409), answer.text
            if answer.status_code == 409:
                self.bookings.refused(id)
        return answer.status_code == 200

    async def _pay(self, api: httpx.AsyncClient, deposit: Deposit, chance: Random) -> None:
        self.unanswered[deposit.key] = deposit
        self.paid_for.add(deposit.booking_id)
        answer = await deposit.pay(api)
        assert answer.status_code in (201, 409), answer.text
        del self.unanswered[deposit.key]
        if answer.status_code != 201:
            return
        payment = answer.json()
        self.payments.add(payment["id"], payment["status"])
        if payment["status"] == "succeeded" and chance.random() < 0.3:
            refund = await api.post(f"/api/payments/{payment['id']}/refund")
            assert refund.status_code in (201, 409), refund.text


Work: TypeAlias = Callable[[httpx.AsyncClient, Random], Coroutine[Any, Any, None]]


def working(work: Work, api: httpx.AsyncClient, seed: str) -> asyncio.Task[None]:
    """Work until the program is gone."""

    async def go_on() -> None:
        chance = Random(seed)
        try:
            while True:
                await work(api, chance)
        except httpx.TransportError:
            return

    return asyncio.create_task(go_on())


async def made(api: httpx.AsyncClient, path: str, body: Json) -> Json:
    response = await api.post(path, json=body)
    assert response.status_code == 201, response.text
    found: Json = response.json()
    return found
