from datetime import UTC, datetime, timedelta

import pytest

from gigbook.business.customers.model import RULES, Customer, CustomerChanges, CustomerDraft, revised
from gigbook.business.refusals import InvalidData
from gigbook.business.rules import checked

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ADA = Customer(
    id=1,
    name="Ada Lovelace",
    email="ada@example.com",
    phone="+44 20 7946 0958",
    address=None,
    created_at=NOON,
    updated_at=NOON,
)


def test_a_draft_is_made_tidy() -> None:
    draft = CustomerDraft(name=" Ada Lovelace ", email="Ada@Example.com", phone=" ")

    assert checked(draft, RULES) == CustomerDraft(name="Ada Lovelace", email="ada@example.com")


def test_a_wrong_draft_names_every_field_with_its_reason() -> None:
    draft = CustomerDraft(name=" ", email="ada", phone="1" * 41, address="a" * 501)

    assert checked(draft, RULES) == InvalidData(
        {
            "name": "must not be empty",
            "email": "must be a valid e-mail address",
            "phone": "must have at most 40 characters",
            "address": "must have at most 500 characters",
        }
    )


def test_only_what_changes_is_checked() -> None:
    assert checked(CustomerChanges(phone=" 1 "), RULES) == CustomerChanges(phone="1")
    assert checked(CustomerChanges(name=""), RULES) == InvalidData({"name": "must not be empty"})


def test_a_draft_replaces_all_but_the_id_and_the_moment_of_creation() -> None:
    later = NOON + timedelta(hours=1)

    after = revised(ADA, CustomerDraft(name="Ada King", email="ada@example.com", address="London"), later)

    assert after == Customer(
        id=1,
        name="Ada King",
        email="ada@example.com",
        phone=None,
        address="London",
        created_at=NOON,
        updated_at=later,
    )


def test_changes_leave_what_they_do_not_name_and_null_removes() -> None:
    assert revised(ADA, CustomerChanges(phone=None), NOON).phone is None
    assert revised(ADA, CustomerChanges(name="Ada King"), NOON).phone == ADA.phone


@pytest.mark.parametrize("at", [NOON, NOON - timedelta(hours=1)])
def test_each_change_is_later_than_the_one_before_whatever_the_clock_says(at: datetime) -> None:
    assert revised(ADA, CustomerChanges(name="Ada King"), at).updated_at == NOON + timedelta(milliseconds=1)
