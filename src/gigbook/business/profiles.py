"""Profiles: what people say of themselves and of their venues. A change is shown at once, and written a little later.

The version that callers see is a digest of the profile, with the moment of its last change. So it is another one after
each change, stored or not, and equal only where the profile is: whatever was lost in a crash, however fast changes
follow each other, and whichever program on the database is asked. No number that is counted in memory could promise it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import ClassVar, Protocol, TypeVar

import msgspec

from gigbook.business.refusals import Changed, InUse
from gigbook.business.versions import Expected, Versioned, allows
from greenroom.infrastructure import Entity


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
    """The version of the profile: 63 bits that stand for all of it."""
    return int.from_bytes(blake2b(msgspec.msgpack.encode(profile), digest_size=8).digest()) >> 1


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
