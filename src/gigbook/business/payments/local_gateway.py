"""A gateway that moves no money: it keeps a ledger in Gigbook's database, and fails on command.

A payment's method tells it what to do: see `mood`. Tests tell it with `will`, for refunds and look-ups too.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from gigbook.business.payments import ledger
from gigbook.business.payments.gateway import GatewayTimeout, GatewayUnavailable, Outcome, Unseen
from gigbook.business.payments.method import Method
from gigbook.business.payments.money import Money
from gigbook.business.payments.mood import Mood, mood

T = TypeVar("T")

FAILS: Final = 2
"""How many requests with one key fail while the gateway is "down" for it."""


@dataclass
class LocalGateway:
    """Its ledger is durable, and each line of it a transaction of its own, as it would be at a bank."""

    _moods: deque[Mood] = field(default_factory=deque[Mood], init=False, repr=False)
    _ahead: dict[str, list[Mood]] = field(default_factory=dict[str, list[Mood]], init=False, repr=False)

    def will(self, *words: str) -> None:
        """Treat the next requests so, whatever they ask for; one word each, in the language of methods."""
        self._moods.extend(map(mood, words))

    async def charge(self, key: str, money: Money, method: Method) -> Outcome:
        """Take the money, as the method says."""
        wish = self._wish(key, mood(method.text))
        return await _treated(wish, partial(ledger.enter_charge, key, money, _objection(wish)))

    async def refund(self, key: str, charge: str, money: Money) -> Outcome:
        """Give the money of a charge back."""
        wish = self._wish(key)
        return await _treated(wish, partial(ledger.enter_refund, key, charge, money, _objection(wish)))

    async def look_up(self, key: str) -> Outcome | Unseen:
        """What stands under the key."""
        return await _treated(self._wish(key), partial(ledger.find, key))

    async def withdraw(self, key: str) -> Outcome:
        """Take the key out of use."""
        return await _treated(self._wish(key), partial(ledger.enter_withdrawal, key))

    def _wish(self, key: str, method: Mood | None = None) -> Mood:
        if self._moods:
            return self._moods.popleft()
        if method is not None and method.ending == "declined":
            return method
        if method is not None and key not in self._ahead and method != Mood():
            self._ahead[key] = [method] * (FAILS if method.ending == "down" else 1)
        # Once it has failed as it was told, the same request goes through.
        ahead = self._ahead.get(key)
        return ahead.pop() if ahead else Mood()


def _objection(wish: Mood) -> str | None:
    return "the card was declined" if wish.ending == "declined" else None


async def _treated(wish: Mood, write: Callable[[], Awaitable[T]]) -> T:
    if wish.ending == "down":
        raise GatewayUnavailable("it is down")
    await asyncio.sleep(wish.before)
    if wish.ending == "lost before":
        raise GatewayTimeout("it never got the request")
    outcome = await write()
    await asyncio.sleep(wish.after)
    if wish.ending == "lost":
        raise GatewayTimeout("its answer was lost")
    return outcome
