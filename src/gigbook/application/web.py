"""The web server as a process: supervised, restarted when it is killed, drained when it is stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp

from gigbook.application.door import CannotListen, Door
from greenroom import GenServer, Shutdown


@dataclass
class WebServer(GenServer):
    """Whoever runs this process answers at the door."""

    door: Door
    make_app: Callable[[], ASGIApp]

    async def init(self) -> None:
        """Open the door; without one the process does not start."""
        self.trap_exit()
        try:
            await self.door.open(self.make_app(), until=self.ref.down())
        except CannotListen as error:
            # No crash: nothing is wrong with the program, and the operator needs one line, not a traceback.
            self.stop(Shutdown(error))

    async def address(self) -> tuple[str, int]:
        """Where clients come in."""
        return self.door.host, self.door.port

    async def terminate(self, reason: object) -> None:
        """Let nobody in, and finish the requests in flight."""
        await self.door.close()
