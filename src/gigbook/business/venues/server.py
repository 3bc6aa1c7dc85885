"""The process of one venue's profile. Its calendar has a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from gigbook.business.moments import now
from gigbook.business.profiles import ProfileServer, stamped
from gigbook.business.records import unexpected
from gigbook.business.refusals import Changed, InUse, InvalidData
from gigbook.business.venues.model import Venue, VenueChanges, VenueDraft, revised
from gigbook.business.venues.topic import VenueChanged, VenueDeleted, topic_of
from gigbook.business.versions import Expected, Versioned
from greenroom.infrastructure import Conflict, Invalid

NO_MANAGER: Final = InvalidData({"manager_id": "must be a user who is a manager of venues or an admin"})


@dataclass
class VenueServer(ProfileServer[Venue], kind="venue"):
    """The one owner of a venue's profile."""

    what: ClassVar[str] = "Venue"

    async def change(
        self, by: VenueDraft | VenueChanges, expected: Expected
    ) -> Versioned[Venue] | Changed | InvalidData:
        """The venue after a checked change, which is written later, and told to whoever listens."""
        if refusal := self._changed(expected):
            return refusal
        venue = revised(self.state, by, now())
        if venue.manager_id == self.state.manager_id:
            self.save_later(venue)
        # The manager may be gone a moment after it was looked up. Written later, such a change could only be undone.
        elif refused := await self.save(venue):
            return no_manager(refused)
        self.publish(topic_of(self.key), VenueChanged(venue))
        return stamped(venue)

    async def delete(self, expected: Expected) -> Changed | InUse | None:
        """Remove the venue, and tell whoever listens."""
        refusal = await super().delete(expected)
        if refusal is None:
            self.publish(topic_of(self.key), VenueDeleted(self.key))
        return refusal


def no_manager(refused: Conflict | Invalid) -> InvalidData:
    """What the table means that has refused a venue: nothing but its manager can be wrong."""
    if isinstance(refused, Invalid) and refused.rule == "reference":
        return NO_MANAGER
    raise unexpected(refused)
