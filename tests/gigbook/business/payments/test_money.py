from typing import Any

import pytest

from gigbook.business.payments.money import DIGITS, Money, currency
from gigbook.business.rules import Flaw


@pytest.mark.parametrize(
    ("money", "words"),
    [
        (Money(5, "EUR"), "0.05 EUR"),
        (Money(123456, "USD"), "1234.56 USD"),
        (Money(1250, "JPY"), "1250 JPY"),
        (Money(1250, "BHD"), "1.250 BHD"),
    ],
)
def test_money_is_written_with_the_digits_of_its_currency(money: Money, words: str) -> None:
    assert str(money) == words


@pytest.mark.parametrize("amount", [1.5, "1", True, None])
def test_an_amount_is_a_whole_number(amount: Any) -> None:
    with pytest.raises(TypeError, match="whole minor units"):
        Money(amount, "EUR")


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_is_no_money(amount: int) -> None:
    with pytest.raises(ValueError, match="at least one minor unit of EUR"):
        Money(amount, "EUR")


@pytest.mark.parametrize("code", ["eur", "EURO", "XYZ", "", "BTC"])
def test_a_currency_is_one_of_iso_4217(code: str) -> None:
    assert isinstance(currency(code), Flaw)
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, code)


def test_every_code_is_three_capitals() -> None:
    assert {code for code in DIGITS if not (len(code) == 3 and code.isupper())} == set()
    assert (DIGITS["EUR"], DIGITS["JPY"], DIGITS["KWD"]) == (2, 0, 3)
