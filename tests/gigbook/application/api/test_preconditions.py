import pytest
from starlette.types import Message, Scope

from gigbook.application.api.preconditions import content_tag, expected, knows, version_tag
from gigbook.application.api.request import Request


def request(method: str, **headers: str) -> Request:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: Scope = {"method": method, "path": "/", "headers": pairs}
    return Request(scope, nothing)


async def nothing() -> Message:
    return {"type": "http.disconnect"}


def test_without_a_condition_any_version_may_be_replaced() -> None:
    assert expected(request("PUT")) is None
    assert expected(request("PUT", if_match="*")) is None


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        ('"7"', {7}),
        ('"7", "8"', {7, 8}),
        ('"7" ,"8"', {7, 8}),
        ('W/"7"', set[int]()),
        ("7", set[int]()),
        ('"seven"', set[int]()),
        ('"007"', set[int]()),
        ('"7"x', set[int]()),
        ("", set[int]()),
    ],
)
def test_only_tags_that_are_versions_allow_a_change(header: str, versions: set[int]) -> None:
    assert expected(request("PUT", if_match=header)) == frozenset(versions)


@pytest.mark.parametrize("header", ['"7"', 'W/"7"', '"6", "7"', "*"])
def test_a_client_knows_what_it_names(header: str) -> None:
    assert knows(request("GET", if_none_match=header), version_tag(7))
    assert knows(request("HEAD", if_none_match=header), version_tag(7))


def test_a_client_does_not_know_other_versions() -> None:
    assert not knows(request("GET", if_none_match='"6"'), version_tag(7))
    assert not knows(request("GET"), version_tag(7))


def test_a_change_is_never_answered_with_not_modified() -> None:
    assert not knows(request("PUT", if_none_match="*"), version_tag(7))


def test_equal_contents_have_equal_tags() -> None:
    assert content_tag(b"a") == content_tag(b"a") != content_tag(b"b")
