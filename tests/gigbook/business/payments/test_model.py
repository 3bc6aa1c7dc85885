from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from gigbook.business.payments.gateway import Charged, Declined
from gigbook.business.payments.method import Method
from gigbook.business.payments.model import (
    RULES,
    AlreadyRefunded,
    DepositDraft,
    Kind,
    NotRefundable,
    Order,
    Payment,
    Status,
    closed,
    errand,
    refund_refused,
    settled,
    touched,
)
from gigbook.business.refusals import InvalidData
from gigbook.business.rules import checked
from gigbook.business.versions import Versioned

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(seconds=5)
DRAFT = DepositDraft(booking_id=7, amount=12_50, currency="EUR", method="tok_visa")


def order(kind: Kind = "deposit", status: Status = "pending") -> Order:
    payment = Payment(
        id=1,
        booking_id=7,
        kind=kind,
        refunds=None if kind == "deposit" else 3,
        amount=12_50,
        currency="EUR",
        status=status,
        reason=None,
        created_at=AT,
        updated_at=AT,
    )
    return Order(payment, Method("tok_visa"))


def test_a_deposit_that_succeeds_keeps_its_reference_forgets_its_method_and_goes_on() -> None:
    done = settled(order(), Charged("ch_1"), LATER)

    assert (done.payment.status, done.reference, done.method, done.payment.updated_at) == (
        *("succeeded", "ch_1", None),
        LATER,
    )
    assert errand(done) == "book"
    assert errand(closed(done, LATER)) is None


def test_a_refund_that_succeeds_has_no_consequences() -> None:
    done = settled(order("refund"), Charged("re_1"), LATER)

    assert (done.payment.status, done.closed_at) == ("succeeded", LATER)
    assert errand(done) is None


@pytest.mark.parametrize("kind", ["deposit", "refund"])
def test_what_is_declined_is_over(kind: Kind) -> None:
    done = settled(order(kind), Declined("no money"), LATER)

    assert (done.payment.status, done.payment.reason, done.method) == ("declined", "no money", None)
    assert errand(done) is None


@pytest.mark.parametrize("status", ["succeeded", "declined"])
def test_an_outcome_stays_whatever_is_told_later(status: Status) -> None:
    done = order(status=status)

    assert settled(done, Charged("ch_2"), LATER) is done
    assert settled(done, Declined("no money"), LATER) is done


def test_a_payment_that_is_pending_is_to_be_asked_about() -> None:
    assert errand(order()) == "ask"


def test_every_change_is_later_than_the_one_before_it() -> None:
    once = touched(order(), AT)
    twice = touched(once, AT - timedelta(seconds=1))

    assert AT < once.payment.updated_at < twice.payment.updated_at


def test_a_payment_is_closed_once() -> None:
    first = closed(order(status="succeeded"), AT, "given back")

    assert closed(first, LATER).closed_at == AT
    assert closed(first, LATER).payment.reason == "given back"


@pytest.mark.parametrize(
    ("kind", "status", "refusal"),
    [
        ("deposit", "succeeded", None),
        ("deposit", "pending", NotRefundable("deposit", "pending")),
        ("deposit", "declined", NotRefundable("deposit", "declined")),
        ("refund", "succeeded", NotRefundable("refund", "succeeded")),
    ],
)
def test_only_a_deposit_that_succeeded_can_be_given_back(
    kind: Kind, status: Status, refusal: NotRefundable | None
) -> None:
    assert refund_refused(order(kind, status)) == refusal


def test_a_deposit_that_was_given_back_is_not_given_back_again() -> None:
    returned = touched(order(status="succeeded"), LATER, refunded_at=LATER)

    assert refund_refused(returned) == AlreadyRefunded()


def test_the_key_for_the_gateway_is_the_payments_own_for_ever() -> None:
    first = order()
    in_restored_database = replace(first, payment=touched(first, AT, created_at=LATER).payment)

    assert first.key == settled(first, Declined("no money"), LATER).key
    assert first.key != in_restored_database.key


def test_a_draft_is_made_tidy_or_refused_with_all_reasons() -> None:
    assert checked(DepositDraft(booking_id=7, amount=1, currency="EUR", method=" ok "), RULES) == DepositDraft(
        booking_id=7, amount=1, currency="EUR", method="ok"
    )
    refused = checked(DepositDraft(booking_id=7, amount=0, currency="XYZ", method="x" * 201), RULES)
    assert isinstance(refused, InvalidData)
    assert refused.reasons.keys() == {"amount", "currency", "method"}


def test_nothing_that_holds_a_method_shows_it() -> None:
    assert "tok_visa" not in f"{order()!r} {order()!s} {Method('tok_visa')} {[Method('tok_visa')]!r}"


def test_an_answer_that_was_kept_before_deposits_knew_of_their_refund_can_be_read() -> None:
    kept = msgspec.to_builtins(order().payment)
    del kept["refunded_at"]

    found = msgspec.json.decode(msgspec.json.encode({"value": kept, "version": 1}), type=Versioned[Payment])

    assert found == Versioned(order().payment, 1)
