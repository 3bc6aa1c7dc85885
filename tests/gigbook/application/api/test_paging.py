import pytest
from msgspec import UNSET, UnsetType, field

from gigbook.application.api.failures import Refused
from gigbook.application.api.paging import Paging, after, next_page


class Filtered(Paging, frozen=True, kw_only=True):
    name: str = ""
    start: str | UnsetType = field(default=UNSET, name="from")


def test_the_first_page_begins_at_the_start() -> None:
    assert after(Paging()) == 0


def test_a_next_page_begins_after_the_last_row_and_keeps_its_filters() -> None:
    address = next_page("/api/things", Filtered(limit=2, count=True, name="Zoë & co"), 26)

    assert address == "/api/things?limit=2&cursor=c1a&name=Zo%C3%AB+%26+co"
    assert after(Paging(cursor="c1a")) == 26


def test_a_filter_is_named_as_clients_name_it() -> None:
    assert next_page("/api/things", Filtered(start="2030", cursor="c1"), 26).endswith("&cursor=c1a&name=&from=2030")


@pytest.mark.parametrize("cursor", ["", "26", "c", "cX", "c-1", "c" + "f" * 16, "c" + "f" * 17, "c1a "])
def test_a_cursor_that_was_never_given_out_is_refused(cursor: str) -> None:
    with pytest.raises(Refused):
        after(Paging(cursor=cursor))
