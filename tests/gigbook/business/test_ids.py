import pytest

from gigbook.business.ids import HIGHEST_ID, can_be_id


@pytest.mark.parametrize(
    ("number", "can_be"), [(-1, False), (0, False), (1, True), (HIGHEST_ID, True), (HIGHEST_ID + 1, False)]
)
def test_an_id_is_a_number_that_fits_into_a_column(number: int, can_be: bool) -> None:
    assert can_be_id(number) is can_be
