"""How many messages may wait for a process, and what becomes of those that are too many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, get_args

WhenFull: TypeAlias = Literal["refuse", "drop_oldest", "block"]


@dataclass(frozen=True, slots=True)
class MailboxLimit:
    """At most so many messages wait.

    A call that is one too many is refused with `MailboxFull`; with `block` it waits for room, as long as its deadline
    allows; with `drop_oldest` the message that has waited longest goes instead, and if that is a call, it gets the
    `MailboxFull`. Casts and messages have nobody who could wait or be told: those that are too many are dropped.
    """

    messages: int
    when_full: WhenFull = "refuse"

    def __post_init__(self) -> None:
        if not isinstance(cast(object, self.messages), int) or self.messages < 1:
            raise ValueError(f"expected a mailbox to hold at least 1 message, got {self.messages!r}")
        if self.when_full not in get_args(WhenFull):
            raise ValueError(f"expected when_full to be one of {', '.join(get_args(WhenFull))}, got {self.when_full!r}")
