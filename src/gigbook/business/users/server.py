"""The process of one user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gigbook.business.moments import now
from gigbook.business.profiles import ProfileServer, stamped
from gigbook.business.records import unexpected
from gigbook.business.refusals import Changed, EmailExists
from gigbook.business.users.model import User, UserChanges, UserDraft, is_profile_alone, revised
from gigbook.business.versions import Expected, Versioned
from greenroom.infrastructure import Conflict


@dataclass
class UserServer(ProfileServer[User], kind="user"):
    """The one owner of a user."""

    what: ClassVar[str] = "User"

    async def change(self, by: UserDraft | UserChanges, expected: Expected) -> Versioned[User] | Changed | EmailExists:
        """The user after a checked change: on disk if it touches the address or the role, and written later if not."""
        if refusal := self._changed(expected):
            return refusal
        user = revised(self.state, by, now())
        if is_profile_alone(self.state, user):
            self.save_later(user)
            return stamped(user)
        match await self.save(user):
            case None:
                return stamped(user)
            case Conflict():
                return EmailExists(user.email)
            case refused:
                raise unexpected(refused)
