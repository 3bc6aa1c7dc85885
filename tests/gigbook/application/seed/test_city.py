"""What is decided before anything is made: the same each time, and allowed."""

from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from gigbook.application.seed.city import City, Gig, Size, city
from gigbook.business import users, venues
from gigbook.business.refusals import InvalidData
from gigbook.business.rules import checked

FIRST_DAY = date(2030, 3, 20)
SIZE = Size(venues=20, artists=50, bookings=400)


@pytest.fixture(scope="module")
def made() -> City:
    return city(SIZE, 1, FIRST_DAY)


def test_the_same_seed_makes_the_same_city(made: City) -> None:
    assert city(SIZE, 1, FIRST_DAY) == made


def test_another_seed_makes_another_city(made: City) -> None:
    other = city(SIZE, 2, FIRST_DAY)

    assert other.users != made.users
    assert other.places != made.places
    assert other.gigs != made.gigs


def test_it_has_as_many_as_were_asked_for(made: City) -> None:
    assert len(made.places) == 20
    assert sum(user.role == "artist" for user in made.users) == 50
    assert len(made.gigs) == 400


@pytest.mark.parametrize("size", [Size(venues=1, artists=1, bookings=0), Size(venues=1, artists=1, bookings=300)])
def test_a_small_one_is_a_city_too(size: Size) -> None:
    assert len(city(size, 1, FIRST_DAY).gigs) == size.bookings


def test_everybody_has_another_address_and_everything_obeys_the_rules(made: City) -> None:
    assert len({user.email for user in made.users}) == len(made.users)
    assert not any(isinstance(checked(user, users.RULES), InvalidData) for user in made.users)
    assert not any(isinstance(checked(place.draft, venues.RULES), InvalidData) for place in made.places)


def test_those_who_come_later_have_other_addresses(made: City) -> None:
    later = city(SIZE, 1, FIRST_DAY, number=len(made.users) + 1)

    assert {user.email for user in later.users}.isdisjoint(user.email for user in made.users)


def test_venues_are_run_by_managers_and_gigs_are_played_by_artists(made: City) -> None:
    assert {made.users[place.manager].role for place in made.places} == {"venue_manager"}
    assert {made.users[gig.artist].role for gig in made.gigs} == {"artist"}


def test_gigs_take_place_while_the_venue_is_open_and_not_before_the_first_day(made: City) -> None:
    for gig in made.gigs:
        draft = made.places[gig.venue].draft
        zone = ZoneInfo(draft.time_zone)
        assert venues.holds(draft.opening, zone, gig.starts_at, gig.ends_at)
        assert gig.starts_at.astimezone(zone).date() >= FIRST_DAY
        assert timedelta(hours=2) <= gig.ends_at - gig.starts_at <= timedelta(hours=4)


def test_no_two_gigs_that_take_place_overlap(made: City) -> None:
    by_venue = defaultdict[int, list[Gig]](list)
    for gig in made.gigs:
        if gig.fate in ("held", "confirmed"):
            by_venue[gig.venue].append(gig)

    for gigs in by_venue.values():
        gigs.sort(key=lambda gig: gig.starts_at)
        assert all(one.ends_at <= other.starts_at for one, other in pairwise(gigs))


def test_some_ask_for_a_time_that_somebody_else_asks_for(made: City) -> None:
    times = {(gig.venue, gig.starts_at) for gig in made.gigs}

    assert len(made.gigs) - len(times) > 10
