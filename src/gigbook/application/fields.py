"""Turns loose values into a typed struct, and says everything that is wrong with them, not only the first thing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct, ValidationError, structs

from gigbook.business.rules import Flaw, Rule

S = TypeVar("S", bound=Struct)


MOST_UNKNOWN: Final = 20
"""How many fields that are not known are named: an answer should not be as long as the request that it refuses."""

LONGEST_NAME: Final = 100


def flaws(raw: Mapping[str, object], shape: type[Struct], rules: Mapping[str, Rule], *, strict: bool) -> dict[str, str]:
    """Each field that keeps `raw` from being a `shape`, with the reason.

    A field whose type is right must also obey its rule. Without `strict`, text may stand for a number or a truth
    value, as it does in a query string or in the environment.
    """
    types = get_type_hints(shape, include_extras=True)
    fields = structs.fields(shape)
    known = {field.encode_name for field in fields}
    unknown = islice((name for name in raw if name not in known), MOST_UNKNOWN)
    found = {shortened(name): "is not known" for name in unknown}
    for field in fields:
        if field.encode_name not in raw:
            if field.default is NODEFAULT and field.default_factory is NODEFAULT:
                found[field.encode_name] = "is required"
        elif reason := _flaw(raw[field.encode_name], types[field.name], rules.get(field.name), strict):
            found[field.encode_name] = reason
    return found


def shortened(name: str) -> str:
    """The name of a field as it can be told, however long it is."""
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"


def _flaw(value: object, type_: object, rule: Rule | None, strict: bool) -> str | None:
    try:
        found: object = msgspec.convert(value, type_, strict=strict)
    except ValidationError as error:
        return _in_words(str(error), type_)
    verdict = rule(found) if rule and found is not None else None
    return verdict.reason if isinstance(verdict, Flaw) else None


def _in_words(complaint: str, type_: object) -> str:
    """The decoder's complaint, as words that fit behind the field's name."""
    text, _, place = complaint.partition(" - at ")
    inside = place.strip("`").removeprefix("$")
    reason = _reason(text, inside, type_)
    return f"{reason}, at {inside}" if inside else reason


def _reason(text: str, inside: str, type_: object) -> str:
    if choices := _choices(type_, inside.rpartition(".")[2]) if text.startswith(_NO_CHOICE) else ():
        return f"must be one of {', '.join(map(str, choices))}"
    if text in _FORMATS:
        return f"must be {_FORMATS[text]}"
    if (lacking := _MISSING.fullmatch(text)) is not None:
        return f"must have {lacking[1]}"
    if (surplus := _SURPLUS.fullmatch(text)) is not None:
        return f"must not have {shortened(surplus[1])}"
    expected, _, _ = text.partition(", got ")
    expected = re.sub("`(.*?)`", lambda code: " or ".join(map(_word, code[1].split(" | "))), expected)
    return "must be " + expected.removeprefix("Expected ") if expected.startswith("Expected ") else expected.lower()


def _choices(type_: object, field: str) -> Sequence[object]:
    """What may stand there, in the order of its declaration: the type's own choices, or those of a field inside it."""
    if get_origin(type_) is Literal:
        return () if field else get_args(type_)
    if isinstance(type_, type) and issubclass(type_, Struct):
        inner = get_type_hints(type_, include_extras=True).get(field)
        return () if inner is None else _choices(inner, "")
    return next((found for part in get_args(type_) if (found := _choices(part, field))), ())


def _word(type_name: str) -> str:
    return _WORDS.get(type_name, type_name)


_WORDS = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "an array",
    "datetime": "a date and time",
    "date": "a date",
}

# A value of another type than text is no choice either.
_NO_CHOICE = ("Invalid enum value", "Expected `str`, got")

_MISSING = re.compile("Object missing required field `(.*)`", re.DOTALL)
_SURPLUS = re.compile("Object contains unknown field `(.*)`", re.DOTALL)

_FORMATS = {
    "Invalid RFC3339 encoded date": "a date such as 2026-11-21",
    "Invalid RFC3339 encoded datetime": "a date and time such as 2026-11-21T20:00:00Z",
}
