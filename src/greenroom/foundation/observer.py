"""Seeing what a process handles, without a line of code in it: OTP's debug functions."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, TypeAlias

from greenroom.foundation.exits import FAULTS
from greenroom.foundation.mailbox import COROUTINE, Function, Message
from greenroom.foundation.redaction import arguments_of
from greenroom.foundation.reply import is_awaited

Kind: TypeAlias = Literal["call", "cast", "info"]

logger = logging.getLogger("greenroom.trace")


@dataclass(frozen=True, slots=True)
class MessageIn:
    """The process begins with a message: the method of a call or cast, or `handle_info`, and its arguments by name."""

    ref: Any
    kind: Kind
    method: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class MessageOut:
    """The process is through with a message: what the method answered, and how many seconds it took."""

    ref: Any
    kind: Kind
    method: str
    answer: object
    seconds: float


SystemEvent: TypeAlias = MessageIn | MessageOut
DebugFunction: TypeAlias = Callable[[SystemEvent], object]


class Observer:
    """The debug functions of one process."""

    __slots__ = ("_process", "functions")

    def __init__(self, process: Any) -> None:
        self._process = process
        # By what they were installed as: the function itself, or a word for the built-in ones.
        self.functions: dict[object, DebugFunction] = {}

    def watching(self, messages: Iterable[Message]) -> Iterator[Message]:
        """The messages, in a form that tells the debug functions."""
        return iter([self._watched(message) for message in messages])

    def tell(self, event: SystemEvent) -> None:
        """Tell everyone; one that raises is removed and reported, as what it looks at must go on."""
        for key, function in list(self.functions.items()):
            try:
                function(event)
            except FAULTS:  # whatever a debug function does wrong must not reach the process
                self.functions.pop(key, None)
                logger.exception("debug function %r of %s failed and was removed", key, self._process)

    def _watched(self, message: Message) -> Message:
        function, args, kwargs, waiter = message
        kind = self._kind(function, is_call=waiter is not None)
        return message if kind is None else (self._telling(function, kind), args, kwargs, waiter)

    def _kind(self, function: Function, *, is_call: bool) -> Kind | None:
        server = self._process.server
        if function is server.__class__.__info__:
            return "info"
        if getattr(function, "__name__", None) not in server.__handlers__:
            return None
        return "call" if is_call else "cast"

    def _telling(self, function: Function, kind: Kind) -> Function:
        @wraps(function)
        async def telling(server: object, /, *args: Any, **kwargs: Any) -> object:
            arguments = arguments_of(function, args, kwargs)
            self.tell(MessageIn(self._process, kind, function.__name__, arguments))
            began = time.perf_counter()
            outcome = function(server, *args, **kwargs)
            if isinstance(outcome, COROUTINE) or is_awaited(outcome):
                outcome = await outcome
            self.tell(MessageOut(self._process, kind, function.__name__, outcome, time.perf_counter() - began))
            return outcome

        return telling
