from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from math import inf, nan
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.infrastructure import Encoded, EventCodec, EventKind, MalformedEvent, UnknownEvent


class Genre(Enum):
    JAZZ = "jazz"
    SOUL = "soul"


@dataclass(frozen=True)
class Price:
    cents: int
    currency: str = "EUR"


@dataclass(frozen=True, slots=True)
class Booked:
    artist: str
    at: datetime
    genres: tuple[Genre, ...] = ()
    price: Price | None = None
    share: Decimal = Decimal(0)
    id: UUID | None = None


class Paid(msgspec.Struct, frozen=True):
    cents: int


BOOKED = st.builds(
    Booked,
    st.text(st.characters(exclude_categories=["Cs"])),
    st.datetimes(timezones=st.just(UTC)),
    st.tuples() | st.tuples(st.sampled_from(Genre)),
    st.none() | st.builds(Price, st.integers(-(2**63), 2**63 - 1), st.just("EUR")),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.none() | st.uuids(),
)


@given(BOOKED)
def test_what_was_encoded_is_decoded_to_an_equal_event(event: Booked) -> None:
    codec = EventCodec(Booked)

    assert codec.decode(codec.encode(event)) == event


def test_structs_are_events_as_well() -> None:
    codec = EventCodec(Paid)

    assert codec.decode(codec.encode(Paid(5))) == Paid(5)


def test_an_event_of_a_type_that_was_not_told_is_not_encoded() -> None:
    codec: EventCodec[Any] = EventCodec(Booked)

    with pytest.raises(UnknownEvent, match="expected an event of Booked, got Paid of schema 1"):
        codec.encode(Paid(5))


@pytest.mark.parametrize("cents", ["five", None, nan, inf, 0.5])
def test_what_nobody_could_read_again_is_not_encoded(cents: Any) -> None:
    with pytest.raises(MalformedEvent, match="expected the fields of Paid, got something else: Expected `int`, got "):
        EventCodec(Paid).encode(Paid(cents))


def test_a_name_that_is_not_known_is_not_decoded() -> None:
    codec = EventCodec(Paid, EventKind(Booked, "booking.made"))

    with pytest.raises(UnknownEvent, match=r"expected an event of Paid, booking.made, got Refunded of schema 1"):
        codec.decode(Encoded("Refunded", 1, "{}"))


@pytest.mark.parametrize("payload", ["", "[]", "{}", '{"cents":"many"}', '{"cents":'])
def test_text_that_does_not_fit_the_type_is_not_decoded(payload: str) -> None:
    with pytest.raises(MalformedEvent, match="expected the fields of Paid, got something else: "):
        EventCodec(Paid).decode(Encoded("Paid", 1, payload))


def test_a_name_may_be_given_and_former_names_are_still_read() -> None:
    codec = EventCodec(EventKind(Paid, "payment.made", formerly=("Paid", "Deposited")))

    assert codec.encode(Paid(5)).type == "payment.made"
    assert codec.decode(Encoded("Deposited", 1, '{"cents":5}')) == Paid(5)
    assert codec.names_of(Paid) == ("payment.made", "Paid", "Deposited")


def test_two_types_can_not_have_one_name() -> None:
    with pytest.raises(ValueError, match=r"expected a name for each type of events, got 'Paid' for .*Paid.* and"):
        EventCodec(Paid, EventKind(Price, formerly=("Paid",)))


def from_dollars(fields: dict[str, Any]) -> dict[str, Any]:
    return {"cents": fields["dollars"] * 100}


def with_currency(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "currency": "USD"}


PRICES = EventCodec(EventKind(Price, upcasts=(from_dollars, with_currency)))


@pytest.mark.parametrize(
    ("schema", "payload"),
    [(1, '{"dollars":5}'), (2, '{"cents":500}'), (3, '{"cents":500,"currency":"USD"}')],
)
def test_older_schemas_are_turned_into_the_present_one_step_by_step(schema: int, payload: str) -> None:
    assert PRICES.decode(Encoded("Price", schema, payload)) == Price(500, "USD")


def test_new_events_have_the_present_schema() -> None:
    assert PRICES.encode(Price(500)).schema == 3


@pytest.mark.parametrize("schema", [0, 4])
def test_a_schema_that_is_not_known_is_not_decoded(schema: int) -> None:
    with pytest.raises(UnknownEvent, match=f"got Price of schema {schema}"):
        PRICES.decode(Encoded("Price", schema, "{}"))


def test_what_an_upcast_makes_must_fit_the_type() -> None:
    codec = EventCodec(EventKind(Price, upcasts=(lambda fields: {"cents": None},)))

    with pytest.raises(MalformedEvent):
        codec.decode(Encoded("Price", 1, "{}"))


def test_times_keep_their_offset() -> None:
    codec = EventCodec(Booked)
    at = datetime(2026, 11, 21, 20, tzinfo=UTC) + timedelta(microseconds=1)

    assert codec.decode(codec.encode(Booked("Nina", at))).at == at
