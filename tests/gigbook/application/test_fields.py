from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct

from gigbook.application.fields import flaws
from gigbook.business.rules import Rule, email


class Inner(Struct):
    day: int


class Shape(Struct, kw_only=True):
    name: str
    email: str
    age: Annotated[int, Meta(ge=1)] = 1
    kind: Literal["a", "b"] = "a"
    days: list[Inner] | None = None


RULES: dict[str, Rule] = {"email": email}
RIGHT = {"name": "Ada", "email": "ada@example.com"}


def test_right_fields_have_no_flaws() -> None:
    assert flaws(RIGHT, Shape, RULES, strict=True) == {}


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", 5, "must be a string"),
        ("name", None, "must be a string"),
        ("age", 0, "must be an integer >= 1"),
        ("age", "5", "must be an integer"),
        ("kind", "c", "must be one of a, b"),
        ("days", "today", "must be an array or null"),
        ("days", [{"day": "x"}], "must be an integer, at [0].day"),
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
