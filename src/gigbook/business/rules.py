"""Rules for what people type, texts above all: each takes the value and answers with it made tidy, or with its flaw.

>>> line("  Ada Lovelace ", most=200)
'Ada Lovelace'
>>> line("   ", most=200)
Flaw(reason='must not be empty')
>>> email("Ada@Example.COM")
'ada@example.com'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias, TypeVar

from msgspec import UNSET, Struct, structs

from gigbook.business.refusals import InvalidData

LONGEST_EMAIL: Final = 254

# What the rules below allow, as patterns for a schema.
_IN_LINE = r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029]"
LINE: Final = rf"^{_IN_LINE}*[^\s\u0000-\u001f\u007f-\u009f]{_IN_LINE}*$"
OPTIONAL_LINE: Final = f"^{_IN_LINE}*$"
OPTIONAL_LINES: Final = r"^[^\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029]*$"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a value is refused, in words that fit behind the field's name."""

    reason: str


# `Any`: each rule takes what its own field holds, and rules of all fields stand in one table.
Rule: TypeAlias = Callable[[Any], object]
S = TypeVar("S", bound=Struct)


def checked(given: S, rules: Mapping[str, Rule]) -> S | InvalidData:
    """The same with every value made tidy, or all the fields that break their rule.

    Fields that hold nothing (unset, null) are left as they are.
    """
    tidy: dict[str, object] = {}
    flaws: dict[str, str] = {}
    for field, rule in rules.items():
        value = getattr(given, field)
        if value is not None and value is not UNSET:
            verdict = rule(value)
            if isinstance(verdict, Flaw):
                flaws[field] = verdict.reason
            else:
                tidy[field] = verdict
    return InvalidData(_as_sent(given, flaws)) if flaws else structs.replace(given, **tidy)


def _as_sent(given: Struct, flaws: Mapping[str, str]) -> Mapping[str, str]:
    """The flaws by the names that fields have outside, where one of them can not be a name in Python."""
    names = {field.name: field.encode_name for field in structs.fields(given)}
    return {names[field]: reason for field, reason in flaws.items()}


def line(text: str, *, most: int) -> str | Flaw:
    """One line: trimmed, not empty, no longer than `most`, without control characters."""
    tidy = _tidy(text, most, _CONTROL)
    return Flaw("must not be empty") if tidy == "" else tidy


def optional_line(text: str, *, most: int) -> str | Flaw | None:
    """One line that may be left out: blank text counts as none."""
    return _tidy(text, most, _CONTROL) or None


def optional_lines(text: str, *, most: int) -> str | Flaw | None:
    """Several lines that may be left out, as a postal address; blank text counts as none."""
    return _tidy(text.replace("\r\n", "\n").replace("\r", "\n"), most, _CONTROL_IN_LINES) or None


def wanted(text: str, *, most: int) -> str | Flaw:
    """Something to look for: taken as it is, but no longer than `most` and without control characters."""
    tidy = _tidy(text, most, _CONTROL)
    return tidy if isinstance(tidy, Flaw) else text


@lru_cache(maxsize=4096)
def email(text: str) -> str | Flaw:
    """An e-mail address in lower case, so that two spellings of one address are equal.

    Only its syntax is checked: no name server is asked. The verdicts on the last few thousand are kept, since most
    changes leave the address as it was, and to check one costs as much as all the rest of the rules.
    """
    # Imported at first use: it costs as much as a third of the start.
    from email_validator import EmailNotValidError, validate_email

    bounded = line(text, most=LONGEST_EMAIL)
    if isinstance(bounded, Flaw):
        return bounded
    try:
        # .test is a name that can have no mail, and so the one that examples and tests use.
        normal = validate_email(bounded, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        return Flaw("must be a valid e-mail address")
    return normal.lower()


# Surrogates have no place in UTF-8: they would fail only when the value is stored or sent.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_IN_LINES = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


# What the patterns for schemas take for space, as ECMAScript does: for Python, the mark that begins some files is none.
_SPACE = "\n \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\ufeff"


def _tidy(text: str, most: int, control: re.Pattern[str]) -> str | Flaw:
    if control.search(text):
        return Flaw("must not contain control characters")
    trimmed = text.strip(_SPACE)
    return trimmed if len(trimmed) <= most else Flaw(f"must have at most {most} characters")
