"""Query strings: decoded strictly into a struct, refused with every reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Generic, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct, ValidationError

from gigbook.application.api.failures import Refused
from gigbook.application.api.request import Request
from gigbook.application.fields import flaws
from gigbook.business.refusals import InvalidData
from gigbook.business.rules import Rule, checked

Q = TypeVar("Q", bound=Struct)
MOST_PARAMETERS: Final = 50


class Query(Generic[Q]):
    """How the query string of one operation is read: a struct whose fields all have defaults."""

    def __init__(self, shape: type[Q], rules: Mapping[str, Rule]) -> None:
        self.shape = shape
        self._rules = rules
        self._empty = shape()

    def read(self, request: Request) -> Q:
        """The parameters of the request.

        Raises:
            Refused: a parameter is unknown, wrong, or given twice; the answer names all that are.
        """
        given: bytes = request.scope["query_string"]
        return self._parsed(given) if given else self._empty

    def _parsed(self, given: bytes) -> Q:
        try:
            pairs = parse_qsl(given.decode("ascii"), True, errors="strict", max_num_fields=MOST_PARAMETERS)
        except ValueError:
            raise Refused(400, "The query string is malformed") from None
        raw = dict(pairs)
        if len(raw) < len(pairs):
            names = [name for name, _ in pairs]
            raise _wrong({name: "is given twice" for name in names if names.count(name) > 1})
        try:
            found = checked(msgspec.convert(raw, self.shape, strict=False), self._rules)
        except ValidationError:
            raise _wrong(flaws(raw, self.shape, self._rules, strict=False)) from None
        if isinstance(found, InvalidData):
            raise _wrong(dict(found.reasons))
        return found


def _wrong(details: dict[str, str]) -> Refused:
    return Refused(400, "Some parameters are not valid", details=details)
