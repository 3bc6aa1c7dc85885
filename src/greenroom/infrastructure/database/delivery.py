"""The way of answers from the threads into the event loop."""

from asyncio import AbstractEventLoop
from collections import deque

from greenroom.foundation import telemetry
from greenroom.foundation.telemetry import Event, Measurements, Metadata
from greenroom.infrastructure.database.task import Answers


class Delivery:
    """Hands answers to the loop; all that come while the loop is being woken share one wake-up."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._answers: deque[Answers] = deque()
        self._called = False

    def post(self, answers: Answers) -> None:
        """Have the answers given out in the loop's thread. May be called by any thread."""
        self._answers.append(answers)
        if self._called:
            return
        self._called = True
        try:
            self._loop.call_soon_threadsafe(self._give_out)
        except RuntimeError:
            self._answers.clear()  # The loop is closed: nobody waits any more.

    def tell(self, event: Event, measurements: Measurements, metadata: Metadata) -> None:
        """Tell telemetry, in the loop's thread as all others do. Nothing happens where nobody listens."""
        if telemetry.bus.listening:
            self.post([(lambda _: telemetry.execute(event, measurements, metadata), None)])

    def _give_out(self) -> None:
        # Cleared first: what is posted from here on is either seen below, or wakes the loop again.
        self._called = False
        while self._answers:
            for done, answer in self._answers.popleft():
                done(answer)
