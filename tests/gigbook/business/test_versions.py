from msgspec import UNSET, Struct, UnsetType

from gigbook.business.refusals import NotFound
from gigbook.business.versions import Versioned, allows, bare, named_by


class Changes(Struct):
    name: str | UnsetType = UNSET
    phone: str | UnsetType | None = UNSET


def test_a_change_names_what_it_sets_and_what_it_removes() -> None:
    assert named_by(Changes()) == {}
    assert named_by(Changes(phone=None)) == {"phone": None}
    assert named_by(Changes(name="Ada", phone="1")) == {"name": "Ada", "phone": "1"}


def test_a_version_is_allowed_that_is_expected_or_if_none_is() -> None:
    assert allows(None, 7)
    assert allows(frozenset({6, 7}), 7)
    assert not allows(frozenset({6}), 7)
    assert not allows(frozenset(), 7)


def test_a_value_is_told_without_its_version_and_a_refusal_as_it_is() -> None:
    assert bare(Versioned("Ada", 7)) == "Ada"
    assert bare(NotFound("Customer")) == NotFound("Customer")
