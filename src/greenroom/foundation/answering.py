"""What becomes of a handler's outcome: an answer, or the end of the process."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, NoReturn

from greenroom.foundation.effects import Effect, Effects
from greenroom.foundation.errors import NotRunning, Rejected, ServerDown
from greenroom.foundation.exits import KILLED, SHUTDOWN, reason_of
from greenroom.foundation.inbox import Inbox
from greenroom.foundation.mailbox import CLOSED, COROUTINE, Waiter
from greenroom.foundation.reply import REPLY, is_awaited
from greenroom.foundation.ties import Ending

logger = logging.getLogger("greenroom.process")

INTERRUPTIONS: Final = (KeyboardInterrupt, SystemExit)
"""What is meant for the program: the process ends, and the event loop passes it on."""


CUT_SHORT: Final = (asyncio.CancelledError, NotRunning, ServerDown)
"""What handlers raise that the end of their event loop interrupts."""


class Ended(Exception):
    """What a waiter gets when the process ends first; the caller's error is made where the method is known."""

    def __init__(self, reason: object) -> None:
        super().__init__()
        self.reason = reason


class Answering(Inbox):
    """A process that answers, goes on with what a handler asked for, or ends."""

    __slots__ = ()

    def answer(self, waiter: Waiter, outcome: Any) -> None:
        """Answer a caller; after `terminate` has run, if this handler stopped the process, as in OTP."""
        control = self.control
        if control is not None and (control.stop is not None or control.exit is not None):
            control.answers.append((waiter, outcome))
            self.tie().promise(waiter)
        else:
            self.hand(waiter, outcome)

    def hand(self, waiter: Waiter, outcome: Any) -> None:
        """Give an outcome to a waiter, now or when the `Reply` is there."""
        if waiter.done():
            # Whoever has given up is owed nothing.
            return
        if isinstance(outcome, REPLY):
            if not outcome.done:
                self.tie().promise(waiter, outcome)
            outcome.attach(waiter)
        else:
            waiter.set_result(outcome)

    def reject(self, error: Rejected, waiter: Waiter | None) -> None:
        """Give a caller the error that its request met, or the log if nobody waits for an answer."""
        if waiter is None:
            logger.warning("%s rejected a message: %s", self, error)
        elif not waiter.done():
            waiter.set_exception(error)

    def failed(self, error: BaseException, waiter: Waiter | None) -> None:
        """End, by way of `terminate` if there is one, since a handler raised; a `Rejected` is its caller's alone."""
        if isinstance(error, Rejected):
            self.revoke()
            self.tie().last = None
            self.reject(error, waiter)
            return
        if self.queue is CLOSED:
            # Killed while its handler ran, which would not have it; the caller still waits.
            if waiter is not None and not waiter.done():
                waiter.set_exception(Ended(KILLED))
            return
        if isinstance(error, INTERRUPTIONS):
            # First of all, so that the loop does nothing else before. Raised here, it would take the worker along.
            self.namespace.scheduler.loop.call_soon(interrupt, error)
        if waiter is not None:
            self.tie().promise(waiter)
        self.end_by(error)

    def end_by(self, error: BaseException) -> None:
        """End for this reason, unless there is another already; by way of `terminate` if there is one."""
        self.revoke()
        control = self.control
        if control is not None and control.exit is not None:
            self.die(control.exit.reason)
        elif "terminate" in self.server.__hooks__ and not self.is_cut_short(error):
            self.demand().stop = Ending(reason_of(error))
        else:
            self.die(self.reason_of(error))

    def is_cut_short(self, error: BaseException) -> bool:
        """Whether a handler failed only since its loop ends: it was cancelled, or whom it called was."""
        return self.namespace.scheduler.is_ending and isinstance(error, CUT_SHORT)

    def reason_of(self, error: BaseException) -> object:
        """The exit reason of this process when its code has raised this."""
        return SHUTDOWN if self.is_cut_short(error) else reason_of(error)

    # What handlers want done when they are over.

    def afterwards(self, effect: Effect) -> None:
        """Do this when the handler that runs has succeeded, before anyone else has a turn; now if none runs."""
        if not self.working:
            effect()
            return
        control = self.demand()
        if control.effects is None:
            control.effects = Effects()
        control.effects.add(effect)

    def confirm(self) -> None:
        """Have what the running handler wanted done so far done, even if it fails."""
        if self.control is not None and self.control.effects is not None:
            self.control.effects.confirm()

    def revoke(self) -> None:
        """Do nothing of what the running handler wanted done, except for what it has confirmed."""
        if self.control is not None and self.control.effects is not None:
            self.control.effects.revoke()

    def carry_out(self) -> None:
        """Do what the handler that is over wanted done; if that fails, the process ends as after a handler that did."""
        control = self.control
        if control is None or control.effects is None:
            return
        try:
            control.effects.carry_out()
        except Exception as error:  # whatever it is, the turn has to come to its end
            control.stop = control.stop or Ending(reason_of(error))

    async def obey(self) -> bool:
        """Do what handlers asked for: an end first, else continuations, before any message. True when it is gone."""
        control = self.control
        while control is not None and control.stop is None and control.exit is None and control.continuations:
            function, args, kwargs, _ = control.continuations.pop(0)
            outcome = function(self.server, *args, **kwargs)
            if isinstance(outcome, COROUTINE) or is_awaited(outcome):
                await outcome
            self.carry_out()
        if control is None or control.stop is None:
            return control is not None and control.exit is not None
        reason = await self._terminate(control.stop.reason)
        if control.exit is None:
            for waiter, outcome in control.answers:
                self.hand(waiter, outcome)
            self.die(reason)
        return True

    async def _terminate(self, reason: object) -> object:
        if "terminate" in self.server.__hooks__:
            try:
                outcome = self.server.terminate(reason)
                if isinstance(outcome, COROUTINE) or is_awaited(outcome):
                    await outcome
                self.carry_out()
            except BaseException as error:  # OTP: a terminate that fails gives the process its own reason
                if self.worker is not None and self.worker.is_closed:
                    raise
                if isinstance(error, INTERRUPTIONS):
                    self.namespace.scheduler.loop.call_soon(interrupt, error)
                return self.reason_of(error)
        return reason


def interrupt(error: BaseException) -> NoReturn:
    """Let the event loop pass it on."""
    raise error
