import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gigbook.application.api import server_sent
from tests.gigbook.application.api.event_source import EventSource, Received

ONE_LINE = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))


def received(*pieces: bytes) -> EventSource:
    source = EventSource()
    for piece in pieces:
        source.feed(piece)
    return source


@given(
    name=ONE_LINE.filter(bool),
    data=st.text(st.characters(exclude_categories=["Cs"])),
    id=ONE_LINE,
    cut=st.integers(min_value=0),
)
def test_a_client_gets_what_was_sent_however_it_is_cut(name: str, data: str, id: str, cut: int) -> None:
    sent = server_sent.event(name, data.encode(), id=id)

    source = received(sent[: cut % len(sent)], sent[cut % len(sent) :])

    assert source.events == [Received(name, re.sub("\r\n|\r", "\n", data), id)]


def test_an_event_without_an_id_keeps_the_one_before() -> None:
    source = received(server_sent.event("a", b"1", id="7"), server_sent.event("b", b"2"))

    assert [event.last_id for event in source.events] == ["7", "7"]


def test_comments_and_retry_are_no_events() -> None:
    source = received(server_sent.retry(1500), server_sent.comment("still here"))

    assert (source.events, source.comments, source.retry) == ([], [" still here"], 1500)


@pytest.mark.parametrize("text", ["two\nlines", "two\rlines", "nothing\0"])
def test_a_name_that_would_be_taken_for_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected one line without NUL"):
        server_sent.event(text, b"")
    with pytest.raises(ValueError, match="expected one line without NUL"):
        server_sent.event("venue", b"", id=text)
