"""A path as ASGI sees it: the one place through which every request passes, and every response."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Final

from starlette.types import Message, Receive, Scope, Send

from gigbook.application.api import bodies, request_log
from gigbook.application.api.answers import Answer, Header, error
from gigbook.application.api.event_stream import HEADERS, EventStream, HeadOfStream, OpenStream, opened
from gigbook.application.api.failures import failure
from gigbook.application.api.operations import Operation
from gigbook.application.api.request import Request
from gigbook.application.api.responses import respond


class Endpoint:
    """What can be done at one path. It answers whatever happens, and logs one line for each request."""

    def __init__(self, path: str, *operations: Operation) -> None:
        self.path: Final = path
        self.operations: Final = {operation.method: operation for operation in operations}
        self._runs = {operation.method: operation.run for operation in operations}
        if get := self._runs.get("GET"):
            self._runs["HEAD"] = get
        self._allow = ", ".join(sorted([*self._runs, "OPTIONS"])).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = perf_counter()
        request = Request(scope, receive)
        answer = await self._answer(request)
        if isinstance(answer, Answer):
            await _send(request, answer, send)
        else:
            await send(_head(request, answer.status, HEADERS))
            await answer.send(send)
        request_log.write(request, answer.status, perf_counter() - started)

    async def _answer(self, request: Request) -> Answer | OpenStream | HeadOfStream:
        run = self._runs.get(request.method)
        if run is None:
            return self._other(request.method)
        try:
            outcome = await run(request)
            if isinstance(outcome, EventStream):
                return await opened(outcome, request)
            return respond(request, outcome)
        except asyncio.CancelledError:
            # The server is stopping and has waited for as long as it may.
            return error(503, "The service is stopping; the request may have been carried out", request_id=request.id)
        except Exception as raised:  # a request that fails must not take down the connection, or the server
            return failure(raised, request.id)

    def _other(self, method: str) -> Answer:
        if method == "OPTIONS":
            return Answer(204, b"", ((b"allow", self._allow),))
        message = f"{method} is not possible here; these are: {self._allow.decode()}"
        return error(405, message, headers=((b"allow", self._allow),))


class Nowhere(Endpoint):
    """Every path that leads to nothing."""

    def __init__(self) -> None:
        super().__init__("")

    async def _answer(self, request: Request) -> Answer:
        return error(404, "Nothing is here; /docs shows what there is")


_NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")


async def _send(request: Request, answer: Answer, send: Send) -> None:
    await send(_head(request, answer.status, (*answer.headers, *_framing(answer))))
    if answer.status == 413:
        await send({"type": "http.response.body", "body": answer.body, "more_body": True})
        await bodies.discard(request)
        await send({"type": "http.response.body"})
    else:
        await send({"type": "http.response.body", "body": answer.body})


def _head(request: Request, status: int, headers: tuple[Header, ...]) -> Message:
    known = [*headers, (b"x-request-id", request.id.encode()), _NO_SNIFFING]
    return {"type": "http.response.start", "status": status, "headers": known}


def _framing(answer: Answer) -> tuple[Header, ...]:
    # A 204 must not tell its length, and that of a 304 would be that of the 200 it stands for.
    return () if answer.status in (204, 304) else ((b"content-length", b"%d" % len(answer.body)),)
