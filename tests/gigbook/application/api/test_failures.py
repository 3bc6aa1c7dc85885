import json
import sys

import pytest

from gigbook.application.api.failures import STATUS, Refused, failure, refusal
from gigbook.business.refusals import Changed, EmailExists, InUse, InvalidData, KeyReused, NotFound, Refusal
from greenroom import CallTimeout, MailboxFull, NotRunning, ServerDown, StartFailed
from greenroom.infrastructure import DatabaseBusy, DatabaseError, NotSaved, StaleState

LOST = DatabaseError("lost", "the connection to /var/db/secret is gone", maybe_applied=True)
FULL = DatabaseError("full", "no space")
WRONG = DatabaseError("statement", "no such table: customers")


def down(reason: object) -> ServerDown:
    return ServerDown("customer 1", "change", 5.0, reason)


@pytest.mark.parametrize(
    ("refused", "status", "message"),
    [
        (NotFound("Customer"), 404, "Customer not found"),
        (EmailExists("ada@example.com"), 409, "Email already exists"),
        (InUse("Customer"), 409, "Customer is still in use: something else refers to it"),
        (InvalidData({"name": "must not be empty"}), 400, "Some values are not valid"),
        (Changed(3), 412, "Changed by someone else: it is at version 3 now; read it again before you change it"),
        (KeyReused("k"), 422, "This Idempotency-Key was used for another request; choose a new one"),
    ],
)
def test_each_refusal_has_its_status_and_its_words(refused: Refusal, status: int, message: str) -> None:
    answer = refusal(refused)

    assert (answer.status, json.loads(answer.body)["message"]) == (status, message)


def test_every_refusal_has_a_status() -> None:
    # A class with slots is made twice, and only the second is found under its name.
    known = {getattr(sys.modules[each.__module__], each.__name__) for each in Refusal.__subclasses__()}
    assert known == STATUS.keys()


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (Refused(415, "no"), 415),
        (FULL, 503),
        (LOST, 503),
        (DatabaseBusy(10_000), 503),
        (WRONG, 500),
        (NotRunning("database", "get"), 503),
        (MailboxFull("database", "get", 10), 503),
        (NotSaved("customer", 1, "the disk is full"), 503),
        (StaleState("customer", 1, 3), 503),
        (CallTimeout("customer 1", "change", 5.0), 504),
        (down("killed"), 503),
        (down("shutdown"), 503),
        (down(ValueError("secret")), 500),
        (down(FULL), 503),
        (down(WRONG), 500),
        (down(down(CallTimeout("database", "update", 5.0))), 504),
        (down(NotRunning("database", "get")), 503),
        (StartFailed("CustomerServer", FULL), 503),
        (ValueError("secret"), 500),
        (ZeroDivisionError(), 500),
    ],
)
def test_each_failure_has_its_status(raised: Exception, status: int) -> None:
    assert failure(raised, "r-1").status == status


@pytest.mark.parametrize("raised", [LOST, ValueError("secret"), down(ValueError("secret")), WRONG])
def test_nothing_internal_is_told_but_an_id_that_finds_the_log_line(
    raised: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    body = failure(raised, "r-1").body.decode()

    assert "secret" not in body
    assert "customers" not in body
    assert json.loads(body)["request_id"] == "r-1"
    assert "r-1" in capsys.readouterr().out


def test_what_is_not_available_now_says_if_trying_again_is_safe() -> None:
    safe, unsafe = failure(FULL, "r-1"), failure(LOST, "r-1")

    assert "nothing was changed" in safe.body.decode()
    assert "may have been carried out" in unsafe.body.decode()
    assert (b"retry-after", b"1") in safe.headers
