"""Bookings for tests of what shows them."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from gigbook.business import bookings, users
from gigbook.business.bookings import BookingDraft
from gigbook.business.users import UserDraft
from gigbook.business.versions import Versioned

Json = dict[str, Any]
Step = Literal["hold", "confirm", "cancel"]


async def requested(venue: Mapping[str, Any], day: int = 21) -> Json:
    """What somebody has asked for on a day of November, as the API shows it."""
    artist = await users.create(UserDraft(name="Nina Simone", email=f"nina.{day}@example.com", role="artist"))
    assert isinstance(artist, Versioned)
    draft = BookingDraft(
        venue_id=venue["id"],
        artist_id=artist.value.id,
        title=f"Day {day}",
        starts_at=f"2030-11-{day}T20:00:00",
        ends_at=f"2030-11-{day}T22:00:00",
    )
    return shown(await bookings.request(draft))


async def after(booking: Json, *steps: Step, seconds: int = 900) -> Json:
    """The same after these steps."""
    for step in steps:
        match step:
            case "hold":
                booking = shown(await bookings.hold(booking["id"], seconds))
            case "confirm":
                booking = shown(await bookings.confirm(booking["id"]))
            case "cancel":
                booking = shown(await bookings.cancel(booking["id"]))
    return booking


def shown(outcome: object) -> Json:
    assert isinstance(outcome, Versioned), outcome
    found: dict[str, Json] = msgspec.json.decode(msgspec.json.encode(outcome))
    return found["value"]
