"""How somebody pays is between them and the gateway: no log, no crash report, no event and no answer shows it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gigbook.business.payments.gateway import Outcome
from gigbook.business.payments.local_gateway import LocalGateway
from gigbook.business.payments.method import HIDDEN, Method
from gigbook.business.payments.model import DepositDraft, Payment
from gigbook.business.payments.money import Money
from gigbook.business.payments.server import PaymentServer
from gigbook.business.payments.table import deposit_values, payments
from greenroom import telemetry
from greenroom.infrastructure import Insert
from greenroom.testing import crash, expected_crash
from tests.gigbook.business.payments.scene import Scene

SECRET = "tok_4242424242424242"

EVENTS: list[tuple[str, ...]] = [
    ("greenroom", "process", "crash"),
    *(("greenroom", "entity", what) for what in ("lost", "save_failed")),
]
"""Those that tell of states and messages."""


class Told:
    """All that anybody was told so far: by the log at its most talkative, on standard output, and by telemetry."""

    def __init__(self, log: pytest.LogCaptureFixture, output: pytest.CaptureFixture[str]) -> None:
        self.metadata: list[str] = []
        self._log = log
        self._output = output

    def note(self, event: object, measurements: object, metadata: object) -> None:
        self.metadata.append(f"{event!r} {measurements!r} {metadata!r}")

    def everything(self) -> str:
        lines = [self._log.handler.format(record) for record in self._log.records]
        return "\n".join([*lines, *self._output.readouterr(), *self.metadata])


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Iterator[Told]:
    caplog.set_level(logging.DEBUG)
    found = Told(caplog, capsys)
    telemetry.attach_many("secrecy", EVENTS, found.note)
    yield found
    telemetry.detach("secrecy")


async def test_a_payment_that_is_made_tells_nobody_how(scene: Scene, told: Told) -> None:
    paid = await scene.pay(await scene.add_booking(), SECRET)

    assert isinstance(paid, Payment)
    assert paid.status == "succeeded"
    assert SECRET not in told.everything()
    assert SECRET not in repr((scene.payments(), scene.ledger(), scene.reminders()))


async def test_the_crash_of_a_payment_shows_that_there_is_a_method_and_not_which(scene: Scene, told: Told) -> None:
    scene.bank.will("timeout:uncharged")
    paid = await scene.pay(await scene.add_booking(), SECRET)
    assert isinstance(paid, Payment)

    await crash(PaymentServer.at(paid.id), KeyError("a mistake"))

    everything = told.everything()
    assert "crashed: KeyError" in everything
    assert HIDDEN in everything
    assert SECRET not in everything


def test_what_is_to_be_written_does_not_show_it_to_whoever_describes_the_change() -> None:
    draft = DepositDraft(booking_id=7, amount=12_50, currency="EUR", method=SECRET)

    change = Insert(payments, deposit_values(draft, datetime(2026, 1, 1, tzinfo=UTC)))

    assert HIDDEN in repr(change)
    assert SECRET not in repr(change)


class Mistaken(LocalGateway):
    """A gateway with a mistake in it."""

    async def charge(self, key: str, money: Money, method: Method) -> Outcome:
        if not self.mistaken:
            self.mistaken = True
            raise KeyError("a mistake")
        return await super().charge(key, money, method)

    mistaken = False


async def test_the_crash_of_a_clerk_shows_nothing_and_the_payment_is_settled_later(scene: Scene, told: Told) -> None:
    await scene.stop()
    scene.bank = Mistaken()
    await scene.start()

    with expected_crash(KeyError):
        await scene.pay(await scene.add_booking(), SECRET)
    await scene.until(lambda: not scene.open())

    assert [row["status"] for row in scene.payments()] == ["succeeded"]
    everything = told.everything()
    assert "crashed: KeyError" in everything
    assert SECRET not in everything
