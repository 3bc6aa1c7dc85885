"""Every way in which a request can fail, and the response it makes. No other module decides this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog

from gigbook.application.api.answers import Answer, Header, error
from gigbook.business.bookings import Begun, Closed, Taken, WrongStatus
from gigbook.business.payments import AlreadyPaid, AlreadyRefunded, NotPayable, NotRefundable
from gigbook.business.refusals import Changed, EmailExists, InUse, InvalidData, KeyReused, NotFound, Refusal
from greenroom import CallTimeout, MailboxFull, NotRunning, ServerDown, StartFailed
from greenroom.infrastructure import DatabaseError, NotSaved, StaleState

STATUS: Final[Mapping[type[Refusal], int]] = {
    InvalidData: 400,
    NotFound: 404,
    EmailExists: 409,
    InUse: 409,
    Taken: 409,
    Closed: 409,
    Begun: 409,
    WrongStatus: 409,
    NotPayable: 409,
    AlreadyPaid: 409,
    NotRefundable: 409,
    AlreadyRefunded: 409,
    Changed: 412,
    KeyReused: 422,
}

RETRY_AFTER: Final[Header] = (b"retry-after", b"1")

log: structlog.stdlib.BoundLogger = structlog.get_logger("gigbook.api")


class Refused(Exception):
    """The request is refused while it is being read, before a handler sees it."""

    def __init__(
        self, status: int, message: str, *, details: dict[str, str] | None = None, headers: tuple[Header, ...] = ()
    ) -> None:
        super().__init__(message)
        self.answer = error(status, message, details=details, headers=headers)


def refusal(refused: Refusal) -> Answer:
    """The response to what the business refused."""
    details = dict(refused.reasons) if isinstance(refused, InvalidData) else None
    return error(STATUS[type(refused)], str(refused), details=details)


def failure(raised: Exception, request_id: str) -> Answer:
    """The response to what went wrong; what the client must not see goes to the log, under the request's id."""
    match cause := _cause(raised):
        case Refused():
            return cause.answer
        case DatabaseError() if cause.reason != "statement":
            return _unavailable(cause, request_id, lost=cause.maybe_applied)
        case NotRunning() | MailboxFull() | NotSaved() | StaleState():
            return _unavailable(cause, request_id, lost=False)
        case ServerDown(reason=str()):
            return _unavailable(cause, request_id, lost=True)
        case CallTimeout():
            return _late(cause, request_id)
        case _:
            return _crash(cause, request_id)


def _cause(raised: Exception) -> Exception:
    """What stopped the process that could not answer, where a process stands between it and us."""
    while isinstance(raised, ServerDown | StartFailed) and isinstance(raised.reason, Exception):
        raised = raised.reason
    return raised


def _unavailable(cause: Exception, request_id: str, *, lost: bool) -> Answer:
    log.error("unavailable", id=request_id, error=str(cause))
    outcome = "the request may have been carried out" if lost else "nothing was changed"
    return error(503, f"The service is not available now; {outcome}", request_id=request_id, headers=(RETRY_AFTER,))


def _late(cause: Exception, request_id: str) -> Answer:
    log.error("no answer in time", id=request_id, error=str(cause))
    return error(504, "No answer came in time; the request may have been carried out", request_id=request_id)


def _crash(cause: Exception, request_id: str) -> Answer:
    log.error("request failed", id=request_id, exc_info=cause)
    return error(500, "Something went wrong on our side", request_id=request_id)
