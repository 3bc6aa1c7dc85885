import pytest
from msgspec import UNSET, Struct, UnsetType, field

from gigbook.business.refusals import InvalidData
from gigbook.business.rules import Flaw, Rule, checked, email, line, optional_line, optional_lines


class Gig(Struct):
    title: str | None
    hours: tuple[int, ...] | UnsetType = UNSET


def in_order(hours: tuple[int, ...]) -> tuple[int, ...] | Flaw:
    return tuple(sorted(hours)) if all(0 <= hour < 24 for hour in hours) else Flaw("must be hours of a day")


GIG_RULES: dict[str, Rule] = {"title": str.strip, "hours": in_order}


def test_every_value_that_is_there_is_made_tidy_whatever_its_type() -> None:
    assert checked(Gig(" Night ", (22, 20)), GIG_RULES) == Gig("Night", (20, 22))
    assert checked(Gig(None), GIG_RULES) == Gig(None)
    assert checked(Gig(None, (25,)), GIG_RULES) == InvalidData({"hours": "must be hours of a day"})


def test_a_flaw_has_the_name_that_the_field_has_outside() -> None:
    class Window(Struct):
        start: str = field(name="from")

    assert checked(Window("Friday"), {"start": lambda _: Flaw("must be a time")}) == InvalidData(
        {"from": "must be a time"}
    )


def test_a_line_is_trimmed() -> None:
    assert line("  Ada Lovelace ", most=200) == "Ada Lovelace"
    assert line("\ufeff Ada Lovelace", most=200) == "Ada Lovelace"


@pytest.mark.parametrize("blank", ["", "   ", "\u2003", " \ufeff "])
def test_a_line_of_nothing_but_spaces_is_empty(blank: str) -> None:
    assert line(blank, most=200) == Flaw("must not be empty")


def test_a_line_may_be_as_long_as_its_limit_after_trimming() -> None:
    assert line(" " + "a" * 200 + " ", most=200) == "a" * 200
    assert line("a" * 201, most=200) == Flaw("must have at most 200 characters")


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\n", "\t", "\x7f", "\x85", "\u2028", "\ud800"])
def test_a_line_with_a_control_character_is_refused(character: str) -> None:
    for text in (f"a{character}b", f"{character}a", f"a{character}"):
        assert line(text, most=200) == Flaw("must not contain control characters")


@pytest.mark.parametrize("name", ["O'Brien", "李小龍", "Zoë", "👩‍🎤", "a" * 3])
def test_people_may_be_called_what_they_are_called(name: str) -> None:
    assert line(name, most=200) == name


def test_blank_text_counts_as_none_where_it_may_be_left_out() -> None:
    assert optional_line("  ", most=40) is None
    assert optional_lines(" \r\n ", most=40) is None


def test_an_address_may_have_several_lines_but_no_other_control_character() -> None:
    assert optional_lines("12 St James's Square\r\nLondon\rSW1Y", most=500) == "12 St James's Square\nLondon\nSW1Y"
    assert optional_lines("London\x07", most=500) == Flaw("must not contain control characters")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        (" ada@example.com ", "ada@example.com"),
        ("ada+gigs@example.co.uk", "ada+gigs@example.co.uk"),
        ("ada@mail.test", "ada@mail.test"),
        ("zoë@exämple.de", "zoë@exämple.de"),
    ],
)
def test_an_address_is_kept_in_lower_case(text: str, normal: str) -> None:
    assert email(text) == normal


@pytest.mark.parametrize(
    "text", ["ada", "ada@", "@example.com", "a b@example.com", "ada@example", "ada@-a.com", "a@b@c.com"]
)
def test_an_address_that_no_mail_could_reach_is_refused(text: str) -> None:
    assert email(text) == Flaw("must be a valid e-mail address")


def test_an_address_has_at_most_254_characters() -> None:
    assert email("a" * 250 + "@example.com") == Flaw("must have at most 254 characters")
