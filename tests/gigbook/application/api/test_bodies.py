import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from starlette.types import Message, Scope

from gigbook.application.api import bodies
from gigbook.application.api.bodies import LARGEST, Body
from gigbook.application.api.failures import Refused
from gigbook.application.api.request import Request
from gigbook.business.rules import email


class Part(Struct, forbid_unknown_fields=True):
    day: int


class Thing(Struct, forbid_unknown_fields=True, kw_only=True):
    name: str
    email: str = "a@example.com"
    parts: list[Part] | None = None


THING = Body(Thing, {"email": email})


async def read(
    *chunks: bytes,
    type_: str = "application/json",
    coding: str | None = None,
    length: int | None = None,
    rest: bool = False,
) -> Thing:
    headers = [(b"content-type", type_.encode())]
    if coding is not None:
        headers.append((b"content-encoding", coding.encode()))
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    scope: Scope = {"method": "POST", "path": "/", "headers": headers}
    return await THING.read(Request(scope, Client(chunks, rest=rest).receive))


class Client:
    """What a client sends; it goes on for ever if there is a `rest`."""

    def __init__(self, chunks: Iterable[bytes], *, rest: bool) -> None:
        self.chunks = list(chunks)
        self.rest = rest
        self.taken = 0

    async def receive(self) -> Message:
        self.taken += 1
        if not self.chunks and self.rest:
            return {"type": "http.request", "body": b"x" * 65536, "more_body": True}
        body = self.chunks.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self.chunks) or self.rest}


async def refused(*chunks: bytes, **options: Any) -> tuple[int, dict[str, Any]]:
    with pytest.raises(Refused) as caught:
        await read(*chunks, **options)
    body: dict[str, Any] = json.loads(caught.value.answer.body)
    return caught.value.answer.status, body


async def test_a_body_may_come_in_pieces() -> None:
    assert await read(b'{"na', b"", b'me": "Ada"}') == Thing(name="Ada")


@pytest.mark.parametrize(
    "type_",
    [
        *(
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            'application/json;charset="UTF-8"',
        ),
        "application/json; charset=utf-8; profile=x",
    ],
)
async def test_json_is_taken_in_every_spelling(type_: str) -> None:
    assert await read(b'{"name": "Ada"}', type_=type_) == Thing(name="Ada")


@pytest.mark.parametrize(
    "type_",
    [
        *("", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"),
        "application/json; profile=x; charset=latin-1",
    ],
)
async def test_another_type_is_refused(type_: str) -> None:
    status, body = await refused(b'{"name": "Ada"}', type_=type_)

    assert (status, body["message"]) == (
        *(415, f"Content-Type must be application/json, got {repr(type_) if type_ else 'none'}"),
    )


async def test_a_body_that_is_compressed_is_refused_and_one_that_says_that_it_is_not_is_taken() -> None:
    status, body = await refused(b"\x1f\x8b", coding="gzip")

    assert (status, body["message"]) == (
        *(415, "The body must be sent as it is, without Content-Encoding, got 'gzip'"),
    )
    assert await read(b'{"name": "Ada"}', coding="Identity") == Thing(name="Ada")


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"name": NaN}', "not JSON"),
        (b'{"name": "Ada"} {}', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"name": "\\ud800"}', "not JSON"),
        (b'{"name": "a\x00b"}', "not JSON"),
        (b'{"name": "\xff"}', "not UTF-8"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'"name"', "must be a JSON object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"\\u0061":' + b"[" * 100_000, "not JSON"),
    ],
)
async def test_what_is_no_json_object_is_refused_and_says_why(data: bytes, word: str) -> None:
    status, body = await refused(data)

    assert (status, body["error"]) == (400, "Bad Request")
    assert word in body["message"] or (word == "not JSON" and "nested" in body["message"])


async def test_all_flaws_are_told_at_once() -> None:
    status, body = await refused(b'{"email": "ada", "parts": 5, "shoe": 43}')

    assert status == 400
    assert body["details"] == {
        "name": "is required",
        "email": "must be a valid e-mail address",
        "parts": "must be an array or null",
        "shoe": "is not known",
    }


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b'{"name": "Ada", "name": "Eve"}', "name"),
        (b'{"name": "Ada", "n\\u0061me": "Eve"}', "name"),
        (b'{"name": "Ada", "parts": [{"day": 1, "day": 2}]}', "day"),
    ],
)
async def test_a_field_that_is_given_twice_is_refused(data: bytes, field: str) -> None:
    status, body = await refused(data)

    assert (status, body["details"]) == (400, {field: "is given twice"})


@pytest.mark.parametrize(
    "thing",
    [
        Thing(name="name"),
        Thing(name='"name"'),
        Thing(name="\\"),
        Thing(name="Ada", parts=[Part(1), Part(2)]),
    ],
)
async def test_what_only_looks_like_a_repeated_field_is_taken(thing: Thing) -> None:
    assert await read(msgspec.json.encode(thing)) == thing


async def test_a_body_of_the_largest_size_is_taken() -> None:
    data = b'{"name": "' + b"a" * (LARGEST - 12) + b'"}'

    assert len((await read(data)).name) == LARGEST - 12


async def test_a_body_that_says_it_is_too_large_is_refused_unread() -> None:
    client = Client([b"x"], rest=False)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(LARGEST + 1).encode())]
    scope: Scope = {"method": "POST", "path": "/", "headers": headers}

    with pytest.raises(Refused) as caught:
        await THING.read(Request(scope, client.receive))

    assert caught.value.answer.status == 413
    assert client.taken == 0


async def test_a_body_that_never_ends_is_refused_at_the_limit() -> None:
    client = Client([b"x"], rest=True)
    scope: Scope = {"method": "POST", "path": "/", "headers": [(b"content-type", b"application/json")]}

    with pytest.raises(Refused) as caught:
        await THING.read(Request(scope, client.receive))

    assert caught.value.answer.status == 413
    assert client.taken == LARGEST // 65536 + 1


async def test_a_client_that_leaves_in_the_middle_is_not_waited_for() -> None:
    messages: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Message:
        return messages.pop(0)

    scope: Scope = {"method": "POST", "path": "/", "headers": [(b"content-type", b"application/json")]}

    with pytest.raises(Refused) as caught:
        await THING.read(Request(scope, receive))

    assert caught.value.answer.status == 400


async def test_only_so_much_of_what_comes_too_late_is_taken_in() -> None:
    client = Client([], rest=True)
    scope: Scope = {"method": "POST", "path": "/", "headers": []}

    await bodies.discard(Request(scope, client.receive))

    assert client.taken == bodies.DISCARDED // 65536
