"""The crash matrix: whatever is killed, before and after whichever step, nobody pays twice or is paid back twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import pytest

from gigbook.business.payments import Payment
from tests.gigbook.business.payments.scene import VICTIMS, Scene, agrees


@dataclass(frozen=True)
class Story:
    """What somebody wants, after what came before, and what the payments and the booking must come to."""

    tell: Callable[[Scene, int], Awaitable[None]]
    before: Callable[[Scene], Awaitable[int]]
    payments: list[tuple[str, str]]
    booking: str
    victims: Sequence[str] = VICTIMS


async def held(scene: Scene) -> int:
    return await scene.add_booking()


async def about_to_expire(scene: Scene) -> int:
    return await scene.add_booking(held_for=2.0)


async def paid(scene: Scene) -> int:
    booking = await scene.add_booking()
    await scene.pay(booking)
    # What was killed in the story before may still be about to come back.
    await scene.until(lambda: not scene.open())
    return booking


async def paid_and_refunded(scene: Scene) -> int:
    booking = await paid(scene)
    await refunding()(scene, booking)
    await scene.until(lambda: not scene.open())
    return booking


def paying(method: str, key: str = "key") -> Callable[[Scene, int], Awaitable[None]]:
    async def pay(scene: Scene, booking: int) -> None:
        await scene.pay(booking, method, key)

    return pay


def refunding(*words: str) -> Callable[[Scene, int], Awaitable[None]]:
    async def refund(scene: Scene, booking: int) -> None:
        deposit = next(row["id"] for row in scene.payments(booking) if row["kind"] == "deposit")
        scene.bank.will(*words)
        assert isinstance(await scene.give_back(deposit), Payment)

    return refund


FEW: Final = ("payment", "clerk", "everything")
"""Those whose death can tell one story from another; what the others' deaths cost does not depend on the story."""

DEPOSIT: Final = ("deposit", "succeeded")
REFUND: Final = ("refund", "succeeded")

STORIES: Final = {
    "a deposit": Story(paying("ok"), held, [DEPOSIT], "confirmed"),
    "a deposit that is declined": Story(paying("declined"), held, [("deposit", "declined")], "held", FEW),
    "a deposit whose answer is lost": Story(paying("timeout"), held, [DEPOSIT], "confirmed", FEW),
    "a deposit that never reaches the gateway": Story(paying("timeout:uncharged"), held, [DEPOSIT], "confirmed", FEW),
    "a deposit while the gateway is down": Story(paying("down"), held, [DEPOSIT], "confirmed", FEW),
    "a deposit that comes too late": Story(
        paying("late:4"), about_to_expire, [DEPOSIT, REFUND], "expired", (*FEW, "diary")
    ),
    "a refund": Story(refunding(), paid, [DEPOSIT, REFUND], "confirmed"),
    "a deposit after one that was refunded": Story(
        paying("ok", "another key"), paid_and_refunded, [DEPOSIT, REFUND, DEPOSIT], "confirmed", FEW
    ),
    "a refund whose answer is lost": Story(refunding("timeout"), paid, [DEPOSIT, REFUND], "confirmed", FEW),
}


async def told(scene: Scene, story: Story, victim: str = "", at: int = 0) -> int:
    """Tell the story, and kill the victim at one of its steps; answers how many there were."""
    booking = await story.before(scene)
    scene.steps.begin(at, lambda: scene.kill(victim))
    await story.tell(scene, booking)
    await scene.until(lambda: not scene.open())
    steps = scene.steps.end()

    found = [(row["kind"], row["status"]) for row in scene.payments(booking)]
    assert (found, scene.booking(booking)) == (story.payments, story.booking), (victim, at, steps[:at])
    return len(steps)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_a_kill_at_any_step_changes_nothing_of_how_a_story_ends(scene: Scene, story: Story) -> None:
    steps = await told(scene, story)

    # What one process costs does not depend on the database.
    for victim in story.victims if scene.url.kind == "file" else ("everything",):
        for at in range(1, steps + 1):
            await told(scene, story, victim, at)
        agrees(scene)
