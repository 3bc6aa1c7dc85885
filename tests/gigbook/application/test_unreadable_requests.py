"""What is answered before there is a request: the shape is that of all errors, and the connection ends."""

import asyncio
import json

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from gigbook.application.connection import LARGEST_HEAD
from tests.gigbook.doors import opened


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("expected no request to be read")


NONSENSE = [
    b"nonsense\r\n\r\n",
    bytes(range(256)),
    b"BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
]


@pytest.mark.parametrize("sent", NONSENSE)
async def test_what_is_no_request_is_refused_in_the_shape_of_all_errors(sent: bytes) -> None:
    assert await answered(sent) == (
        *("HTTP/1.1 400 Bad Request", "application/json"),
        {"error": "Bad Request", "message": "This is no HTTP/1.1 request that can be read"},
    )


# One byte too many: what is left unread when the connection ends would take the answer with it.
LARGE = [b"GET / HTTP/1.1\r\nX: ".ljust(LARGEST_HEAD + 1, b"x"), b"GET /" + LARGEST_HEAD * b"x" + b" HTTP/1.1\r\n\r\n"]


@pytest.mark.parametrize("sent", LARGE, ids=["header", "path"])
async def test_a_head_that_is_too_large_is_refused_in_the_shape_of_all_errors(sent: bytes) -> None:
    assert await answered(sent) == (
        *("HTTP/1.1 431 Request Header Fields Too Large", "application/json"),
        {
            "error": "Request Header Fields Too Large",
            "message": "The request line and the headers must have at most 65536 bytes",
        },
    )


async def never(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def test_what_is_no_request_is_not_refused_in_the_place_of_an_answer() -> None:
    async with opened(never) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n")

        assert await reader.read() == b""
        writer.close()


async def test_a_body_that_can_not_be_read_is_refused_in_the_shape_of_all_errors() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert (await answered(head + b"-1\r\n", never))[0] == "HTTP/1.1 400 Bad Request"


async def answered(sent: bytes, app: ASGIApp = nothing) -> tuple[str, str, object]:
    """The status line, the content type and the body of what comes before the connection ends."""
    async with opened(app) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(sent)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert (headers["connection"], int(headers["content-length"])) == ("close", len(body))
    return status, headers["content-type"], json.loads(body)
