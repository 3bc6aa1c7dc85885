from datetime import UTC, datetime, timedelta

import pytest

from gigbook.business.refusals import InvalidData
from gigbook.business.rules import checked
from gigbook.business.users.model import RULES, User, UserChanges, UserDraft, is_profile_alone, revised

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NINA = User(
    id=1,
    name="Nina Simone",
    email="nina@example.com",
    role="artist",
    phone="+1 555 0100",
    bio=None,
    created_at=NOON,
    updated_at=NOON,
)


def test_a_draft_is_made_tidy() -> None:
    draft = UserDraft(name=" Nina ", email="Nina@Example.com", role="artist", phone=" ", bio="One\r\nTwo ")

    assert checked(draft, RULES) == UserDraft(name="Nina", email="nina@example.com", role="artist", bio="One\nTwo")


def test_a_wrong_draft_names_every_field_with_its_reason() -> None:
    draft = UserDraft(name=" ", email="nina", role="artist", phone="1" * 41, bio="b" * 2001)

    assert checked(draft, RULES) == InvalidData(
        {
            "name": "must not be empty",
            "email": "must be a valid e-mail address",
            "phone": "must have at most 40 characters",
            "bio": "must have at most 2000 characters",
        }
    )


def test_changes_leave_what_they_do_not_name_and_null_removes() -> None:
    later = NOON + timedelta(hours=1)

    after = revised(NINA, UserChanges(phone=None, role="booker"), later)

    assert (after.phone, after.role, after.name, after.email) == (None, "booker", NINA.name, NINA.email)
    assert (after.created_at, after.updated_at) == (NOON, later)


@pytest.mark.parametrize("at", [NOON, NOON - timedelta(hours=1)])
def test_each_change_is_later_than_the_one_before_whatever_the_clock_says(at: datetime) -> None:
    assert revised(NINA, UserChanges(), at).updated_at == NOON + timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("changes", "alone"),
    [
        (UserChanges(name="Eunice", phone="1", bio="Piano"), True),
        (UserChanges(), True),
        (UserChanges(email="nina@example.com", role="artist"), True),
        (UserChanges(email="eunice@example.com"), False),
        (UserChanges(role="admin"), False),
    ],
)
def test_a_change_of_the_address_or_the_role_is_more_than_one_of_the_profile(changes: UserChanges, alone: bool) -> None:
    assert is_profile_alone(NINA, revised(NINA, changes, NOON)) == alone
