"""The way of answers from the threads into the event loop."""

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable
from threading import Thread

from greenroom.foundation import telemetry
from greenroom.foundation.telemetry import Event, Measurements, Metadata
from greenroom.infrastructure.database.task import Answers, Done


class Delivery:
    """Hands answers to the loop; all that come while the loop is being woken share one wake-up.

    `crashed` is told in the loop when a thread has ended by a fault of its own.
    """

    def __init__(self, loop: AbstractEventLoop, crashed: Done) -> None:
        self._loop = loop
        self._crashed = crashed
        self._answers: deque[Answers] = deque()
        self._called = False

    def thread(self, name: str, work: Callable[[], None]) -> Thread:
        """Make a thread for the work."""
        return Thread(target=self._work, args=(work,), name=f"greenroom-database-{name}", daemon=True)

    def _work(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as fault:  # a thread that ends in silence would leave everyone waiting
            self.post([(self._crashed, fault)])

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
            answers = iter(self._answers.popleft())
            try:
                for done, answer in answers:
                    done(answer)
            finally:
                # Of somebody's own code that raised; whoever else waits must hear of its change all the same.
                if rest := tuple(answers):
                    self.post(rest)
