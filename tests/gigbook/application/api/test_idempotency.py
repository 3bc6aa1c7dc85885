from msgspec import Struct
from starlette.types import Message, Scope

from gigbook.application.api.idempotency import once
from gigbook.application.api.request import Request


class Note(Struct, frozen=True):
    text: str


def request(method: str = "POST", path: str = "/api/notes", key: str = "k-1") -> Request:
    scope: Scope = {"method": method, "path": path, "headers": [(b"idempotency-key", key.encode())]}
    return Request(scope, nothing)


async def nothing() -> Message:
    return {"type": "http.disconnect"}


def test_the_same_request_is_known_again() -> None:
    assert once(request(), Note("a")) == once(request(), Note("a"))


def test_a_key_stands_for_one_method_and_path() -> None:
    # Two refunds have the same body, which is none, and may have been given the same key by mistake.
    asked = [once(request()), once(request(path="/api/tunes")), once(request(method="PATCH"))]

    assert len({found.scope for found in asked if found is not None}) == 3


def test_another_body_is_another_request() -> None:
    first, second = once(request(), Note("a")), once(request(), Note("b"))

    assert first is not None
    assert second is not None
    assert (first.scope, first.key) == (second.scope, second.key)
    assert first.fingerprint != second.fingerprint
