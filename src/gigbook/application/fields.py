"""Turns loose values into a typed struct, and says everything that is wrong with them, not only the first thing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
    if text.startswith("Invalid enum value"):
        return f"must be one of {', '.join(map(str, _choices(type_, inside)))}"
    if text in _FORMATS:
        return f"must be {_FORMATS[text]}"
    expected, _, _ = text.partition(", got ")
    expected = re.sub("`(.*?)`", lambda code: " or ".join(map(_word, code[1].split(" | "))), expected)
    return "must be " + expected.removeprefix("Expected ") if expected.startswith("Expected ") else expected.lower()


def _choices(type_: object, inside: str) -> Sequence[object]:
    """What may stand there: the type's own choices, or those of a field of a struct in it."""
    schema = msgspec.json.schema(type_)
    field = inside.rpartition(".")[2]
    within = [part.get("properties", {}).get(field, {}) for part in schema.get("$defs", {}).values()]
    choices: Sequence[object] = next(node["enum"] for node in (schema, *within) if "enum" in node)
    return choices


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

_FORMATS = {
    "Invalid RFC3339 encoded date": "a date such as 2026-11-21",
    "Invalid RFC3339 encoded datetime": "a date and time such as 2026-11-21T20:00:00Z",
}
