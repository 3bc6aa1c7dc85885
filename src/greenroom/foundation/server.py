"""What a process runs: the state, the handlers, and the hooks."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping
from typing import Any, ClassVar

from greenroom.foundation.mailbox import Function
from greenroom.foundation.mailbox_limit import MailboxLimit
from greenroom.foundation.redaction import Request, Shown, show


class Server:
    """A server as the runtime sees it. All of these hooks do nothing until a server overrides them."""

    __slots__ = ("__process__",)

    # The process that runs it: `Any`, since processes are built on top of this.
    __process__: Any
    __handlers__: ClassVar[dict[str, Function]] = {}
    __hooks__: ClassVar[frozenset[str]] = frozenset()
    __batches__: ClassVar[bool] = False
    __mailbox__: ClassVar[MailboxLimit | None] = None
    # What takes messages: `handle_info`, in the form that the runtime uses.
    __info__: ClassVar[Function]
    # Whether a handler that fails is undone for `terminate`; a server that keeps its own state in order may say no.
    __undoes__: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.__info__ = cls.handle_info

    async def init(self) -> None:
        """Run before the start returns; the name is taken already."""

    async def handle_info(self, message: object) -> None:
        """Take a message that is no call: a tick, a `Down`, an `Exit`, an event."""

    async def terminate(self, reason: object) -> None:
        """Run before the process ends in good order, or after a handler failed."""

    def child_ended(self, child: Any, reason: object) -> Awaitable[None] | None:
        """Take the end of a process that was started with this one as its parent."""

    def format_status(self, shown: Shown) -> Shown:
        """Change what reports and `get_status` show of the server, with `dataclasses.replace`; hide secrets here."""
        return shown

    def __reconfigure__(self, made: Any, names: Collection[str]) -> None:
        """Take over these settings from another server, which was made with them."""
        for name in names:
            setattr(self, name, getattr(made, name))

    def __present__(self) -> Server:
        """The server itself, for those who look at it: what stands in for one puts it back in its place."""
        return self

    @property
    def __kind__(self) -> object:
        """What it is like, for those who count by kinds."""
        return self.__class__

    def __about__(self, last: Request | None, reason: object) -> Mapping[str, object]:
        """What a report of its crash says besides the reason; `last` is the message that it failed at."""
        shown = show(self, last, reason)
        message = {} if shown.message is None else {"last message": shown.message}
        return {**message, "state": shown.state}

    def orphans(self) -> list[Any]:
        """The children that can not go on when this process ends without its `terminate`."""
        return []


Server.__info__ = Server.handle_info


class Gone(Server):
    """In place of the server of a process that has ended; it remembers of what kind that was."""

    __slots__ = ("kind",)

    def __init__(self, kind: type[Server]) -> None:
        self.kind = kind


_gone: dict[object, Gone] = {}


def gone(kind: type[Server]) -> Gone:
    """What stands for all servers of this kind that have ended."""
    found = _gone.get(kind)
    if found is None:
        found = _gone[kind] = Gone(kind)
    return found
