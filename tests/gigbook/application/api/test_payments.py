"""Payments over HTTP: what is paid, what is refused, and what is never paid twice."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import httpx
import pytest

from gigbook.application.settings import Settings
from gigbook.business import bookings, payments
from gigbook.business.versions import Versioned
from greenroom import GenServer, Ref
from tests.gigbook.application.api.booking import after, requested
from tests.gigbook.application.api.pages import pages
from tests.gigbook.business.payments.books import entries, held
from tests.gigbook.waiting import eventually

Json = dict[str, Any]

VENUE: Json = {"name": "Blue Note", "city": "New York", "capacity": 200, "time_zone": "America/New_York", "opening": []}


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, port=0, max_connections=4)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer with the outcome, however long a busy machine takes to find it."""
    monkeypatch.setattr(payments, "SECONDS_TO_ANSWER", 600.0)


@pytest.fixture
async def venue(api: httpx.AsyncClient) -> Json:
    made: Json = (await api.post("/api/venues", json=VENUE)).json()
    return made


@pytest.fixture
async def booking(venue: Json) -> int:
    """A booking that is held."""
    found: int = (await after(await requested(venue), "hold"))["id"]
    return found


def draft(booking: int, method: str = "ok", **more: object) -> Json:
    return {"booking_id": booking, "amount": 12_50, "currency": "EUR", "method": method, **more}


async def pay(api: httpx.AsyncClient, booking: int, method: str = "ok", **headers: str) -> Json:
    response = await api.post("/api/payments", json=draft(booking, method), headers=headers)
    assert response.status_code == 201, response.text
    made: Json = response.json()
    return made


async def shown(api: httpx.AsyncClient, id: int) -> Json:
    found: Json = (await api.get(f"/api/payments/{id}")).json()
    return found


async def settled(api: httpx.AsyncClient, id: int) -> Json:
    async def has_outcome() -> bool:
        return str((await shown(api, id))["status"]) != "pending"

    await eventually(has_outcome)
    return await shown(api, id)


async def status_of(booking: int) -> str:
    found = await bookings.fetch(booking)
    assert isinstance(found, Versioned)
    return found.value.status


async def test_a_deposit_is_answered_with_its_outcome_and_confirms_the_booking(
    api: httpx.AsyncClient, booking: int
) -> None:
    response = await api.post("/api/payments", json=draft(booking))

    made = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/api/payments/{made['id']}"
    assert made.keys() == {
        *("id", "booking_id", "kind", "refunds", "amount", "currency", "status", "reason"),
        *("created_at", "updated_at", "refunded_at"),
    }
    assert (made["kind"], made["amount"], made["currency"], made["status"]) == ("deposit", 1250, "EUR", "succeeded")
    assert await status_of(booking) == "confirmed"
    got = await api.get(response.headers["location"])
    assert (got.json(), got.headers["etag"]) == (made, response.headers["etag"])


async def test_a_confirmed_booking_can_be_paid_for_too(api: httpx.AsyncClient, venue: Json) -> None:
    booking = await after(await requested(venue), "confirm")

    assert (await pay(api, booking["id"]))["status"] == "succeeded"
    assert await status_of(booking["id"]) == "confirmed"


async def test_a_deposit_that_is_declined_leaves_the_booking_as_it_is_and_another_may_follow(
    api: httpx.AsyncClient, booking: int
) -> None:
    declined = await pay(api, booking, "declined")

    assert (declined["status"], declined["reason"]) == ("declined", "the card was declined")
    assert await status_of(booking) == "held"
    assert (await pay(api, booking))["status"] == "succeeded"


async def test_only_a_held_or_confirmed_booking_is_paid_for(api: httpx.AsyncClient, venue: Json) -> None:
    booking = await requested(venue)

    early = await api.post("/api/payments", json=draft(booking["id"]))
    await after(booking, "cancel")
    late = await api.post("/api/payments", json=draft(booking["id"]))
    never = await api.post("/api/payments", json=draft(booking["id"] + 1))

    assert (early.status_code, late.status_code, never.status_code) == (409, 409, 404)
    assert early.json()["message"].endswith("this one is requested")
    assert late.json()["message"].endswith("this one is cancelled")
    assert never.json()["message"] == "Booking not found"
    assert await entries("charge") == 0


async def test_a_booking_is_paid_once_whoever_asks_and_when(api: httpx.AsyncClient, booking: int) -> None:
    at_once = await asyncio.gather(*(api.post("/api/payments", json=draft(booking)) for _ in range(10)))
    later = await api.post("/api/payments", json=draft(booking))

    assert sorted(response.status_code for response in at_once) == [201] + [409] * 9
    assert later.status_code == 409
    assert later.json()["message"] == "A deposit for this booking is paid already, being paid, or on its way back"
    assert await held() == 12_50


async def test_the_same_request_again_is_answered_with_what_became_of_the_payment(
    api: httpx.AsyncClient, booking: int
) -> None:
    key = {"Idempotency-Key": "a"}

    at_once = await asyncio.gather(*(api.post("/api/payments", json=draft(booking), headers=key) for _ in range(10)))
    later = await api.post("/api/payments", json=draft(booking), headers=key)

    assert {response.status_code for response in at_once} == {201}
    assert {response.json()["id"] for response in at_once} == {later.json()["id"]}
    assert sum("idempotency-replayed" not in response.headers for response in at_once) == 1
    assert (later.json()["status"], later.headers["idempotency-replayed"]) == ("succeeded", "true")
    assert await held() == 12_50


async def test_the_same_request_again_is_answered_alike_when_the_booking_is_gone(
    api: httpx.AsyncClient, booking: int
) -> None:
    made = await pay(api, booking, **{"Idempotency-Key": "a"})
    await bookings.cancel(booking)

    assert (await pay(api, booking, **{"Idempotency-Key": "a"}))["id"] == made["id"]


async def test_a_key_that_was_used_for_another_payment_is_refused(api: httpx.AsyncClient, booking: int) -> None:
    await pay(api, booking, **{"Idempotency-Key": "a"})

    other = await api.post("/api/payments", json=draft(booking, amount=1), headers={"Idempotency-Key": "a"})

    assert other.status_code == 422


@pytest.mark.parametrize(
    ("change", "details"),
    [
        ({"amount": 0}, {"amount": "must be an integer >= 1"}),
        ({"amount": -5}, {"amount": "must be an integer >= 1"}),
        ({"amount": 12.5}, {"amount": "must be an integer"}),
        ({"amount": "12"}, {"amount": "must be an integer"}),
        ({"amount": 10**13}, {"amount": "must be an integer <= 1000000000000"}),
        ({"currency": "eur"}, {"currency": "must be the code of a currency in capitals, such as EUR"}),
        ({"method": " "}, {"method": "must not be empty"}),
        ({"status": "succeeded"}, {"status": "is not known"}),
    ],
)
async def test_what_makes_no_sense_is_refused_with_the_reason(
    api: httpx.AsyncClient, change: Json, details: Json
) -> None:
    response = await api.post("/api/payments", json=draft(1, **change))

    assert (response.status_code, response.json()["details"]) == (400, details)


async def test_a_time_out_after_charging_leaves_a_payment_pending_that_is_settled_by_itself(
    api: httpx.AsyncClient, booking: int
) -> None:
    made = await pay(api, booking, "timeout")
    assert made["status"] == "pending"

    assert (await settled(api, made["id"]))["status"] == "succeeded"

    async def is_confirmed() -> bool:
        return await status_of(booking) == "confirmed"

    await eventually(is_confirmed)
    assert await held() == 12_50


@pytest.mark.parametrize("method", ["timeout:uncharged", "down"])
async def test_a_gateway_that_did_nothing_is_asked_again(api: httpx.AsyncClient, booking: int, method: str) -> None:
    made = await pay(api, booking, method)
    assert made["status"] == "pending"

    assert (await settled(api, made["id"]))["status"] == "succeeded"
    assert await held() == 12_50


async def test_a_payment_is_shown_at_once_while_the_gateway_is_slow(
    api: httpx.AsyncClient, booking: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payments, "SECONDS_TO_ANSWER", 0.05)
    paying = asyncio.create_task(api.post("/api/payments", json=draft(booking, "slow:5")))

    async def is_listed() -> bool:
        return len((await api.get("/api/payments")).json()) == 1

    await eventually(is_listed)
    (listed,) = (await api.get("/api/payments")).json()
    assert (await shown(api, listed["id"]))["status"] == "pending"
    assert (await paying).json()["status"] == "pending"
    assert (await settled(api, listed["id"]))["status"] == "succeeded"


async def test_a_deposit_is_refunded_once_and_by_a_payment_of_its_own(api: httpx.AsyncClient, booking: int) -> None:
    deposit = await pay(api, booking)
    path = f"/api/payments/{deposit['id']}/refund"

    responses = await asyncio.gather(*(api.post(path) for _ in range(5)))

    assert sorted(response.status_code for response in responses) == [201] + [409] * 4
    (response,) = (response for response in responses if response.status_code == 201)
    refund = response.json()
    assert (refund["kind"], refund["refunds"], refund["amount"]) == ("refund", deposit["id"], 1250)
    assert refund["status"] == "succeeded"
    assert response.headers["location"] == f"/api/payments/{refund['id']}"
    refused = (await api.post(path)).json()
    assert refused["message"] == "This deposit is refunded already, or being refunded"
    assert await held() == 0
    assert await entries("refund") == 1


async def test_a_booking_whose_deposit_was_refunded_may_be_paid_for_again(api: httpx.AsyncClient, booking: int) -> None:
    first = await pay(api, booking, **{"Idempotency-Key": "first"})
    refund = (await api.post(f"/api/payments/{first['id']}/refund")).json()

    refunded = await shown(api, first["id"])
    at_once = await asyncio.gather(*(api.post("/api/payments", json=draft(booking)) for _ in range(5)))
    again = await pay(api, booking, **{"Idempotency-Key": "first"})

    assert (refunded["status"], refunded["refunded_at"]) == ("succeeded", refund["updated_at"])
    assert sorted(response.status_code for response in at_once) == [201] + [409] * 4
    assert again["id"] == first["id"]
    assert await status_of(booking) == "confirmed"
    assert await held() == 12_50


async def test_a_booking_that_is_gone_is_not_paid_for_again(api: httpx.AsyncClient, booking: int) -> None:
    first = await pay(api, booking)
    await api.post(f"/api/payments/{first['id']}/refund")
    await bookings.cancel(booking)

    response = await api.post("/api/payments", json=draft(booking))

    assert (response.status_code, response.json()["message"].endswith("this one is cancelled")) == (409, True)


async def test_a_refund_that_is_sent_again_is_answered_alike(api: httpx.AsyncClient, booking: int) -> None:
    path = f"/api/payments/{(await pay(api, booking))['id']}/refund"
    key = {"Idempotency-Key": "a"}

    responses = await asyncio.gather(*(api.post(path, headers=key) for _ in range(5)))

    assert {response.status_code for response in responses} == {201}
    assert len({response.json()["id"] for response in responses}) == 1
    assert await entries("refund") == 1


async def test_only_a_deposit_that_succeeded_is_refunded(api: httpx.AsyncClient, booking: int) -> None:
    declined = await pay(api, booking, "declined")
    refund = (await api.post(f"/api/payments/{(await pay(api, booking))['id']}/refund")).json()

    for payment in (declined, refund):
        response = await api.post(f"/api/payments/{payment['id']}/refund")
        assert response.status_code == 409
        assert response.json()["message"].startswith("Only a deposit that succeeded can be refunded")
    assert (await api.post("/api/payments/99/refund")).status_code == 404


async def test_payments_are_listed_by_booking_status_and_kind(
    api: httpx.AsyncClient, venue: Json, booking: int
) -> None:
    other = (await after(await requested(venue, day=22), "hold"))["id"]
    declined, deposit, elsewhere = await pay(api, booking, "declined"), await pay(api, booking), await pay(api, other)
    refund = (await api.post(f"/api/payments/{deposit['id']}/refund")).json()

    async def ids(query: str) -> list[int]:
        return [payment["id"] for payment in (await api.get(f"/api/payments?{query}")).json()]

    assert await ids("") == [declined["id"], deposit["id"], elsewhere["id"], refund["id"]]
    assert await ids(f"booking_id={other}") == [elsewhere["id"]]
    assert await ids("status=declined") == [declined["id"]]
    assert await ids(f"kind=refund&booking_id={booking}") == [refund["id"]]
    assert await ids("status=pending") == []
    page = await api.get("/api/payments?limit=3&count=true")
    assert page.headers["x-total-count"] == "4"
    assert (await api.get(page.links["next"]["url"])).json() == [refund]


async def test_the_history_of_a_payment_tells_what_happened_and_why(api: httpx.AsyncClient, booking: int) -> None:
    deposit = await pay(api, booking, "timeout", **{"X-Request-ID": "pay-1"})
    await settled(api, deposit["id"])

    async def is_refunded() -> bool:
        path = f"/api/payments/{deposit['id']}/refund"
        return (await api.post(path, headers={"X-Request-ID": "refund-1"})).status_code == 201

    await eventually(is_refunded)
    history = (await api.get(f"/api/payments/{deposit['id']}/history")).json()

    assert [(entry["number"], entry["what"], entry["reason"], entry["request_id"]) for entry in history] == [
        (1, "started", None, "pay-1"),
        (2, "unknown", "its answer was lost", "pay-1"),
        (3, "succeeded", None, "pay-1"),
        (4, "returned", "refunded as was asked for", "refund-1"),
    ]
    assert await pages(api, f"/api/payments/{deposit['id']}/history?limit=3") == [history[:3], history[3:]]
    refund = (await api.get(f"/api/payments/{history[3]['refund_id']}/history")).json()
    assert [(entry["what"], entry["request_id"]) for entry in refund] == [
        ("started", "refund-1"),
        ("succeeded", "refund-1"),
    ]
    assert (await api.get("/api/payments/99/history")).status_code == 404


async def test_a_booking_says_that_its_deposit_confirmed_it(api: httpx.AsyncClient, booking: int) -> None:
    await pay(api, booking, **{"X-Request-ID": "pay-1"})

    *_, confirmed = (await api.get(f"/api/bookings/{booking}/history")).json()

    assert (confirmed["what"], confirmed["request_id"]) == ("confirmed", "pay-1")


async def test_no_answer_shows_how_it_was_paid(api: httpx.AsyncClient, booking: int) -> None:
    secret, long = "tok_4242424242424242", "tok_4242424242424242" * 11
    key = {"Idempotency-Key": "a"}

    answers = [
        await api.post("/api/payments", json=draft(booking, long)),
        await api.post("/api/payments", json=draft(booking, secret), headers=key),
        await api.post("/api/payments", json=draft(booking, secret), headers=key),
        await api.post("/api/payments", json=draft(booking, secret)),
        await api.get("/api/payments/1"),
        await api.get("/api/payments/1/history"),
    ]

    assert [answer.status_code for answer in answers] == [400, 201, 201, 409, 200, 200]
    assert [answer.text for answer in answers if secret in answer.text] == []


PARTS = [payments.SUPERVISOR, *(f"entities/payment{part}" for part in ("", "/tree", "/saver", "/alarm"))]


class TestWithAHastyGateway:
    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(database_url=database_url, port=0, max_connections=4, payment_gateway_seconds=0.5)

    @pytest.mark.parametrize("part", PARTS)
    async def test_a_part_that_is_killed_while_many_pay_costs_a_moment(
        self, api: httpx.AsyncClient, venue: Json, part: str
    ) -> None:
        booked = [(await after(await requested(venue, day), "hold"))["id"] for day in range(10, 26)]
        methods = ["ok", "timeout", "slow:0.1", "late:0.1"]

        async def is_paid(booking: int) -> bool:
            body, key = draft(booking, methods[booking % 4]), {"Idempotency-Key": f"{booking}"}
            return (await api.post("/api/payments", json=body, headers=key)).status_code == 201

        paying = [asyncio.create_task(eventually(partial(is_paid, booking))) for booking in booked]
        await eventually(some_are_paid)
        Ref(GenServer, part).exit("kill")
        await asyncio.gather(*paying)

        for payment in (await api.get("/api/payments")).json():
            assert (await settled(api, payment["id"]))["status"] == "succeeded"
        assert await held() == 12_50 * len(booked)


async def some_are_paid() -> bool:
    return await entries("charge") > 3
