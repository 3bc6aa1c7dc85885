"""Bookings over HTTP: what is asked for, what is refused, and what is never given out twice."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from gigbook.business.bookings.server import Diary
from gigbook.business.bookings.table import bookings as table
from gigbook.business.database import database
from greenroom.infrastructure import Database, Execute
from tests.gigbook.application.api.pages import pages
from tests.gigbook.conftest import Service
from tests.gigbook.waiting import eventually

Json = dict[str, Any]

EVENING = {"starts_at": "2030-11-22T20:00:00", "ends_at": "2030-11-22T22:00:00"}
TOO_MUCH = "must be later than from, by 366 days at most"
FRIDAYS = [{"weekday": "friday", "opens": "18:00", "closes": "02:00"}]


async def made(api: httpx.AsyncClient, path: str, body: Json, **headers: str) -> Json:
    response = await api.post(path, json=body, headers=headers)
    assert response.status_code == 201, response.text
    found: Json = response.json()
    return found


@pytest.fixture
async def artist(api: httpx.AsyncClient) -> int:
    found: int = (await made(api, "/api/users", {"name": "Nina", "email": "nina@example.com", "role": "artist"}))["id"]
    return found


async def venue_in(api: httpx.AsyncClient, zone: str = "Europe/Berlin", opening: list[Json] | None = None) -> int:
    body = {"name": "Kit Kat", "city": "Berlin", "capacity": 300, "time_zone": zone, "opening": opening or []}
    found: int = (await made(api, "/api/venues", body))["id"]
    return found


@pytest.fixture
async def venue(api: httpx.AsyncClient) -> int:
    return await venue_in(api)


@pytest.fixture
def draft(artist: int, venue: int) -> Json:
    return {"venue_id": venue, "artist_id": artist, "title": " Nina plays Bach ", **EVENING}


async def test_a_request_is_answered_with_times_that_have_the_offset_of_the_venue(
    api: httpx.AsyncClient, draft: Json
) -> None:
    response = await api.post("/api/bookings", json=draft)

    assert response.status_code == 201
    body = response.json()
    assert response.headers["location"] == f"/api/bookings/{body['id']}"
    assert response.headers["etag"] == '"1"'
    assert {field: body[field] for field in ("title", "starts_at", "ends_at", "time_zone", "status", "held_until")} == {
        "title": "Nina plays Bach",
        "starts_at": "2030-11-22T20:00:00+01:00",
        "ends_at": "2030-11-22T22:00:00+01:00",
        "time_zone": "Europe/Berlin",
        "status": "requested",
        "held_until": None,
    }
    assert (await api.get(response.headers["location"])).json() == body


async def test_a_booking_goes_from_request_to_hold_to_confirmation_to_cancellation(
    api: httpx.AsyncClient, draft: Json
) -> None:
    path = f"/api/bookings/{(await made(api, '/api/bookings', draft))['id']}"

    held = await api.post(f"{path}/hold", json={"seconds": 60})
    confirmed = await api.post(f"{path}/confirm")
    cancelled = await api.post(f"{path}/cancel", json={"reason": "The singer has a cold"})

    assert [it.status_code for it in (held, confirmed, cancelled)] == [200, 200, 200]
    assert [it.json()["status"] for it in (held, confirmed, cancelled)] == ["held", "confirmed", "cancelled"]
    assert [it.headers["etag"] for it in (held, confirmed, cancelled)] == ['"2"', '"3"', '"4"']
    until = datetime.fromisoformat(held.json()["held_until"])
    assert timedelta(seconds=50) < until - datetime.now(UTC) <= timedelta(seconds=60)
    assert confirmed.json()["held_until"] is None
    assert (await api.get(path)).json() == cancelled.json()


async def test_the_history_tells_what_happened_and_in_answer_to_which_request(
    api: httpx.AsyncClient, draft: Json
) -> None:
    id = (await made(api, "/api/bookings", draft, **{"X-Request-ID": "one"}))["id"]
    held = await api.post(f"/api/bookings/{id}/hold", json={}, headers={"X-Request-ID": "two"})
    await api.post(f"/api/bookings/{id}/cancel", json={"reason": "rain"}, headers={"X-Request-ID": "three"})

    history = (await api.get(f"/api/bookings/{id}/history")).json()

    assert [(it["number"], it["what"], it["request_id"], it["reason"], it["held_until"]) for it in history] == [
        (1, "requested", "one", None, None),
        (2, "held", "two", None, held.json()["held_until"]),
        (3, "cancelled", "three", "rain", None),
    ]


async def test_a_history_is_shown_page_by_page(api: httpx.AsyncClient, draft: Json) -> None:
    path = f"/api/bookings/{(await made(api, '/api/bookings', draft))['id']}"
    for seconds in range(60, 64):
        await api.post(f"{path}/hold", json={"seconds": seconds})

    found = await pages(api, f"{path}/history?limit=2")

    assert [[entry["number"] for entry in page] for page in found] == [[1, 2], [3, 4], [5]]
    counted = await api.get(f"{path}/history?limit=2&count=true")
    assert (counted.json(), counted.headers["x-total-count"]) == (found[0], "5")
    assert counted.links["next"]["url"].startswith(f"{path}/history?")
    assert (await api.get(f"{path}/history?limit=0")).status_code == 400
    assert (await api.get(f"{path}/history?cursor=c{15 * 'f'}")).json() == []


async def test_repeating_a_step_changes_nothing(api: httpx.AsyncClient, draft: Json) -> None:
    path = f"/api/bookings/{(await made(api, '/api/bookings', draft))['id']}"

    once = await api.post(f"{path}/confirm")
    again = await api.post(f"{path}/confirm")
    cancelled = await api.post(f"{path}/cancel", json={})
    cancelled_again = await api.post(f"{path}/cancel", json={"reason": "rain"})

    assert again.json() == once.json()
    assert cancelled_again.json() == cancelled.json()
    assert len((await api.get(f"{path}/history")).json()) == 3


async def test_what_has_a_default_may_be_left_out_with_the_whole_body(api: httpx.AsyncClient, draft: Json) -> None:
    path = f"/api/bookings/{(await made(api, '/api/bookings', draft))['id']}"

    held = await api.post(f"{path}/hold")
    cancelled = await api.post(f"{path}/cancel")

    assert [it.json()["status"] for it in (held, cancelled)] == ["held", "cancelled"]
    assert (await api.post("/api/bookings")).status_code == 415


async def test_holding_again_is_longer_and_never_shorter(api: httpx.AsyncClient, draft: Json) -> None:
    path = f"/api/bookings/{(await made(api, '/api/bookings', draft))['id']}/hold"

    first, longer, shorter = [(await api.post(path, json={"seconds": n})).json() for n in (60, 3600, 1)]

    assert first["held_until"] < longer["held_until"] == shorter["held_until"]


async def test_a_time_that_is_held_or_confirmed_is_nobody_elses_until_it_is_given_back(
    api: httpx.AsyncClient, draft: Json
) -> None:
    one, other = [(await made(api, "/api/bookings", draft))["id"] for _ in range(2)]
    await api.post(f"/api/bookings/{one}/hold", json={})

    refused = [
        await api.post("/api/bookings", json=draft),
        await api.post(f"/api/bookings/{other}/hold", json={}),
        await api.post(f"/api/bookings/{other}/confirm"),
    ]
    await api.post(f"/api/bookings/{one}/cancel", json={})
    confirmed = await api.post(f"/api/bookings/{other}/confirm")

    assert [it.status_code for it in refused] == [409, 409, 409]
    assert {it.json()["message"] for it in refused} == {f"The venue is taken at that time, by booking {one}"}
    assert confirmed.status_code == 200


async def test_bookings_that_touch_do_not_overlap(api: httpx.AsyncClient, draft: Json) -> None:
    late = {**draft, "starts_at": EVENING["ends_at"], "ends_at": "2030-11-22T23:00:00"}
    ids = [(await made(api, "/api/bookings", it))["id"] for it in (draft, late)]

    assert [(await api.post(f"/api/bookings/{id}/confirm")).status_code for id in ids] == [200, 200]


async def test_a_hold_ends_by_itself(api: httpx.AsyncClient, draft: Json) -> None:
    path = f"/api/bookings/{(await made(api, '/api/bookings', draft))['id']}"
    await api.post(f"{path}/hold", json={"seconds": 1})

    async def has_expired() -> bool:
        return bool((await api.get(path)).json()["status"] == "expired")

    await eventually(has_expired)
    refused = await api.post(f"{path}/confirm")

    assert refused.status_code == 409
    assert refused.json()["message"] == ("The booking is expired; for this it would have to be requested or held")
    assert (await api.post("/api/bookings", json=draft)).status_code == 201


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ({"title": "  "}, {"title": "must not be empty"}),
        ({"starts_at": "tomorrow"}, {"starts_at": "must be a time, such as 2030-11-21T20:00:00"}),
        ({"starts_at": "2020-11-22T20:00:00"}, {"starts_at": "must not be in the past"}),
        ({"ends_at": "2030-11-22T20:00:00"}, {"ends_at": "must be later than starts_at"}),
        (
            {"starts_at": "2030-03-31T02:30", "ends_at": "2030-03-31T05:00"},
            {"starts_at": "does not exist in Europe/Berlin: clocks are put forward then"},
        ),
        (
            {"starts_at": "2030-10-27T01:30", "ends_at": "2030-10-27T02:30"},
            {"ends_at": "comes twice in Europe/Berlin: add +02:00 for the first or +01:00 for the second"},
        ),
        ({"venue_id": 99}, {"venue_id": "must be a venue"}),
        ({"artist_id": 99}, {"artist_id": "must be a user whose role is artist"}),
        ({"artist_id": 0, "encore": True}, {"artist_id": "must be an integer >= 1", "encore": "is not known"}),
    ],
)
async def test_a_draft_that_can_not_be_is_refused_with_every_reason(
    api: httpx.AsyncClient, draft: Json, fields: Json, details: Json
) -> None:
    response = await api.post("/api/bookings", json={**draft, **fields})

    assert response.status_code == 400
    assert response.json()["details"] == details


async def test_only_artists_play(api: httpx.AsyncClient, draft: Json) -> None:
    booker = await made(api, "/api/users", {"name": "Max", "email": "max@example.com", "role": "booker"})

    response = await api.post("/api/bookings", json={**draft, "artist_id": booker["id"]})

    assert response.json()["details"] == {"artist_id": "must be a user whose role is artist"}


async def test_a_venue_is_booked_only_while_it_is_open(api: httpx.AsyncClient, artist: int) -> None:
    venue = await venue_in(api, opening=FRIDAYS)
    ask = {"venue_id": venue, "artist_id": artist, "title": "Nina", **EVENING}

    into_the_night = await api.post("/api/bookings", json={**ask, "ends_at": "2030-11-23T02:00"})
    too_long = await api.post("/api/bookings", json={**ask, "ends_at": "2030-11-23T02:01"})

    assert into_the_night.status_code == 201
    assert (too_long.status_code, too_long.json()["message"]) == (409, "The venue is not open for all of that time")


async def test_what_is_not_there_is_not_found(api: httpx.AsyncClient) -> None:
    for path in ("/api/bookings/7", "/api/bookings/7/history", "/api/venues/7/calendar", f"/api/bookings/{2**63}"):
        assert (await api.get(path)).status_code == 404
    for step in ("hold", "confirm", "cancel"):
        response = await api.post(f"/api/bookings/7/{step}", json={})
        assert (response.status_code, response.json()["message"]) == (404, "Booking not found")


async def test_a_step_is_taken_only_from_the_version_that_the_client_knows(api: httpx.AsyncClient, draft: Json) -> None:
    path = f"/api/bookings/{(await made(api, '/api/bookings', draft))['id']}"
    await api.post(f"{path}/hold", json={})

    late = await api.post(f"{path}/cancel", json={}, headers={"If-Match": '"1"'})
    in_time = await api.post(f"{path}/cancel", json={}, headers={"If-Match": '"2"'})

    assert (late.status_code, in_time.status_code) == (412, 200)
    assert (await api.get(path, headers={"If-None-Match": '"3"'})).status_code == 304


async def test_a_request_with_one_key_is_carried_out_once(api: httpx.AsyncClient, draft: Json) -> None:
    answers = await asyncio.gather(
        *[api.post("/api/bookings", json=draft, headers={"Idempotency-Key": "one"}) for _ in range(10)]
    )
    # Somebody else has the time now, and still the first request was in time.
    other = (await made(api, "/api/bookings", draft))["id"]
    await api.post(f"/api/bookings/{other}/confirm")
    again = await api.post("/api/bookings", json=draft, headers={"Idempotency-Key": "one"})
    else_ = await api.post("/api/bookings", json={**draft, "title": "x"}, headers={"Idempotency-Key": "one"})

    assert {it.status_code for it in answers} == {201}
    assert len({it.text for it in [*answers, again]}) == 1
    assert sum("idempotency-replayed" in it.headers for it in answers) == 9
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert else_.status_code == 422
    assert len((await api.get("/api/bookings")).json()) == 2


async def test_bookings_are_listed_page_by_page_and_by_what_they_are(api: httpx.AsyncClient, draft: Json) -> None:
    days = [{**draft, "starts_at": f"2030-11-{d}T20:00Z", "ends_at": f"2030-11-{d}T22:00Z"} for d in (20, 21, 22)]
    ids = [(await made(api, "/api/bookings", day))["id"] for day in days]
    await api.post(f"/api/bookings/{ids[1]}/confirm")

    async def listed(**parameters: str) -> list[int]:
        response = await api.get("/api/bookings", params=parameters)
        assert response.status_code == 200, response.text
        return [it["id"] for it in response.json()]

    assert await listed() == ids
    assert await listed(status="confirmed") == [ids[1]]
    assert await listed(venue_id=str(draft["venue_id"]), artist_id=str(draft["artist_id"])) == ids
    assert await listed(venue_id="99") == []
    assert await listed(**{"from": "2030-11-20T21:00:00Z", "to": "2030-11-21T20:00:00Z"}) == [ids[0]]
    assert await listed(**{"from": "2030-11-20T22:00:00Z"}) == ids[1:]

    first = await api.get("/api/bookings", params={"from": "2030-11-20T21:00:00Z", "limit": "2", "count": "true"})
    assert first.headers["x-total-count"] == "3"
    second = await api.get(first.links["next"]["url"])
    assert [it["id"] for it in second.json()] == [ids[2]]


@pytest.mark.parametrize(
    ("path", "parameters", "details"),
    [
        ("", {"from": "2030"}, {"from": "must be a time with an offset, such as 2030-11-21T20:00:00Z"}),
        ("", {"to": "2030-11-21T20:00"}, {"to": "must be a time with an offset, such as 2030-11-21T20:00:00Z"}),
        ("", {"status": "maybe"}, {"status": "must be one of requested, held, confirmed, cancelled, expired"}),
        (
            "calendar",
            {"from": "2030-01-01T00:00Z", "to": "2031-01-03T00:00Z"},
            {"to": TOO_MUCH},
        ),
        (
            "calendar",
            {"from": "2030-01-01T00:00Z", "to": "2030-01-01T00:00Z"},
            {"to": TOO_MUCH},
        ),
    ],
)
async def test_parameters_that_make_no_sense_are_refused(
    api: httpx.AsyncClient, venue: int, path: str, parameters: Json, details: Json
) -> None:
    response = await api.get(f"/api/venues/{venue}/calendar" if path else "/api/bookings", params=parameters)

    assert (response.status_code, response.json()["details"]) == (400, details)


async def test_the_calendar_reaches_to_the_last_day_that_can_be_asked_for(api: httpx.AsyncClient, venue: int) -> None:
    response = await api.get(f"/api/venues/{venue}/calendar", params={"from": "9998-12-31T23:59:59-23:59"})

    assert (response.status_code, response.json()) == (200, [])


async def test_the_calendar_has_what_is_held_and_confirmed_in_the_order_of_time(
    api: httpx.AsyncClient, draft: Json
) -> None:
    days = [{**draft, "starts_at": f"2030-11-{d}T20:00Z", "ends_at": f"2030-11-{d}T22:00Z"} for d in (23, 22, 21, 20)]
    confirmed, held, requested, cancelled = [(await made(api, "/api/bookings", day))["id"] for day in days]
    await api.post(f"/api/bookings/{confirmed}/confirm")
    await api.post(f"/api/bookings/{held}/hold", json={})
    await api.post(f"/api/bookings/{cancelled}/cancel", json={})
    path = f"/api/venues/{draft['venue_id']}/calendar"

    november = await api.get(path, params={"from": "2030-11-01T00:00:00Z", "to": "2030-12-01T00:00:00Z"})
    now = await api.get(path)

    assert [it["id"] for it in november.json()] == [held, confirmed]
    assert requested not in [it["id"] for it in november.json()]
    assert now.json() == []


# Nobody gets a time twice.


async def test_of_many_who_fight_for_a_time_one_gets_it(api: httpx.AsyncClient, draft: Json) -> None:
    ids = [(await made(api, "/api/bookings", draft))["id"] for _ in range(20)]

    answers = await asyncio.gather(
        *[api.post(f"/api/bookings/{id}/{step}", json={}) for id in ids for step in ("hold", "confirm")]
    )

    assert set(Counter(it.status_code for it in answers)) == {200, 409}
    assert len({it.json()["id"] for it in answers if it.status_code == 200}) == 1
    statuses = Counter(it["status"] for it in (await api.get("/api/bookings", params={"limit": 200})).json())
    assert statuses == {"confirmed": 1, "requested": 19}


async def test_whatever_fights_for_whatever_time_no_two_bookings_overlap(
    service: Service, api: httpx.AsyncClient, draft: Json
) -> None:
    async def fight(n: int) -> None:
        start = datetime(2030, 11, 22, 12 + n % 7, tzinfo=UTC)
        ask = {**draft, "starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1 + n % 3)).isoformat()}
        response = await api.post("/api/bookings", json=ask)
        if response.status_code == 201:
            path = f"/api/bookings/{response.json()['id']}"
            await api.post(f"{path}/hold", json={})
            await api.post(f"{path}/{'confirm' if n % 2 else 'cancel'}", json={})

    await asyncio.gather(*[fight(n) for n in range(60)])

    live = (await api.get(f"/api/venues/{draft['venue_id']}/calendar", params={"from": "2030-11-22T00:00:00Z"})).json()
    assert live
    assert all(one["ends_at"] <= other["starts_at"] for one, other in pairwise(live))


async def test_an_overlap_written_by_hand_is_refused_by_the_database_and_seen_by_the_diary(
    api: httpx.AsyncClient, draft: Json
) -> None:
    one, other = [(await made(api, "/api/bookings", draft))["id"] for _ in range(2)]
    by_hand = {"status": "confirmed", "updated_at": datetime.now(UTC)}
    # The diary knows an empty calendar when somebody confirms one without asking it.
    assert isinstance(await database.call(Database.update, table, one, by_hand), dict)

    refused = await database.call(Database.update, table, other, by_hand)
    answer = await api.post(f"/api/bookings/{other}/confirm")

    assert getattr(refused, "constraint", None) == "bookings_overlap"
    assert (answer.status_code, answer.json()["message"]) == (409, f"The venue is taken at that time, by booking {one}")


async def test_what_was_called_off_by_hand_is_free_again(api: httpx.AsyncClient, draft: Json) -> None:
    one, other = [(await made(api, "/api/bookings", draft))["id"] for _ in range(2)]
    await api.post(f"/api/bookings/{one}/confirm")
    off = update(table).where(table.c.id == one).values(status="cancelled")
    await database.call(Database.transact, Execute(off))

    assert (await api.post(f"/api/bookings/{other}/confirm")).status_code == 200


async def test_a_diary_that_is_killed_costs_nothing_that_was_answered(api: httpx.AsyncClient, draft: Json) -> None:
    one, other = [(await made(api, "/api/bookings", draft))["id"] for _ in range(2)]
    held = await api.post(f"/api/bookings/{one}/hold", json={})

    Diary.at(draft["venue_id"]).exit("kill")

    assert (await api.get(f"/api/bookings/{one}")).json() == held.json()
    assert (await api.post(f"/api/bookings/{other}/confirm")).status_code == 409
    assert (await api.post(f"/api/bookings/{one}/confirm")).status_code == 200
