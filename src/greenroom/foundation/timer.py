"""Timers in a hierarchical timing wheel: setting and cancelling cost the same however many wait.

After Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987). A timer lies in a bucket that is as wide as it
is far away: 1 ms wide within the next 64 ms, 64 ms wide within the next 4 s, and so on by factors of 64. When the start
of a wide bucket comes, its timers move to narrower ones, so each moves a few times in its life and costs nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

from greenroom.foundation.clock import Clock

TICKS_PER_SECOND: Final = 1000
BITS: Final = 6
NARROW: Final = 1 << BITS
LEVELS: Final = 8

SLACK: Final = 1e-6
"""What a float may lack of a whole tick: 0.57 s are 570 ticks, and not one less, which would be a tick too late."""

UP: Final = 1.0 - SLACK


class Timer:
    """Something that happens later, unless it is cancelled."""

    __slots__ = ("_args", "_bucket", "_callback", "_owner", "_wheel", "due")

    def __init__(
        self,
        wheel: TimerWheel,
        due: float,
        callback: Callable[..., object],
        args: tuple[object, ...],
        bucket: dict[Timer, None],
    ) -> None:
        self._wheel = wheel
        self.due = due
        self._callback = callback
        self._args = args
        self._bucket: dict[Timer, None] | None = bucket
        self._owner: dict[Timer, None] | None = None
        bucket[self] = None

    @property
    def remaining(self) -> float | None:
        """Seconds left, or None when it has fired or was cancelled. OTP's `read_timer`."""
        return None if self._bucket is None else max(0.0, self.due - self._wheel.clock.monotonic())

    def cancel(self) -> float | None:
        """Make sure that it does not fire any more; answers the seconds that were left, or None when it was over."""
        remaining = self.remaining
        self.drop()
        return remaining

    def drop(self) -> None:
        """Cancel it without asking how long it had left."""
        bucket = self._bucket
        if bucket is not None:
            del bucket[self]
            self._bucket = None
            if self._owner is not None:
                self._owner.pop(self, None)

    def belong(self, owner: dict[Timer, None]) -> None:
        """Stand among these timers until it has fired or was cancelled."""
        self._owner = owner
        owner[self] = None

    def fire(self) -> None:
        """Call back now; the wheel has taken it out already."""
        self._callback(*self._args)

    def place(self, bucket: dict[Timer, None]) -> None:
        """Remember the bucket that it lies in now."""
        self._bucket = bucket


class TimerWheel:
    """All timers of one scheduler. `arm` is told the seconds until the next look, whenever that becomes sooner."""

    __slots__ = ("_arm", "_armed", "_buckets", "_starts", "_tick", "clock")

    def __init__(self, clock: Clock, arm: Callable[[float], object]) -> None:
        self.clock = clock
        self._arm = arm
        self._armed: int | None = None
        self._buckets: dict[int, dict[Timer, None]] = {}
        self._starts: list[int] = []
        self._tick = int(clock.monotonic() * TICKS_PER_SECOND)

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self._buckets.values())

    def schedule(self, seconds: float, callback: Callable[..., object], *args: object) -> Timer:
        """Call back in this many seconds, never earlier; zero and less mean with the next look."""
        now = self.clock.monotonic()
        self._tick = tick = int(now * TICKS_PER_SECOND + SLACK)
        due = now + seconds
        # Never in the tick that is being fired: a timer that sets itself again would keep the wheel busy for ever.
        return Timer(self, due, callback, args, self._bucket(due, tick + 1))

    def run_due(self) -> None:
        """Fire what is due, in the order of time, and arm for the next."""
        now = int(self.clock.monotonic() * TICKS_PER_SECOND + SLACK)
        self._armed = None
        while self._starts and self._starts[0] >> 3 <= now:
            key = heappop(self._starts)
            self._tick = max(self._tick, key >> 3)
            bucket = self._buckets.pop(key)
            if key & 7:
                self._spread(bucket)
            else:
                self._fire(bucket)
        self._tick = max(self._tick, now)
        self._arm_next()

    def next_due(self) -> float | None:
        """Seconds until the next look is worth it, None when nothing waits."""
        if not self._starts:
            return None
        return max(0.0, (self._starts[0] >> 3) / TICKS_PER_SECOND - self.clock.monotonic())

    def _bucket(self, due: float, earliest: int) -> dict[Timer, None]:
        tick = int(due * TICKS_PER_SECOND + UP)
        ahead = tick - self._tick
        if ahead < NARROW:
            key = max(tick, earliest) << 3
        else:
            level = (ahead.bit_length() - 1) // BITS
            if level >= LEVELS:
                level = LEVELS - 1
            shift = BITS * level
            key = (tick >> shift << shift) << 3 | level
        bucket = self._buckets.get(key)
        return self._open(key) if bucket is None else bucket

    def _open(self, key: int) -> dict[Timer, None]:
        # The key carries the start in its high bits and the level in the lowest three: keys sort by start.
        bucket: dict[Timer, None] = {}
        self._buckets[key] = bucket
        heappush(self._starts, key)
        if self._armed is None or key >> 3 < self._armed:
            self._arm_next()
        return bucket

    def _spread(self, bucket: dict[Timer, None]) -> None:
        for timer in bucket:
            narrower = self._bucket(timer.due, self._tick)
            narrower[timer] = None
            timer.place(narrower)

    def _fire(self, bucket: dict[Timer, None]) -> None:
        # One callback may cancel another of the same bucket, so each is taken out only when its turn comes.
        for timer in sorted(bucket, key=_due):
            if timer in bucket:
                timer.drop()
                timer.fire()

    def _arm_next(self) -> None:
        seconds = self.next_due()
        if seconds is not None:
            self._armed = self._starts[0] >> 3
            self._arm(seconds)


def _due(timer: Timer) -> float:
    return timer.due
