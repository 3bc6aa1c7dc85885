"""Undoing what a handler that failed has half done, so that `terminate` sees the state from before it, as in OTP.

The fields of the server are put back, and not what they refer to: a list that was changed in place stays changed.
Servers without a `terminate` have nobody to show their state to, and pay nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import cache, wraps
from typing import Any, cast

from greenroom.foundation.batch import MARK
from greenroom.foundation.errors import Rejected
from greenroom.foundation.mailbox import Function
from greenroom.foundation.reply import is_awaited
from greenroom.foundation.state import fields_of, put_fields


@cache
def undone_on_failure(handler: Function) -> Function:
    """The handler, in a form that puts the server's fields back if it raises."""
    undoing = _undoing_coroutine(handler) if inspect.iscoroutinefunction(handler) else _undoing_call(handler)
    whole: Function | None = getattr(handler, MARK, None)
    if whole is not None:
        setattr(undoing, MARK, undone_on_failure(whole))
    return undoing


def _undoing_coroutine(handler: Function) -> Function:
    method = cast("Callable[..., Awaitable[object]]", handler)

    @wraps(method)
    async def undoing(server: object, /, *args: Any, **kwargs: Any) -> object:
        before = fields_of(server)
        try:
            return await method(server, *args, **kwargs)
        except BaseException as error:  # whatever ends the process
            _put_back(server, before, error)
            raise

    return undoing


def _undoing_call(handler: Function) -> Function:
    @wraps(handler)
    def undoing(server: object, /, *args: Any, **kwargs: Any) -> object:
        before = fields_of(server)
        try:
            outcome = handler(server, *args, **kwargs)
        except BaseException as error:  # whatever ends the process
            _put_back(server, before, error)
            raise
        return _undoing_outcome(server, before, outcome) if is_awaited(outcome) else outcome

    return undoing


async def _undoing_outcome(server: object, before: dict[str, Any], outcome: Any) -> object:
    try:
        return await outcome
    except BaseException as error:  # whatever ends the process
        _put_back(server, before, error)
        raise


def _put_back(server: object, fields: dict[str, Any], error: BaseException) -> None:
    # A rejected request is no failure.
    if not isinstance(error, Rejected):
        put_fields(server, fields)
