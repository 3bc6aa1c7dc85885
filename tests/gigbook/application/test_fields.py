from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct

from gigbook.application.fields import MOST_UNKNOWN, flaws
from gigbook.business.rules import Flaw, Rule, email


class Inner(Struct, forbid_unknown_fields=True):
    day: int
    half: Literal["first", "second"] = "first"


def no_two_alike(days: Sequence[Inner]) -> Sequence[Inner] | Flaw:
    return days if len(days) == len({it.day for it in days}) else Flaw("must not name a day twice")


class Shape(Struct, kw_only=True):
    name: str
    email: str
    age: Annotated[int, Meta(ge=1)] = 1
    kind: Literal["b", "a"] = "a"
    days: list[Inner] | None = None
    born: date = date(1815, 12, 10)
    seen: datetime | None = None


RULES: dict[str, Rule] = {"email": email, "days": no_two_alike}
RIGHT = {"name": "Ada", "email": "ada@example.com"}


def test_right_fields_have_no_flaws() -> None:
    assert flaws(RIGHT, Shape, RULES, strict=True) == {}
    assert flaws({**RIGHT, "days": None, "born": "1906-12-09"}, Shape, RULES, strict=True) == {}


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", 5, "must be a string"),
        ("name", None, "must be a string"),
        ("age", 0, "must be an integer >= 1"),
        ("age", "5", "must be an integer"),
        ("kind", "c", "must be one of b, a"),
        ("kind", None, "must be one of b, a"),
        ("kind", 5, "must be one of b, a"),
        ("days", "today", "must be an array or null"),
        ("days", [{"day": "x"}], "must be an integer, at [0].day"),
        ("days", [{"day": 1}, {"day": 2, "half": "third"}], "must be one of first, second, at [1].half"),
        ("days", [{"day": 1, "half": None}], "must be one of first, second, at [0].half"),
        ("days", [dict[str, int]()], "must have day, at [0]"),
        ("days", [{"day": 1, "hour": 2}], "must not have hour, at [0]"),
        ("days", [{"day": 1, "x" * 200: 2}], f"must not have {'x' * 100}…, at [0]"),
        ("days", [{"day": 1}, {"day": 1}], "must not name a day twice"),
        ("born", "2026-02-30", "must be a date such as 2026-11-21"),
        ("born", 5, "must be a date"),
        ("seen", "today", "must be a date and time such as 2026-11-21T20:00:00Z"),
        ("email", "ada", "must be a valid e-mail address"),
        ("nickname", "x", "is not known"),
    ],
)
def test_a_wrong_field_has_its_reason(field: str, value: object, reason: str) -> None:
    assert flaws({**RIGHT, field: value}, Shape, RULES, strict=True) == {field: reason}


def test_all_flaws_are_told_at_once_whatever_their_kind() -> None:
    found = flaws({"email": "ada", "age": "old", "shoe": 43}, Shape, RULES, strict=True)

    assert found == {
        "name": "is required",
        "email": "must be a valid e-mail address",
        "age": "must be an integer",
        "shoe": "is not known",
    }


def test_text_may_stand_for_a_number_where_it_must() -> None:
    assert flaws({**RIGHT, "age": "5"}, Shape, RULES, strict=False) == {}


def test_of_many_fields_that_are_not_known_the_first_ones_are_named_and_long_names_cut() -> None:
    long = "x" * 5000
    raw = {**RIGHT, long: 1, **{f"field {number}": 1 for number in range(1000)}}

    found = flaws(raw, Shape, RULES, strict=True)

    assert list(found) == ["x" * 100 + "…", *(f"field {number}" for number in range(MOST_UNKNOWN - 1))]
    assert set(found.values()) == {"is not known"}
