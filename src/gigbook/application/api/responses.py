"""From what a handler answered to an HTTP response: the other half of the mapping is in `failures`."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from gigbook.application.api.answers import JSON, Answer, Content, Created, Header, Listing, encode
from gigbook.application.api.event_stream import EventStream
from gigbook.application.api.failures import refusal
from gigbook.application.api.preconditions import content_tag, knows, version_tag
from gigbook.application.api.request import Request
from gigbook.business.refusals import Refusal
from gigbook.business.versions import Versioned

Finished: TypeAlias = Answer | Content | Versioned[Struct] | Created[Struct] | Listing[Struct] | Refusal | None
"""What has an end; None says that it is done and there is nothing to tell."""

Outcome: TypeAlias = Finished | EventStream
"""What a handler may answer with."""


def respond(request: Request, outcome: Finished) -> Answer:
    """The response to a request that came to this outcome."""
    match outcome:
        case Versioned():
            return _versioned(request, outcome)
        case Listing():
            return _listing(request, outcome)
        case Created():
            return _created(outcome)
        case Content():
            return _content(request, outcome)
        case Answer():
            return outcome
        case None:
            return Answer(204)
        case _:
            return refusal(outcome)


def _versioned(request: Request, found: Versioned[Struct]) -> Answer:
    tag = version_tag(found.version)
    if knows(request, tag):
        return Answer(304, b"", ((b"etag", tag),))
    return Answer(200, encode(found.value), (JSON, (b"etag", tag)))


def _created(created: Created[Struct]) -> Answer:
    headers: tuple[Header, ...] = (
        JSON,
        (b"location", created.location.encode()),
        (b"etag", version_tag(created.versioned.version)),
    )
    if created.again:
        headers = (*headers, (b"idempotency-replayed", b"true"))
    return Answer(201, encode(created.versioned.value), headers)


def _content(request: Request, content: Content) -> Answer:
    headers = ((b"etag", content_tag(content.body)), *content.headers)
    if knows(request, headers[0][1]):
        return Answer(304, b"", headers)
    return Answer(200, content.body, ((b"content-type", content.type.encode()), *headers))


def _listing(request: Request, listing: Listing[Struct]) -> Answer:
    body = encode(listing.items)
    headers: list[Header] = [JSON, (b"etag", content_tag(body))]
    if listing.next is not None:
        headers.append((b"link", f'<{listing.next}>; rel="next"'.encode()))
    if listing.total is not None:
        headers.append((b"x-total-count", b"%d" % listing.total))
    if knows(request, headers[1][1]):
        return Answer(304, b"", tuple(headers[1:]))
    return Answer(200, body, tuple(headers))
