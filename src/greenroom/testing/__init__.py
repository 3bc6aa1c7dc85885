"""Tests of processes: each in a world of its own, with time that stands still, and nothing left behind.

With Greenroom installed, pytest runs `async def` tests. They may ask for these fixtures: `tree` starts servers, `probe`
records messages, `clock` moves time, `stage` is the world itself.

    async def test_a_crash_costs_only_what_was_not_stored(tree: Tree) -> None:
        venue = await tree.start(Venue, "Blue Note")
        await venue.call(Venue.book, FRIDAY, artist="Nina")

        await crash(venue)

        assert await venue.call(Venue.is_free, FRIDAY)
"""

from greenroom.testing.clock import VirtualClock
from greenroom.testing.crashing import crash, expected_crash
from greenroom.testing.probe import Probe
from greenroom.testing.record import Crash
from greenroom.testing.settling import settle, settle_until
from greenroom.testing.stage import LeftBehind, Stage, Stuck
from greenroom.testing.tree import Tree
from greenroom.testing.watching import assert_restarted, state

__all__ = [
    "Crash",
    "LeftBehind",
    "Probe",
    "Stage",
    "Stuck",
    "Tree",
    "VirtualClock",
    "assert_restarted",
    "crash",
    "expected_crash",
    "settle",
    "settle_until",
    "state",
]
