"""States as bytes, and back."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from msgspec.msgpack import Decoder, Encoder

S = TypeVar("S")

_encoder = Encoder()


class Codec(Protocol[S]):
    """Packs the states of one type."""

    def pack(self, state: S, /) -> bytes:
        """Turn the state into bytes."""
        ...

    def unpack(self, data: bytes, /) -> S:
        """Turn the bytes into an equal state."""
        ...


class MessagePack(Generic[S]):
    """MessagePack, for dataclasses, msgspec's structs, and what they are made of.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Seat:
    ...     row: str
    ...     number: int
    >>> seats = MessagePack(Seat)
    >>> seats.unpack(seats.pack(Seat("A", 7)))
    Seat(row='A', number=7)
    """

    __slots__ = ("_decoder",)

    def __init__(self, state: type[S]) -> None:
        self._decoder = Decoder(state)

    def pack(self, state: S, /) -> bytes:
        """Turn the state into bytes."""
        return _encoder.encode(state)

    def unpack(self, data: bytes, /) -> S:
        """Turn the bytes into an equal state."""
        return self._decoder.decode(data)
