"""Events as text, and back: the name of the type, the number of its schema, and JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec import MsgspecError
from msgspec.json import Decoder, Encoder, decode

from greenroom.foundation.errors import GreenroomError

E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)

# JSON is of no type that could be told.
Upcast: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns the fields of an event, as one schema has them, into those of the next."""


class UnknownEvent(GreenroomError):
    """An event of a type, or of a schema, that the codec was not told of; perhaps a newer release has written it."""

    def __init__(self, name: str, schema: int, known: Sequence[str]) -> None:
        super().__init__(f"expected an event of {', '.join(known) or 'no type'}, got {name} of schema {schema}")
        self.name = name
        self.schema = schema


class MalformedEvent(GreenroomError):
    """The fields of an event are not what its type asks for: those that were stored, or those that were to be."""

    def __init__(self, name: str, detail: object) -> None:
        super().__init__(f"expected the fields of {name}, got something else: {detail}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Encoded:
    """An event as it is stored."""

    type: str
    schema: int
    payload: str


# Without slots, since it may be made as `EventKind[Booked](...)`: see `Topic`.
@dataclass(frozen=True)
class EventKind(Generic[E_co]):
    """How events of one type are stored.

    They are stored under the type's name, unless another is given; `formerly` are the names of before. Each entry of
    `upcasts` turns the fields of one schema into those of the next, the oldest first: with none the schema is 1.
    """

    type: type[E_co]
    name: str = ""
    formerly: tuple[str, ...] = ()
    upcasts: tuple[Upcast, ...] = ()

    @property
    def stored_name(self) -> str:
        """The name that new events are stored under."""
        return self.name or self.type.__name__

    @property
    def schema(self) -> int:
        """The number of the present schema."""
        return len(self.upcasts) + 1


class EventCodec(Generic[E]):
    """Encodes the types of events that it was told of: frozen dataclasses, or structs of msgspec's.

    >>> @dataclass(frozen=True)
    ... class Booked:
    ...     artist: str
    >>> codec = EventCodec(Booked)
    >>> codec.encode(Booked("Nina"))
    Encoded(type='Booked', schema=1, payload='{"artist":"Nina"}')
    >>> codec.decode(Encoded("Booked", 1, '{"artist":"Nina"}'))
    Booked(artist='Nina')
    """

    def __init__(self, *kinds: type[E] | EventKind[E]) -> None:
        self._by_type: dict[type, EventKind[E]] = {}
        self._by_name: dict[str, EventKind[E]] = {}
        for kind in kinds:
            self._add(kind if isinstance(kind, EventKind) else EventKind(kind))
        self._encoder = Encoder()
        self._decoders: dict[type, Decoder[E]] = {kind.type: Decoder(kind.type) for kind in self._by_type.values()}

    def encode(self, event: E) -> Encoded:
        """Turn the event into text.

        Raises:
            UnknownEvent: the codec was not told of its type.
            MalformedEvent: it could not be read again, as with text where its type asks for a number, or with a number
                that JSON does not have; events stay as they are, so nobody could ever read past it.
        """
        kind = self._by_type.get(type(event))
        if kind is None:
            raise UnknownEvent(type(event).__name__, 1, sorted(self._by_name))
        encoded = Encoded(kind.stored_name, kind.schema, self._encoder.encode(event).decode())
        self.decode(encoded)
        return encoded

    def decode(self, encoded: Encoded) -> E:
        """Turn the text into an equal event, by way of `upcasts` if its schema is an older one.

        Raises:
            UnknownEvent: the codec was not told of its type, or the schema is newer.
            MalformedEvent: the text is not what the type asks for.
        """
        kind = self._by_name.get(encoded.type)
        if kind is None or not 1 <= encoded.schema <= kind.schema:
            raise UnknownEvent(encoded.type, encoded.schema, sorted(self._by_name))
        try:
            return self._decoders[kind.type].decode(self._upcast(kind, encoded))
        except MsgspecError as error:
            raise MalformedEvent(encoded.type, error) from error

    def names_of(self, *types: type) -> tuple[str, ...]:
        """The names that events of these types are or were stored under.

        Raises:
            UnknownEvent: the codec was not told of one of them.
        """
        kinds = [self._by_type.get(each) for each in types]
        for each, kind in zip(types, kinds, strict=True):
            if kind is None:
                raise UnknownEvent(each.__name__, 1, sorted(self._by_name))
        return tuple(name for name, kind in self._by_name.items() if kind in kinds)

    def _add(self, kind: EventKind[E]) -> None:
        for name in (kind.stored_name, *kind.formerly):
            if name in self._by_name:
                other = self._by_name[name].type
                raise ValueError(f"expected a name for each type of events, got {name!r} for {other} and {kind.type}")
            self._by_name[name] = kind
        self._by_type[kind.type] = kind

    def _upcast(self, kind: EventKind[E], encoded: Encoded) -> str | bytes:
        if encoded.schema == kind.schema:
            return encoded.payload
        fields: dict[str, Any] = decode(encoded.payload)
        for upcast in kind.upcasts[encoded.schema - 1 :]:
            fields = upcast(fields)
        return self._encoder.encode(fields)
