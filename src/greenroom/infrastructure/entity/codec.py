"""States as bytes, and back."""

from __future__ import annotations

from collections import deque
from dataclasses import is_dataclass
from typing import Generic, Protocol, TypeVar, get_origin

from msgspec import Struct
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


def check_frozen(state: object) -> None:
    """Make sure that nobody can change a state where it is: what a handler left half-way would be kept.

    Raises:
        ValueError: it is a dataclass, or a struct of msgspec's, whose fields can be set; or a list, say.
    """
    kind = get_origin(state) or state
    if isinstance(kind, type) and issubclass(kind, (list, dict, set, deque, bytearray)):
        frozen = False
    elif is_dataclass(state):
        frozen = bool(getattr(state, "__dataclass_params__").frozen)  # noqa: B009  # known to no checker
    else:
        frozen = not (isinstance(state, type) and issubclass(state, Struct)) or state.__struct_config__.frozen
    if not frozen:
        raise ValueError(f"expected a state that is frozen, as by @dataclass(frozen=True), got {state!r}")


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
