from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gigbook.business.refusals import InvalidData
from gigbook.business.rules import Flaw, checked
from gigbook.business.venues.model import RULES, Venue, VenueChanges, VenueDraft, revised, time_zone, zone_names
from gigbook.business.venues.opening import OpeningSlot

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FRIDAY = OpeningSlot(weekday="friday", opens="18:00", closes="02:00")
MONDAY = OpeningSlot(weekday="monday", opens="18:00", closes="02:00")
BLUE_NOTE = Venue(
    id=1,
    name="Blue Note",
    city="New York",
    capacity=300,
    time_zone="America/New_York",
    opening=(FRIDAY,),
    manager_id=7,
    description="In the Village.",
    created_at=NOON,
    updated_at=NOON,
)


def draft(
    *, name: str = "Blue Note", city: str = "New York", zone: str = "UTC", opening: tuple[OpeningSlot, ...] = ()
) -> VenueDraft:
    return VenueDraft(name=name, city=city, capacity=300, time_zone=zone, opening=opening)


def test_a_draft_is_made_tidy() -> None:
    given = draft(name=" Blue Note", city="New York ", zone=" America/New_York ", opening=(FRIDAY, MONDAY))

    assert checked(given, RULES) == draft(zone="America/New_York", opening=(MONDAY, FRIDAY))


def test_a_wrong_draft_names_every_field_with_its_reason() -> None:
    given = draft(name=" ", city="c" * 101, zone="Mars/Olympus", opening=(FRIDAY, FRIDAY))

    assert checked(given, RULES) == InvalidData(
        {
            "name": "must not be empty",
            "city": "must have at most 100 characters",
            "time_zone": "must be an IANA time zone such as Europe/Berlin",
            "opening": "must not overlap, as [0] and [1] do",
        }
    )


@pytest.mark.parametrize("text", ["", "Berlin", "europe/berlin", "../Europe/Berlin", "/etc/localtime", "Europe", "\0"])
def test_what_names_no_time_zone_is_refused(text: str) -> None:
    assert isinstance(time_zone(text), Flaw)


def test_every_time_zone_that_can_be_named_can_be_used() -> None:
    assert len(zone_names()) > 400
    assert all(NOON.astimezone(ZoneInfo(name)) == NOON for name in zone_names())


def test_changes_leave_what_they_do_not_name_and_null_removes() -> None:
    later = NOON + timedelta(hours=1)

    after = revised(BLUE_NOTE, VenueChanges(opening=(), manager_id=None), later)

    assert (after.opening, after.manager_id, after.description) == ((), None, "In the Village.")
    assert (after.id, after.created_at, after.updated_at) == (1, NOON, later)


def test_a_draft_replaces_all_but_the_id_and_the_moment_of_creation() -> None:
    after = revised(BLUE_NOTE, draft(name="Birdland"), NOON)

    assert (after.id, after.created_at, after.name, after.opening, after.manager_id, after.description) == (
        1,
        NOON,
        "Birdland",
        (),
        None,
        None,
    )
    assert after.updated_at == NOON + timedelta(milliseconds=1)
