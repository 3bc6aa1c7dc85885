"""Money: whole minor units of a currency, never a float.

>>> str(Money(1250, "EUR"))
'12.50 EUR'
>>> str(Money(1250, "JPY"))
'1250 JPY'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gigbook.business.rules import Flaw

MOST: Final = 1_000_000_000_000
"""The largest amount that can be paid at once; JSON numbers of this size are exact everywhere."""

_CODES: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC "
    "CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD "
    "KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO "
    "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL "
    "THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW",
    3: "BHD IQD JOD KWD LYD OMR TND",
}

DIGITS: Final[Mapping[str, int]] = {code: digits for digits, codes in _CODES.items() for code in codes.split()}
"""Every currency of ISO 4217 that people pay with, and how many decimal digits its minor unit stands for."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of a currency; which way it goes, whoever moves it says."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in DIGITS:
            raise ValueError(f"expected a currency of ISO 4217, as 'EUR', got {self.currency!r}")
        # A type checker takes a bool for an int, and whoever has none may hand over a float.
        if type(self.amount) is not int:
            raise TypeError(f"expected whole minor units of {self.currency}, got {self.amount!r}")
        if self.amount < 1:
            raise ValueError(f"expected at least one minor unit of {self.currency}, got {self.amount!r}")

    def __str__(self) -> str:
        digits = DIGITS[self.currency]
        whole, rest = divmod(self.amount, 10**digits)
        return f"{whole}.{rest:0{digits}} {self.currency}" if digits else f"{whole} {self.currency}"


def currency(text: str) -> str | Flaw:
    """A currency's code, exactly as ISO 4217 has it."""
    return text if text in DIGITS else Flaw("must be the code of a currency in capitals, such as EUR")


def amount(units: int) -> int | Flaw:
    """An amount that can be paid."""
    return units if 0 < units <= MOST else Flaw(f"must be from 1 to {MOST}")
