"""Responses as values, made in one piece and sent by the endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, Generic, Protocol, TypeAlias, TypeVar, cast

import msgspec
from msgspec import Struct

from gigbook.business.once import Repeated
from gigbook.business.refusals import Refusal
from gigbook.business.versions import Versioned

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T", bound="Identified")
R = TypeVar("R")
Header: TypeAlias = tuple[bytes, bytes]

JSON: Header = (b"content-type", b"application/json")
TEXT: Header = (b"content-type", b"text/plain; charset=utf-8")


class Identified(Protocol):
    """Something that has an id."""

    @property
    def id(self) -> int:
        """The last part of its address."""
        ...


class Answer(Struct):
    """A response that is ready to be sent, but for the headers that every response has."""

    status: int
    body: bytes = b""
    headers: tuple[Header, ...] = ()


class Created(Struct, Generic[T_co], frozen=True):
    """Something new, at its own address. `again` marks the answer to a request that was carried out before."""

    versioned: Versioned[T_co]
    location: str
    again: bool = False


def created(outcome: Versioned[T] | Repeated[Versioned[T]] | R, path: str) -> Created[T] | R:
    """What was made, or had been made before, at its address below `path`; a refusal stays what it is."""
    # R is some refusals. As a bound that would make mypy take any refusal for them.
    known = cast("Versioned[T] | Repeated[Versioned[T]] | Refusal", outcome)
    match known:
        case Versioned():
            return Created(known, f"{path}/{known.value.id}")
        case Repeated(made):
            return Created(made, f"{path}/{made.value.id}", again=True)
        case Refusal():
            return cast("R", known)


class Listing(Struct, Generic[T_co], frozen=True):
    """A page of a list: where the next one is, and how long the list is if that was asked for."""

    items: Sequence[T_co]
    next: str | None = None
    total: int | None = None


class Content(Struct, frozen=True):
    """Bytes of some kind, which have no version: what a client knows of them is a digest."""

    body: bytes
    type: str
    headers: tuple[Header, ...] = ()


class ErrorBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong."""

    error: str
    message: str
    details: dict[str, str] | None = None
    request_id: str | None = None


# The words of RFC 9110, which the standard library has only since Python 3.13.
_PHRASES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}

encode = msgspec.json.Encoder().encode


def phrase(status: int) -> str:
    """What the status is called."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def text(status: int, line: str) -> Answer:
    """A line of plain text."""
    return Answer(status, line.encode(), (TEXT,))


def error(
    status: int,
    message: str,
    *,
    details: dict[str, str] | None = None,
    request_id: str | None = None,
    headers: tuple[Header, ...] = (),
) -> Answer:
    """The one shape that all errors have."""
    body = ErrorBody(error=phrase(status), message=message, details=details, request_id=request_id)
    return Answer(status, encode(body), (JSON, *headers))
