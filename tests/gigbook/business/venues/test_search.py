"""Which venues are free on a day: decided in batches, and the pages are right all the same."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from gigbook.business import venues
from gigbook.business.venues import Filter, OpeningSlot, Span, VenueDraft, search
from gigbook.business.venues.search import count_free, is_free, page_free
from gigbook.business.versions import Versioned

FRIDAY = date(2026, 11, 20)
EVENING = OpeningSlot(weekday="friday", opens="18:00", closes="02:00")


def utc(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 20, tzinfo=UTC) + timedelta(hours=hour, minutes=minute)


class Book:
    """Who has taken what, and what was asked of it."""

    def __init__(self, taken: Mapping[int, Sequence[Span]] | None = None) -> None:
        self.taken = taken or {}
        self.asked: list[tuple[Sequence[int], Span]] = []

    async def busy(self, venue_ids: Sequence[int], within: Span) -> Mapping[int, Sequence[Span]]:
        self.asked.append((venue_ids, within))
        return {id: self.taken[id] for id in venue_ids if id in self.taken}


async def made(*opening: OpeningSlot, zone: str = "Europe/Berlin", capacity: int = 100) -> int:
    draft = VenueDraft(name="Hall", city="Berlin", capacity=capacity, time_zone=zone, opening=opening)
    found = await venues.create(draft)
    assert isinstance(found, Versioned)
    return found.value.id


@pytest.mark.parametrize(
    ("taken", "free"),
    [
        ([], True),
        ([Span(utc(17), utc(25))], False),
        ([Span(utc(18), utc(25))], True),
        ([Span(utc(17, 59), utc(25))], False),
        ([Span(utc(10), utc(20)), Span(utc(21), utc(30))], True),
        ([Span(utc(10), utc(20)), Span(utc(20, 59), utc(30))], False),
    ],
)
def test_a_venue_is_free_that_has_an_hour_left_in_one_piece(taken: list[Span], free: bool) -> None:
    assert is_free([Span(utc(17), utc(25))], taken) == free


def test_a_venue_that_opens_for_less_than_an_hour_is_never_free() -> None:
    assert not is_free([Span(utc(17), utc(17, 59)), Span(utc(18), utc(18, 59))], [])
    assert not is_free([], [])


@pytest.mark.usefixtures("service")
class TestWithVenues:
    @pytest.fixture(autouse=True)
    def small_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(search, "BATCH", 3)

    async def found(self, book: Book, *, after: int = 0, limit: int = 100, wanted: Filter | None = None) -> list[int]:
        page = await page_free(wanted or Filter(), day=FRIDAY, busy=book.busy, after=after, limit=limit)
        return [venue.id for venue in page]

    async def test_venues_that_are_shut_that_day_are_not_found(self) -> None:
        open_late, always = await made(EVENING), await made()
        await made(OpeningSlot(weekday="saturday", opens="00:00", closes="00:00"))

        assert await self.found(Book()) == [open_late, always]

    async def test_the_day_is_that_of_the_venue(self) -> None:
        book = Book()
        await made(zone="Pacific/Auckland")
        await made(zone="America/Los_Angeles")

        await self.found(book)

        # From midnight in Auckland to the next midnight in Los Angeles.
        assert [within for _, within in book.asked] == [Span(utc(-13), utc(32))]

    async def test_a_venue_that_is_taken_all_evening_is_not_found(self) -> None:
        full, half_full = await made(EVENING), await made(EVENING)

        assert await self.found(Book({full: [Span(utc(16), utc(26))], half_full: [Span(utc(17), utc(20))]})) == [
            half_full
        ]

    async def test_nobody_is_asked_about_venues_that_are_shut(self) -> None:
        book = Book()
        opened = await made(EVENING)
        for _ in range(4):
            await made(OpeningSlot(weekday="saturday", opens="18:00", closes="19:00"))

        assert await self.found(book) == [opened]
        assert book.asked == [([opened], Span(utc(17), utc(25)))]

    async def test_pages_are_full_and_lead_to_each_other_whatever_lies_between(self) -> None:
        all_day = Span(utc(0), utc(48))
        ids = [await made(EVENING) for _ in range(20)]
        free = [id for id in ids if id % 4 == 0 or id > 15]
        book = Book({id: [all_day] for id in ids if id not in free})

        pages, after = list[list[int]](), 0
        while page := await self.found(book, after=after, limit=3):
            pages.append(page)
            after = page[-1]

        assert [id for page in pages for id in page] == free
        assert {len(page) for page in pages[:-1]} == {3}
        assert await count_free(Filter(), day=FRIDAY, busy=book.busy) == len(free)

    async def test_the_other_filters_hold_as_well(self) -> None:
        await made(EVENING, capacity=50)
        large = await made(EVENING, capacity=500)

        assert await self.found(Book(), wanted=Filter(capacity=200)) == [large]
        assert await count_free(Filter(capacity=200), day=FRIDAY, busy=Book().busy) == 1

    async def test_a_day_on_which_a_country_had_no_time_is_none_to_play_on(self) -> None:
        await made(zone="Pacific/Apia")

        assert await page_free(Filter(), day=date(2011, 12, 30), busy=Book().busy, after=0, limit=10) == []
