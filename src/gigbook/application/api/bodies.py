"""Request bodies: read within a limit, decoded strictly, refused with every reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Final, Generic, NoReturn, TypeVar

import msgspec
from msgspec import DecodeError, Struct, ValidationError

from gigbook.application.api.answers import Header
from gigbook.application.api.failures import Refused
from gigbook.application.api.request import Request
from gigbook.application.fields import flaws, shortened
from gigbook.business.rules import Rule

LARGEST: Final = 1024 * 1024
DISCARDED: Final = 8 * LARGEST
DISCARD_SECONDS: Final = 2.0

JSON_TYPES: Final = ("application/json",)
MERGE_PATCH_TYPES: Final = ("application/json", "application/merge-patch+json")

B = TypeVar("B", bound=Struct)


class Body(Generic[B]):
    """How the bodies of one operation are read.

    The usual body is decoded once, straight into its type. Only one that fails, or that may name a field twice, is
    read again, slowly, to say all that is wrong with it. With a `default`, a request may come without a body.
    """

    def __init__(
        self,
        shape: type[B],
        rules: Mapping[str, Rule],
        types: tuple[str, ...] = JSON_TYPES,
        default: B | None = None,
    ) -> None:
        self.shape = shape
        self.types = types
        self.default = default
        self._rules = rules
        self._decode = msgspec.json.Decoder(shape).decode
        self._names = _names(shape)

    async def read(self, request: Request) -> B:
        """The body of the request.

        Raises:
            Refused: it is too large, of another type, malformed, or has wrong fields.
        """
        if self.default is not None and _is_absent(request):
            return self.default
        self._check_type(request)
        _check_coding(request)
        data = await received(request)
        if self._may_repeat(data):
            self._refuse_repeated(data)
        try:
            return self._decode(data)
        except ValidationError:
            self._refuse_fields(data)
        except (DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _malformed(error) from error

    def _check_type(self, request: Request) -> None:
        given = request.header(b"content-type") or ""
        kind, *parameters = given.split(";")
        if kind.strip().lower() not in self.types or any(map(_is_other_charset, parameters)):
            raise Refused(
                415,
                f"Content-Type must be {' or '.join(self.types)}, got {_shown(given)}",
                headers=((b"accept", ", ".join(self.types).encode()),),
            )

    def _may_repeat(self, data: bytes) -> bool:
        # A name can stand there twice only if its quoted text does, or if an escape hides it.
        return b"\\" in data or any(data.count(name) > 1 for name in self._names)

    def _refuse_repeated(self, data: bytes) -> None:
        try:
            json.loads(data, object_pairs_hook=_once)
        except _Repeated as repeated:
            name = shortened(str(repeated))
            raise Refused(400, "The body names a field more than once", details={name: "is given twice"}) from None
        except (ValueError, RecursionError):
            return  # malformed in another way, which the decoder tells better

    def _refuse_fields(self, data: bytes) -> NoReturn:
        try:
            raw: object = msgspec.json.decode(data)
        except (DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _malformed(error) from error
        try:
            fields = msgspec.convert(raw, dict[str, object])
        except ValidationError:
            raise Refused(400, "The body must be a JSON object") from None
        details = flaws(fields, self.shape, self._rules, strict=True)
        raise Refused(400, "Some values are not valid", details=details)


def _is_other_charset(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip().lower() == "charset" and value.strip(' "').lower() not in ("utf-8", "utf8")


def _check_coding(request: Request) -> None:
    coding = request.header(b"content-encoding") or "identity"
    if coding.strip().lower() != "identity":
        message = f"The body must be sent as it is, without Content-Encoding, got {_shown(coding)}"
        raise Refused(415, message, headers=((b"accept-encoding", b"identity"),))


def _shown(header: str) -> str:
    return repr(header[:100]) if header else "none"


def _is_absent(request: Request) -> bool:
    announced = (b"content-type", b"transfer-encoding")
    return (request.header(b"content-length") or "0") == "0" and not any(map(request.header, announced))


async def received(request: Request) -> bytes:
    """All bytes of the body.

    Raises:
        Refused: the body is larger than 1 MiB, whatever its headers said, or the client has left.
    """
    length = request.header(b"content-length")
    if length is not None and length.isdecimal() and int(length) > LARGEST:
        raise _too_large()
    parts = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "The body ended early")
        parts += message["body"]
        if len(parts) > LARGEST:
            raise _too_large()
        if not message["more_body"]:
            return bytes(parts)


async def discard(request: Request) -> None:
    """Take in, for a moment, what the client still sends.

    Closing at once would reset the connection, and a client that sends first and reads later would never see why.
    """
    left = DISCARDED
    try:
        async with asyncio.timeout(DISCARD_SECONDS):
            while left > 0:
                message = await request.receive()
                if message["type"] == "http.disconnect" or not message["more_body"]:
                    return
                left -= len(message["body"])
    except TimeoutError:
        return


class _Repeated(ValueError):
    """A name stands twice in one object."""


def _once(pairs: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise _Repeated(name)
        seen.add(name)


def _names(shape: type[Struct]) -> list[bytes]:
    """Every field name, quoted, of the shape and of the shapes inside it."""
    _, parts = msgspec.json.schema_components([shape])
    return [f'"{name}"'.encode() for part in parts.values() for name in part.get("properties", ())]


def _malformed(error: Exception) -> Refused:
    match error:
        case UnicodeDecodeError():
            return Refused(400, "The body is not UTF-8 text")
        case RecursionError():
            return Refused(400, "The body is nested too deeply")
        case _:
            return Refused(400, f"The body is not JSON that can be read: {error}")


def _too_large() -> Refused:
    return Refused(413, f"The body must have at most {LARGEST} bytes", headers=_CLOSE)


# What is left of the body would be taken for the next request.
_CLOSE: Final[tuple[Header, ...]] = ((b"connection", b"close"),)
