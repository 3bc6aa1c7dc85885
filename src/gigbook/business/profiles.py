"""Profiles: what people say of themselves and of their venues. A change is shown at once, and written a little later.

The version that callers see is the moment of the last change, in milliseconds. Unlike the version of the row it grows
with each change, stored or not, and after a crash no other change gets the version of one that was lost: the clock has
gone on. (A thousand changes in each second would overtake it.)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final, Protocol, TypeVar

from gigbook.business.moments import MOMENT
from gigbook.business.refusals import Changed, InUse
from gigbook.business.versions import Expected, Versioned, allows
from greenroom.infrastructure import Entity

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Profile(Protocol):
    """A value that knows when it was changed."""

    @property
    def updated_at(self) -> datetime:
        """The moment of the last change; each is later than the one before."""
        ...


P = TypeVar("P", bound=Profile)


def stamped(profile: P) -> Versioned[P]:
    """The profile with its version."""
    return Versioned(profile, stamp(profile))


def stamp(profile: Profile) -> int:
    """The version of the profile: when it was changed, in milliseconds since 1970."""
    return (profile.updated_at - _EPOCH) // MOMENT


@dataclass
class ProfileServer(Entity[int, P], kind="profile"):
    """The one owner of a profile, which answers from memory."""

    what: ClassVar[str]

    async def get(self) -> Versioned[P]:
        """The profile as it is, with changes that are not written yet."""
        return stamped(self.state)

    async def delete(self, expected: Expected) -> Changed | InUse | None:
        """Remove the profile, and this process with it, unless something refers to it."""
        if refusal := self._changed(expected):
            return refusal
        return None if await self.erase() is None else InUse(self.what)

    def _changed(self, expected: Expected) -> Changed | None:
        """The refusal of a change that was made from another version."""
        version = stamp(self.state)
        return None if allows(expected, version) else Changed(version)
