import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from greenroom import CallTimeout, GenServer
from greenroom.testing import Tree, VirtualClock, settle, state


@dataclass
class Jukebox(GenServer):
    played: list[str] = field(default_factory=list[str])

    async def play_in(self, seconds: float, song: str) -> None:
        self.after(seconds, Jukebox.play, song)

    async def play(self, song: str) -> None:
        self.played.append(song)

    async def play_slowly(self, song: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.played.append(song)

    async def play_within(self, seconds: float) -> str:
        try:
            async with asyncio.timeout(seconds):
                await asyncio.sleep(60)
        except TimeoutError:
            return "too long"
        return "played"


async def test_time_stands_still_until_it_is_moved(tree: Tree, clock: VirtualClock) -> None:
    jukebox = await tree.start(Jukebox)
    before = clock.monotonic()
    await jukebox.call(Jukebox.play_in, 30.0, "So What")

    await settle()

    assert clock.monotonic() == before
    assert state(jukebox).played == []


async def test_timers_of_servers_fire_when_their_time_has_come(tree: Tree, clock: VirtualClock) -> None:
    jukebox = await tree.start(Jukebox)
    await jukebox.call(Jukebox.play_in, 30.0, "So What")

    await clock.advance(29.999)
    before = list(state(jukebox).played)
    await clock.advance(0.001)

    assert (before, state(jukebox).played) == ([], ["So What"])


async def test_sleep_and_timeout_of_asyncio_go_by_the_same_clock(tree: Tree, clock: VirtualClock) -> None:
    jukebox = await tree.start(Jukebox)
    jukebox.cast(Jukebox.play_slowly, "Blue in Green", 3600.0)
    answer = asyncio.ensure_future(jukebox.within(None).call(Jukebox.play_within, 10.0))

    await clock.advance(3609.0)
    early = answer.done()
    await clock.advance(1.0)

    assert (early, await answer) == (False, "too long")
    assert state(jukebox).played == ["Blue in Green"]


async def test_a_long_step_takes_every_timer_in_its_order(tree: Tree, clock: VirtualClock) -> None:
    jukebox = await tree.start(Jukebox)
    for seconds in (5.0, 0.5, 86_400.0, 40.0):
        await jukebox.call(Jukebox.play_in, seconds, f"{seconds:g}")

    await clock.advance(100_000.0)

    assert state(jukebox).played == ["0.5", "5", "40", "86400"]


@pytest.mark.parametrize("step", [0.1, 0.07, 0.57, 1.1, 0.001])
async def test_small_steps_add_up_without_a_rest(tree: Tree, clock: VirtualClock, step: float) -> None:
    jukebox = await tree.start(Jukebox)

    for count in range(1, 31):
        await jukebox.call(Jukebox.play_in, step, "one more")
        await clock.advance(step)
        assert len(state(jukebox).played) == count


async def test_a_call_times_out_on_the_clock_of_the_test(tree: Tree, clock: VirtualClock) -> None:
    jukebox = await tree.start(Jukebox)
    answer = asyncio.ensure_future(jukebox.call(Jukebox.play_slowly, "Freddie Freeloader", 60.0))

    await clock.advance(5.0)

    assert isinstance(answer.exception(), CallTimeout)


async def test_the_time_of_day_moves_along(clock: VirtualClock) -> None:
    opening = clock.now()

    await clock.advance(90.0)

    assert clock.now() - opening == timedelta(seconds=90)


async def test_a_clock_does_not_go_back(clock: VirtualClock) -> None:
    with pytest.raises(ValueError, match="go forward, got -1"):
        await clock.advance(-1)


async def test_threads_go_on_in_real_time(clock: VirtualClock) -> None:
    assert await asyncio.to_thread(str.upper, "all blues") == "ALL BLUES"
