"""Turns loose values into a typed struct, and says everything that is wrong with them, not only the first thing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct, ValidationError, structs

from gigbook.business.rules import Flaw, Rule

S = TypeVar("S", bound=Struct)


def flaws(raw: Mapping[str, object], shape: type[Struct], rules: Mapping[str, Rule], *, strict: bool) -> dict[str, str]:
    """Each field that keeps `raw` from being a `shape`, with the reason.

    A field whose type is right must also obey its rule. Without `strict`, text may stand for a number or a truth
    value, as it does in a query string or in the environment.
    """
    types = get_type_hints(shape, include_extras=True)
    fields = structs.fields(shape)
    found = dict.fromkeys(raw.keys() - {field.encode_name for field in fields}, "is not known")
    for field in fields:
        if field.encode_name not in raw:
            if field.default is NODEFAULT and field.default_factory is NODEFAULT:
                found[field.encode_name] = "is required"
        elif reason := _flaw(raw[field.encode_name], types[field.name], rules.get(field.name), strict):
            found[field.encode_name] = reason
    return found


def _flaw(value: object, type_: object, rule: Rule | None, strict: bool) -> str | None:
    try:
        msgspec.convert(value, type_, strict=strict)
    except ValidationError as error:
        return _in_words(str(error), type_)
    verdict = rule(value) if rule and isinstance(value, str) else None
    return verdict.reason if isinstance(verdict, Flaw) else None


def _in_words(complaint: str, type_: object) -> str:
    """The decoder's complaint, as words that fit behind the field's name."""
    if complaint.startswith("Invalid enum value"):
        return f"must be one of {', '.join(map(str, msgspec.json.schema(type_)['enum']))}"
    text, _, place = complaint.partition(" - at ")
    expected, _, _ = text.partition(", got ")
    expected = re.sub("`(.*?)`", lambda code: " or ".join(map(_word, code[1].split(" | "))), expected)
    inside = place.strip("`").removeprefix("$")
    reason = "must be " + expected.removeprefix("Expected ") if expected.startswith("Expected ") else expected.lower()
    return f"{reason}, at {inside}" if inside else reason


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
}
