"""The timing wheel, on a clock that is turned by hand; and beside it a sorted list, which is the slow way."""

import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from greenroom.foundation.timer import TICKS_PER_SECOND, Timer, Timers, TimerWheel
from greenroom.testing import VirtualClock

DAY = 86_400.0


class HandClock(VirtualClock):
    """Time as a number of milliseconds."""

    def __init__(self, milliseconds: int = 0) -> None:
        super().__init__()
        self.milliseconds = milliseconds
        self.early = 0.0

    def monotonic(self) -> float:
        return self.milliseconds / 1000 - self.early


class Bell:
    """What a timer holds on to."""

    def ring(self) -> None:
        """Make no sound."""


class Wheel:
    """A wheel, its clock, and the alarm that it sets."""

    def __init__(self, milliseconds: int = 0) -> None:
        self.clock = HandClock(milliseconds)
        self.alarm: float | None = None
        self.fired: list[object] = []
        self.wheel = TimerWheel(self.clock, self.set_alarm)

    def set_alarm(self, seconds: float) -> None:
        self.alarm = self.clock.monotonic() + seconds

    def after(self, seconds: float, mark: object, owner: Timers | None = None) -> Timer:
        return self.wheel.schedule_for(owner, seconds, self.fired.append, (mark,))

    def pass_time(self, milliseconds: int) -> None:
        """Let time pass, and look whenever the wheel asked for it."""
        until = self.clock.milliseconds + milliseconds
        while self.alarm is not None and round(self.alarm * 1000) <= until:
            self.clock.milliseconds = max(self.clock.milliseconds, round(self.alarm * 1000))
            self.alarm = None
            self.wheel.run_due()
        self.clock.milliseconds = until


def test_a_timer_fires_once_when_its_time_has_come() -> None:
    wheel = Wheel()
    wheel.after(1.5, "bell")

    wheel.pass_time(1499)
    before = list(wheel.fired)
    wheel.pass_time(1)
    wheel.pass_time(10_000)

    assert (before, wheel.fired) == ([], ["bell"])


def test_timers_fire_in_the_order_of_their_times() -> None:
    wheel = Wheel()
    for seconds in (70.0, 0.003, DAY, 5.0, 4.0, 0.002):
        wheel.after(seconds, seconds)

    wheel.pass_time(int(2 * DAY * 1000))

    assert wheel.fired == [0.002, 0.003, 4.0, 5.0, 70.0, DAY]


@pytest.mark.parametrize("start", [0, 1, 63, 64, 1599, 4095, 123_456_789, 3_000_000_000])
@pytest.mark.parametrize("milliseconds", [1, 63, 64, 65, 100, 4096, 4097, 262_144, 16_777_216])
def test_a_timer_is_exact_to_the_tick_wherever_it_starts(start: int, milliseconds: int) -> None:
    wheel = Wheel(start)
    wheel.after(milliseconds / 1000, "bell")

    wheel.pass_time(milliseconds - 1)
    before = list(wheel.fired)
    wheel.pass_time(1)

    assert (before, wheel.fired) == ([], ["bell"])


def test_a_cancelled_timer_says_what_was_left_and_does_not_fire() -> None:
    wheel = Wheel()
    timer = wheel.after(10.0, "bell")
    wheel.pass_time(4_000)

    left = timer.cancel()
    wheel.pass_time(10_000)

    assert left == pytest.approx(6.0)
    assert (wheel.fired, timer.cancel(), timer.remaining) == ([], None, None)


def test_a_timer_is_not_lost_in_a_bucket_whose_time_has_just_come() -> None:
    wheel = Wheel()
    wheel.after(5.0, "first")
    # The bucket for 4.096 s to 8.192 s, looked at a nanosecond early, as a clock's rounding allows.
    wheel.clock.milliseconds, wheel.clock.early = 4_096, 1e-9
    wheel.wheel.run_due()
    wheel.after(0.9, "second")

    wheel.clock.milliseconds = 5_000
    wheel.wheel.run_due()

    assert wheel.fired == ["second", "first"]


def test_a_timer_that_is_over_is_held_by_nobody() -> None:
    wheel, owner, bells = Wheel(), Timers(), [Bell() for _ in range(4)]
    held = [weakref.ref(bell) for bell in bells]
    times = (0.01, 5.0, 5.0, DAY)
    timers = [wheel.wheel.schedule_for(owner, at, bell.ring, ()) for at, bell in zip(times, bells, strict=True)]
    timers.pop().cancel()
    timers.pop().drop()
    wheel.pass_time(5_000)

    timers.clear()
    bells.clear()

    assert (len(wheel.wheel), owner) == (0, {})
    assert [bell() for bell in held] == [None, None, None, None]


def test_a_timer_that_has_fired_has_nothing_left() -> None:
    wheel = Wheel()
    timer = wheel.after(1.0, "bell")
    remaining = timer.remaining

    wheel.pass_time(1_000)

    assert remaining == pytest.approx(1.0)
    assert (timer.remaining, timer.cancel()) == (None, None)


def test_one_timer_may_cancel_another_of_the_same_time() -> None:
    wheel = Wheel()
    timers: list[Timer] = []

    def cancel() -> None:
        timers[0].cancel()

    wheel.wheel.schedule(1.0, cancel)
    timers.append(wheel.after(1.0, "cancelled"))

    wheel.pass_time(2_000)

    assert wheel.fired == []


def test_a_timer_of_no_time_that_sets_itself_again_leaves_others_their_turn() -> None:
    wheel = Wheel()

    def again() -> None:
        wheel.fired.append("again")
        wheel.wheel.schedule(0.0, again)

    wheel.wheel.schedule(0.0, again)
    wheel.after(0.003, "other")
    wheel.pass_time(4)

    assert wheel.fired == ["again", "again", "again", "other", "again"]


def test_a_time_that_is_over_means_the_next_tick() -> None:
    wheel = Wheel(1_000)
    wheel.after(-5.0, "late")

    wheel.pass_time(1)

    assert wheel.fired == ["late"]


def test_the_wheel_counts_the_timers_that_wait() -> None:
    wheel = Wheel()
    first, _, third = (wheel.after(seconds, seconds) for seconds in (0.01, 5.0, DAY))

    wheel.pass_time(20)
    third.drop()

    assert (len(wheel.wheel), first.remaining) == (1, None)


def test_a_sooner_timer_moves_the_alarm_forward() -> None:
    wheel = Wheel()
    wheel.after(DAY, "late")
    late = wheel.alarm
    wheel.after(0.01, "soon")

    assert late is not None
    assert late > 60
    assert wheel.alarm == pytest.approx(0.01)


def test_nothing_is_due_on_an_empty_wheel() -> None:
    assert Wheel().wheel.next_due() is None


@given(st.lists(st.integers(0, 20_000_000), max_size=30), st.integers(0, 10_000_000_000))
def test_a_look_that_comes_late_fires_everything_in_order(waits: list[int], start: int) -> None:
    wheel = Wheel(start)
    for milliseconds in waits:
        wheel.after(milliseconds / 1000, milliseconds)

    wheel.clock.milliseconds += 20_000_001
    wheel.wheel.run_due()

    assert wheel.fired == sorted(waits)


class WheelMachine(RuleBasedStateMachine):
    """Sets, cancels and lets time pass at random; a sorted list says what should have fired by then."""

    def __init__(self) -> None:
        super().__init__()
        self.wheel = Wheel(1_000_000_007)
        self.waiting: dict[int, tuple[int, Timer]] = {}
        self.due: dict[object, int] = {}
        self.owner: Timers = {}
        self.expected: list[object] = []
        self.count = 0

    @rule(milliseconds=st.one_of(st.integers(0, 200), st.integers(0, 5_000), st.integers(0, 100_000_000)))
    def set_timer(self, milliseconds: int) -> None:
        self.count += 1
        due = self.wheel.clock.milliseconds + max(1, milliseconds)
        self.due[self.count] = due
        self.waiting[self.count] = due, self.wheel.after(milliseconds / TICKS_PER_SECOND, self.count, self.owner)

    @rule(apart=st.integers(-200, 200))
    def set_timer_beside_the_last(self, apart: int) -> None:
        # The bucket that was used last is right for some of these, and wrong for their neighbours.
        if self.count:
            self.set_timer(max(0, self.due[self.count] + apart - self.wheel.clock.milliseconds))

    @rule(choose=st.integers(0))
    def cancel_timer(self, choose: int) -> None:
        if self.waiting:
            number = list(self.waiting)[choose % len(self.waiting)]
            due, timer = self.waiting.pop(number)
            left = timer.cancel()
            assert left == pytest.approx((due - self.wheel.clock.milliseconds) / 1000, abs=0.0011)

    @rule(milliseconds=st.one_of(st.integers(0, 100), st.integers(0, 10_000), st.integers(0, 200_000_000)))
    def pass_time(self, milliseconds: int) -> None:
        self.wheel.pass_time(milliseconds)
        due = [(at, number) for number, (at, _) in self.waiting.items() if at <= self.wheel.clock.milliseconds]
        for _, number in sorted(due):
            self.expected.append(number)
            del self.waiting[number]

    @invariant()
    def what_was_due_has_fired_in_order(self) -> None:
        # Timers of the same time fire in any order.
        assert [self.due[number] for number in self.wheel.fired] == [self.due[number] for number in self.expected]
        assert set(self.wheel.fired) == set(self.expected)
        assert len(self.wheel.wheel) == len(self.waiting)
        assert self.owner.keys() == {timer for _, timer in self.waiting.values()}


TestWheelAgainstASortedList: type = WheelMachine.TestCase


def test_a_timer_that_fails_takes_no_other_along() -> None:
    wheel = Wheel()
    wheel.after(0.01, "before")
    wheel.wheel.schedule(0.01, [].pop)
    wheel.after(0.01, "with it")
    wheel.after(DAY, "after")

    with pytest.raises(IndexError):
        wheel.pass_time(10)
    wheel.pass_time(int(DAY * 1000))

    assert wheel.fired == ["before", "with it", "after"]
