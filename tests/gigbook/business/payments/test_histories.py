"""Any sequence of payments, refunds, cancellations, moody gateways, kills and time ends with books that agree."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, assert_never
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gigbook.application.service import migrated
from gigbook.business import bookings
from gigbook.business.database import NAME
from gigbook.business.once import Once
from gigbook.business.payments import DepositDraft, deposit, refund
from greenroom import GreenroomError, Ref
from greenroom.infrastructure import DatabaseUrl
from greenroom.testing import Stage
from tests.gigbook.business.payments.scene import PRICE, VICTIMS, Scene, SteppingDatabase, agrees
from tests.greenroom.infrastructure.entity.moody_database import Mood


@dataclass(frozen=True)
class Pay:
    """Somebody pays for a booking."""

    booking: int
    method: str


@dataclass(frozen=True)
class Refund:
    """Somebody has everything refunded that was ever paid for a booking."""

    booking: int


@dataclass(frozen=True)
class Cancel:
    """A booking is called off."""

    booking: int


@dataclass(frozen=True)
class Will:
    """The gateway treats its next request so."""

    word: str


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    seconds: float


@dataclass(frozen=True)
class Kill:
    """Something is killed after so many steps."""

    victim: str
    steps: int


@dataclass(frozen=True)
class Lose:
    """The database takes its next changes so."""

    moods: list[Mood]


Action: TypeAlias = Pay | Refund | Cancel | Will | Wait | Kill | Lose

BOOKINGS: Final = st.integers(0, 2)
PAUSES: Final = ["slow:1", "slow:4", "slow:9", "late:1", "late:4", "late:9"]
FAILURES: Final = ["timeout", "timeout:uncharged", "down"]

MOODS: Final[st.SearchStrategy[Mood]] = st.sampled_from(
    ["well", "refuses", "loses it", "stores it and loses the answer"]
)

ACTIONS: Final[st.SearchStrategy[list[Action]]] = st.lists(
    st.one_of(
        st.builds(Pay, BOOKINGS, st.sampled_from(["ok", "declined", *PAUSES, *FAILURES])),
        st.builds(Pay, BOOKINGS, st.sampled_from(["ok", *FAILURES])),
        st.builds(Refund, BOOKINGS),
        st.builds(Cancel, BOOKINGS),
        st.builds(Will, st.sampled_from(["ok", *PAUSES, *FAILURES])),
        st.builds(Wait, st.sampled_from([0.1, 1.0, 5.0, 30.0])),
        st.builds(Kill, st.sampled_from(VICTIMS), st.integers(1, 25)),
        st.builds(Lose, st.lists(MOODS, min_size=1, max_size=4)),
    ),
    min_size=3,
    max_size=15,
)


class History:
    """What happens in one scene: requests run on while others come."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.bookings: list[int] = []
        self.requests: list[asyncio.Task[None]] = []

    async def tell(self, actions: Sequence[Action]) -> None:
        await self.scene.start()
        self.bookings = [await self.scene.add_booking(held_for=seconds) for seconds in (4.0, 40.0, 1e6)]
        for action in actions:
            await self.act(action)
        await self.scene.until(lambda: all(request.done() for request in self.requests))
        self.scene.steps.end()
        await self.scene.until(lambda: not self.scene.open())
        for request in self.requests:
            request.result()
        agrees(self.scene)

    async def act(self, action: Action) -> None:
        match action:
            case Pay(booking, method):
                self.pay(self.bookings[booking], method)
            case Refund(booking):
                for row in self.scene.payments(self.bookings[booking]):
                    self.give_back(row["id"])
            case Cancel(booking):
                self.insist(lambda: bookings.cancel(self.bookings[booking]))
            case Will(word):
                self.scene.bank.will(word)
            case Wait(seconds):
                await self.scene.clock.advance(seconds)
                await self.scene.restart()
            case Kill(victim, steps):
                self.scene.steps.begin(steps, lambda: self.scene.kill(victim))
            case Lose(moods):
                Ref(SteppingDatabase, NAME).cast(SteppingDatabase.be, *moods)
            case _:
                assert_never(action)

    def pay(self, booking: int, method: str) -> None:
        draft, once = DepositDraft(booking_id=booking, amount=PRICE, currency="EUR", method=method), new_once()
        self.insist(lambda: deposit(draft, once))

    def give_back(self, id: int) -> None:
        once = new_once()
        self.insist(lambda: refund(id, once))

    def insist(self, ask: Callable[[], Coroutine[Any, Any, object]]) -> None:
        async def again_and_again() -> None:
            while True:
                try:
                    await ask()
                except GreenroomError:
                    await asyncio.sleep(0.5)  # of the test's clock
                else:
                    return

        self.requests.append(asyncio.ensure_future(again_and_again()))


def new_once() -> Once:
    return Once("POST /", uuid4().hex, "the same")


def told(url: DatabaseUrl, actions: Sequence[Action]) -> None:
    with Stage("histories", virtual_time=True) as stage:
        assert stage.clock is not None
        scene = Scene(url, stage.clock)
        try:
            stage.run(History(scene).tell(actions))
        finally:
            stage.run(scene.close())


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """An empty database, to be copied for each history."""
    path = tmp_path / "template.db"
    migrated(DatabaseUrl.parse(str(path)))
    return path


SHARED: Final = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@settings(SHARED, max_examples=60)
@given(actions=ACTIONS)
def test_whatever_happens_the_books_agree(template: Path, actions: list[Action]) -> None:
    path = template.with_name(f"{uuid4().hex}.db")
    shutil.copy(template, path)

    told(DatabaseUrl.parse(str(path)), actions)

    path.unlink()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
@settings(SHARED, max_examples=15)
@given(actions=ACTIONS)
def test_whatever_happens_the_books_agree_in_postgresql_too(url: DatabaseUrl, actions: list[Action]) -> None:
    told(url, actions)
