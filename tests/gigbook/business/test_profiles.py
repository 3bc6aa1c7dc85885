from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from gigbook.business.profiles import ProfileServer, stamp, stamped
from gigbook.business.refusals import Changed
from gigbook.business.versions import Versioned

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Band:
    name: str
    updated_at: datetime


@dataclass
class BandServer(ProfileServer[Band], kind="band"):
    what = "Band"


BAND = Band("Quintet", NOON)


def test_a_version_is_the_moment_of_the_last_change_in_milliseconds() -> None:
    assert stamped(BAND) == Versioned(BAND, 1795262400000)


def test_the_next_moment_that_can_be_stored_is_the_next_version() -> None:
    assert stamp(replace(BAND, updated_at=NOON + timedelta(milliseconds=1))) == stamp(BAND) + 1


async def test_a_profile_is_shown_and_deleted_at_the_version_that_it_has() -> None:
    band = BandServer.of(7, BAND)

    assert await band.get() == stamped(BAND)
    assert await band.delete(frozenset({1, 2})) == Changed(stamp(BAND))
    assert await band.delete(frozenset({1, stamp(BAND)})) is None
