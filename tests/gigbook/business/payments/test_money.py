from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gigbook.business.payments.money import DIGITS, Money, currency
from gigbook.business.rules import Flaw

AMOUNTS = st.integers(-(10**12), 10**12)


@pytest.mark.parametrize(
    ("money", "words"),
    [
        (Money(0, "EUR"), "0.00 EUR"),
        (Money(5, "EUR"), "0.05 EUR"),
        (Money(-5, "EUR"), "-0.05 EUR"),
        (Money(123456, "USD"), "1234.56 USD"),
        (Money(1250, "JPY"), "1250 JPY"),
        (Money(-1250, "BHD"), "-1.250 BHD"),
    ],
)
def test_money_is_written_with_the_digits_of_its_currency(money: Money, words: str) -> None:
    assert str(money) == words


@given(AMOUNTS, AMOUNTS, st.sampled_from(sorted(DIGITS)))
def test_sums_are_exact(one: int, other: int, code: str) -> None:
    assert Money(one, code) + Money(other, code) == Money(one + other, code)
    assert Money(one, code) + -Money(one, code) == Money(0, code)


def test_two_currencies_make_no_sum() -> None:
    with pytest.raises(ValueError, match="expected EUR to be added to EUR, got USD"):
        _ = Money(1, "EUR") + Money(1, "USD")


@pytest.mark.parametrize("amount", [1.5, "1", True, None])
def test_an_amount_is_a_whole_number(amount: Any) -> None:
    with pytest.raises(TypeError, match="whole minor units"):
        Money(amount, "EUR")


@pytest.mark.parametrize("code", ["eur", "EURO", "XYZ", "", "BTC"])
def test_a_currency_is_one_of_iso_4217(code: str) -> None:
    assert isinstance(currency(code), Flaw)
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, code)


def test_every_code_is_three_capitals() -> None:
    assert {code for code in DIGITS if not (len(code) == 3 and code.isupper())} == set()
    assert (DIGITS["EUR"], DIGITS["JPY"], DIGITS["KWD"]) == (2, 0, 3)
