"""Timers in a hierarchical timing wheel: setting and cancelling cost the same however many wait.

After Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987). A timer lies in a bucket that is as wide as it
is far away: 1 ms wide within the next 64 ms, 64 ms wide within the next 4 s, and so on by factors of 64. When the start
of a wide bucket comes, its timers move to narrower ones, so each moves a few times in its life and costs nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final, TypeAlias

from greenroom.foundation.clock import Clock

TICKS_PER_SECOND: Final = 1000
BITS: Final = 6
NARROW: Final = 1 << BITS
LEVELS: Final = 8

SLACK: Final = 1e-6
"""What a float may lack of a whole tick: 0.57 s are 570 ticks, and not one less, which would be a tick too late."""

UP: Final = 1.0 - SLACK


class Timer:
    """Something that happens later, unless it is cancelled. A wheel makes it."""

    # No constructor: it would cost as much as all else that `TimerWheel.schedule` does.
    __slots__ = ("args", "bucket", "callback", "due", "owner", "wheel")

    wheel: TimerWheel
    due: float
    callback: Callable[..., object]
    args: tuple[object, ...]
    bucket: Timers | None
    """Where it lies, until it has fired or was cancelled."""
    owner: Timers | None

    @property
    def remaining(self) -> float | None:
        """Seconds left, or None when it has fired or was cancelled. OTP's `read_timer`."""
        return None if self.bucket is None else max(0.0, self.due - self.wheel.clock.monotonic())

    def cancel(self) -> float | None:
        """Make sure that it does not fire any more; answers the seconds that were left, or None when it was over."""
        bucket, owner = self.bucket, self.owner
        if bucket is None:
            return None
        # `drop` and `remaining`, written out.
        del bucket[self]
        self.bucket = None
        if owner is not None:
            del owner[self]
        left = self.due - self.wheel.monotonic()
        return left if left > 0.0 else 0.0  # noqa: FURB136  # a call costs more than all of this

    def drop(self) -> None:
        """Cancel it without asking how long it had left."""
        bucket, owner = self.bucket, self.owner
        if bucket is not None:
            del bucket[self]
            self.bucket = None
            if owner is not None:
                del owner[self]

    def fire(self) -> None:
        """Call back now; the wheel has taken it out already."""
        self.callback(*self.args)


Timers: TypeAlias = dict[Timer, None]


class TimerWheel:
    """All timers of one scheduler. `arm` is told the seconds until the next look, whenever that becomes sooner."""

    __slots__ = ("_after", "_arm", "_armed", "_buckets", "_latest", "_starts", "_tick", "_until", "clock", "monotonic")

    def __init__(self, clock: Clock, arm: Callable[[float], object]) -> None:
        self.clock = clock
        self.monotonic = clock.monotonic
        self._arm = arm
        self._armed: int | None = None
        self._buckets: dict[int, Timers] = {}
        self._starts: list[int] = []
        self._tick = int(clock.monotonic() * TICKS_PER_SECOND)
        # The wide bucket that was used last, and the moments that it is for: the next timer often lies there too.
        self._latest: Timers = {}
        self._after = self._until = 0.0

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self._buckets.values())

    def schedule(self, seconds: float, callback: Callable[..., object], *args: object) -> Timer:
        """Call back in this many seconds, never earlier; zero and less mean with the next look.

        Raises:
            ValueError: it is no number of seconds.
        """
        return self.schedule_for(None, seconds, callback, args)

    def schedule_for(
        self, owner: Timers | None, seconds: float, callback: Callable[..., object], args: tuple[object, ...]
    ) -> Timer:
        """Schedule a timer that stands among those of its owner until it has fired or was cancelled."""
        now = self.monotonic()
        try:
            due = now + seconds
            # Not in a bucket whose start has come: it is about to be spread.
            bucket = self._latest if now < self._after < due <= self._until else self._bucket(now, due)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"expected a time in seconds, and not without end, got {seconds!r}") from None
        timer = Timer()
        timer.wheel = self
        timer.due = due
        timer.callback = callback
        timer.args = args
        timer.bucket = bucket
        timer.owner = owner
        bucket[timer] = None
        if owner is not None:
            owner[timer] = None
        return timer

    def run_due(self) -> None:
        """Fire what is due, in the order of time, and arm for the next."""
        now = int(self.clock.monotonic() * TICKS_PER_SECOND + SLACK)
        self._armed = None
        try:
            while self._starts and self._starts[0] >> 3 <= now:
                key = heappop(self._starts)
                self._tick = max(self._tick, key >> 3)
                bucket = self._buckets.pop(key)
                if key & 7:
                    self._spread(bucket)
                else:
                    self._fire(bucket)
        finally:
            self._tick = max(self._tick, now)
            self._arm_next()

    def next_due(self) -> float | None:
        """Seconds until the next look is worth it, None when nothing waits."""
        if not self._starts:
            return None
        return max(0.0, (self._starts[0] >> 3) / TICKS_PER_SECOND - self.clock.monotonic())

    def _bucket(self, now: float, due: float) -> Timers:
        self._tick = tick = int(now * TICKS_PER_SECOND + SLACK)
        # Never in the tick that is being fired: a timer that sets itself again would keep the wheel busy for ever.
        key = self._key(due, tick + 1)
        bucket = self._at(key)
        level = key & 7
        if level:
            start = key >> 3
            self._latest = bucket
            self._after = start / TICKS_PER_SECOND
            self._until = (start + (1 << BITS * level) - 1) / TICKS_PER_SECOND
        return bucket

    def _key(self, due: float, earliest: int) -> int:
        # The start of a bucket in the high bits and its level in the lowest three: keys sort by start.
        tick = int(due * TICKS_PER_SECOND + UP)
        ahead = tick - self._tick
        if ahead < NARROW:
            return max(tick, earliest) << 3
        level = min((ahead.bit_length() - 1) // BITS, LEVELS - 1)
        shift = BITS * level
        return (tick >> shift << shift) << 3 | level

    def _at(self, key: int) -> Timers:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = {}
            heappush(self._starts, key)
            if self._armed is None or key >> 3 < self._armed:
                self._arm_next()
        return bucket

    def _spread(self, bucket: Timers) -> None:
        if bucket is self._latest:
            self._latest, self._until = {}, 0.0
        for timer in bucket:
            narrower = self._at(self._key(timer.due, self._tick))
            narrower[timer] = None
            timer.bucket = narrower

    def _fire(self, bucket: Timers) -> None:
        # One callback may cancel another of the same bucket, so each is taken out only when its turn comes.
        try:
            for timer in sorted(bucket, key=_due):
                if timer in bucket:
                    timer.drop()
                    timer.fire()
        finally:
            # One that raises leaves the others behind: they fire with the next look.
            for timer in bucket:
                later = self._at(self._key(timer.due, self._tick + 1))
                later[timer] = None
                timer.bucket = later

    def _arm_next(self) -> None:
        seconds = self.next_due()
        if seconds is not None:
            self._armed = self._starts[0] >> 3
            self._arm(seconds)


def _due(timer: Timer) -> float:
    return timer.due
