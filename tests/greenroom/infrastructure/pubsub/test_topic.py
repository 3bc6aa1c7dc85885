from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom import GenServer, Missed, OutsideProcess, Ref, Topic, child, namespace, receive, spawn
from greenroom.infrastructure.pubsub.channel import channels_of
from greenroom.testing import Probe, Tree, settle, state


@dataclass(frozen=True)
class Booked:
    artist: str


BOOKINGS: Topic[Booked] = Topic("bookings")
NINA = Booked("Nina")
MARY = Booked("Mary")


@dataclass
class Fan(GenServer):
    """Subscribes at its start."""

    heard: list[object] = field(default_factory=list[object])

    async def init(self) -> None:
        BOOKINGS.subscribe()

    async def handle_info(self, message: object) -> None:
        self.heard.append(message)

    async def book(self, artist: str) -> None:
        BOOKINGS.publish_from(Booked(artist))


def now(work: Callable[[], object]) -> Callable[[], Awaitable[None]]:
    """The work as something to be awaited, for a probe to perform."""

    async def perform() -> None:
        work()

    return perform


async def test_every_process_that_subscribed_gets_the_event(tree: Tree) -> None:
    fans = [await tree.start(Fan) for _ in range(3)]

    BOOKINGS.publish(NINA)
    await settle()

    assert [state(fan).heard for fan in fans] == [[NINA]] * 3


async def test_to_publish_to_nobody_does_nothing() -> None:
    BOOKINGS.publish(NINA)

    assert BOOKINGS.count() == 0


async def test_events_of_another_topic_do_not_come(tree: Tree) -> None:
    fan = await tree.start(Fan)

    Topic[Booked]("cancellations").publish(NINA)
    await settle()

    assert state(fan).heard == []


async def test_topics_of_one_name_are_one_topic(tree: Tree) -> None:
    fan = await tree.start(Fan)

    Topic[Booked]("bookings").publish(NINA)
    await settle()

    assert state(fan).heard == [NINA]


async def test_to_subscribe_twice_is_to_subscribe_once(probe: Probe) -> None:
    await probe.perform(now(BOOKINGS.subscribe))
    await probe.perform(now(BOOKINGS.subscribe))

    BOOKINGS.publish(NINA)
    await settle()

    assert probe.messages == [NINA]


async def test_after_unsubscribing_no_more_events_come(probe: Probe) -> None:
    await probe.perform(now(BOOKINGS.subscribe))
    BOOKINGS.publish(NINA)
    await probe.perform(now(BOOKINGS.unsubscribe))

    BOOKINGS.publish(MARY)
    await settle()

    assert probe.messages == [NINA]
    assert BOOKINGS.count() == 0


async def test_those_who_stay_still_get_events_when_others_leave(tree: Tree, probe: Probe) -> None:
    fan = await tree.start(Fan)
    await probe.perform(now(BOOKINGS.subscribe))
    BOOKINGS.publish(NINA)
    await settle()

    await probe.perform(now(BOOKINGS.unsubscribe))
    BOOKINGS.publish(MARY)
    await settle()

    assert state(fan).heard == [NINA, MARY]
    assert probe.messages == [NINA]


async def test_nothing_remains_of_a_subscription(probe: Probe) -> None:
    process = probe.ref.find()
    await probe.perform(now(BOOKINGS.subscribe))

    await probe.perform(now(BOOKINGS.unsubscribe))

    assert process.tie().releases == {}
    assert channels_of(process.namespace) == {}


async def test_to_unsubscribe_without_a_subscription_does_nothing(tree: Tree, probe: Probe) -> None:
    await tree.start(Fan)

    await probe.perform(now(BOOKINGS.unsubscribe))

    assert BOOKINGS.count() == 1


async def test_a_subscription_ends_with_its_process(tree: Tree) -> None:
    fan = await tree.start(Fan)
    await tree.start(Fan)

    await tree.stop(fan)

    assert BOOKINGS.count() == 1


async def test_a_process_that_restarts_subscribes_anew(tree: Tree) -> None:
    fan = await tree.start(Fan)

    await tree.crash(fan)
    BOOKINGS.publish(NINA)
    await settle()

    assert state(fan).heard == [NINA]
    assert BOOKINGS.count() == 1


async def test_publish_from_leaves_out_the_one_who_publishes(tree: Tree) -> None:
    fans = [await tree.start(Fan) for _ in range(3)]

    await fans[0].call(Fan.book, "Nina")
    await settle()

    assert [state(fan).heard for fan in fans] == [[], [NINA], [NINA]]


async def test_publish_from_leaves_nobody_out_when_the_one_who_publishes_has_not_subscribed(
    tree: Tree, probe: Probe
) -> None:
    fan = await tree.start(Fan)

    await probe.perform(now(lambda: BOOKINGS.publish_from(NINA)))
    await settle()

    assert state(fan).heard == [NINA]


async def test_what_concerns_the_running_process_needs_one() -> None:
    for work in (BOOKINGS.subscribe, BOOKINGS.unsubscribe, lambda: BOOKINGS.publish_from(NINA)):
        with pytest.raises(OutsideProcess):
            work()


async def test_a_limit_below_one_is_refused(probe: Probe) -> None:
    with pytest.raises(ValueError, match="expected limit to be at least 1, got 0"):
        BOOKINGS.subscribe(limit=0)
    with pytest.raises(ValueError, match="expected limit to be at least 1, got 0"):
        BOOKINGS.listen(limit=0)


async def test_namespaces_do_not_hear_each_other(tree: Tree) -> None:
    here = await tree.start(Fan)
    with namespace("tenant:2"):
        there = await Fan.start()
        BOOKINGS.publish(MARY)
    BOOKINGS.publish(NINA)
    await settle()

    assert state(here).heard == [NINA]
    assert state(there).heard == [MARY]
    await there.stop()


async def test_a_process_may_subscribe_in_another_namespace(probe: Probe) -> None:
    async def subscribe_there() -> None:
        with namespace("tenant:2"):
            BOOKINGS.subscribe()

    await probe.perform(subscribe_there)
    with namespace("tenant:2"):
        BOOKINGS.publish(NINA)
    BOOKINGS.publish(MARY)
    await settle()

    assert probe.messages == [NINA]


async def test_a_spawned_function_receives_events(probe: Probe) -> None:
    async def watch() -> None:
        BOOKINGS.subscribe()
        while True:
            probe.ref.send(await receive(Booked))

    watcher = spawn(watch)
    await settle()

    BOOKINGS.publish(NINA)
    BOOKINGS.publish(MARY)
    await settle()

    assert probe.messages == [NINA, MARY]
    watcher.exit("shutdown")


async def test_a_call_after_publishing_is_answered_after_the_event_was_handled(tree: Tree) -> None:
    fan = await tree.start(Fan)

    BOOKINGS.publish(NINA)
    await fan.call(Fan.book, "Mary")

    assert state(fan).heard == [NINA]


# Slow subscribers.


async def slow(tree: Tree, limit: int) -> Probe:
    """A probe that has subscribed and has not yet looked at its mailbox."""
    probe = await tree.probe()
    await probe.perform(now(lambda: BOOKINGS.subscribe(limit)))
    probe.ref.send("busy")
    return probe


async def test_a_slow_process_is_told_how_many_events_it_missed_in_their_place(tree: Tree) -> None:
    probe = await slow(tree, limit=3)

    for number in range(7):
        BOOKINGS.publish(Booked(str(number)))
    await settle()
    BOOKINGS.publish(NINA)
    await settle()

    assert probe.messages == ["busy", Booked("0"), Booked("1"), Missed(5, "bookings"), NINA]


async def test_a_burst_to_a_process_at_rest_is_bounded_as_well(probe: Probe) -> None:
    await probe.perform(now(lambda: BOOKINGS.subscribe(limit=5)))
    BOOKINGS.publish(NINA)
    await settle()
    await probe.perform(now(lambda: BOOKINGS.subscribe(limit=2)))

    for _ in range(5):
        BOOKINGS.publish(MARY)
    await settle()

    assert probe.messages == [NINA, MARY, MARY, Missed(3, "bookings")]


async def test_the_limit_of_a_mailbox_holds_for_events_and_is_not_silent(tree: Tree) -> None:
    fan = await tree.start_supervised(child(Fan).mailbox(2))

    for _ in range(5):
        BOOKINGS.publish(MARY)
    await settle()

    assert state(fan).heard == [MARY, MARY, Missed(3, "bookings")]


async def test_a_slow_process_that_falls_behind_again_is_told_again(tree: Tree) -> None:
    probe = await slow(tree, limit=1)

    BOOKINGS.publish(NINA)
    await settle()
    probe.ref.send("busy")
    BOOKINGS.publish(NINA)
    BOOKINGS.publish(NINA)
    await settle()

    assert probe.messages == ["busy", Missed(1, "bookings"), "busy", Missed(2, "bookings")]


async def test_one_slow_process_costs_the_others_nothing(tree: Tree) -> None:
    await slow(tree, limit=1)
    fan = await tree.start(Fan)

    BOOKINGS.publish(NINA)
    BOOKINGS.publish(MARY)
    await settle()

    assert state(fan).heard == [NINA, MARY]


async def test_a_new_limit_takes_the_place_of_the_old_one(tree: Tree) -> None:
    probe = await slow(tree, limit=1)
    await settle()
    await probe.perform(now(lambda: BOOKINGS.subscribe(limit=10)))

    probe.ref.send("busy")
    BOOKINGS.publish(NINA)
    await settle()

    assert probe.messages[-1] == NINA


@given(st.lists(st.tuples(st.sampled_from(["publish", "handle", "other"])), max_size=60), st.integers(1, 4))
async def test_events_come_in_order_and_with_those_missed_there_are_as_many_as_were_published(
    steps: list[tuple[str]], limit: int
) -> None:
    probe = await Probe.start()
    await probe.perform(now(lambda: BOOKINGS.subscribe(limit)))
    published = 0

    for (step,) in steps:
        match step:
            case "publish":
                BOOKINGS.publish(Booked(str(published)))
                published += 1
            case "handle":
                await settle()
            case _:
                probe.ref.send("other")
    await settle()

    expected = 0
    for message in probe.messages:
        match message:
            case Missed(count):
                expected += count
            case Booked(number):
                assert int(number) == expected
                expected += 1
            case _:
                pass
    assert expected == published
    probe.leave()


@dataclass
class Slowcoach(GenServer):
    """Calls the publisher back while it handles an event."""

    other: Ref[Fan]

    async def init(self) -> None:
        BOOKINGS.subscribe()

    async def handle_info(self, message: object) -> None:
        if message == NINA:
            await self.other.call(Fan.book, "Mary")


async def test_a_handler_may_publish_what_its_own_process_has_subscribed_to(tree: Tree) -> None:
    fan = await tree.start(Fan)
    await tree.start(Slowcoach, fan)
    listener = await tree.start(Fan)

    BOOKINGS.publish(NINA)
    await settle()

    assert state(fan).heard == [NINA]
    assert state(listener).heard == [NINA, MARY]
