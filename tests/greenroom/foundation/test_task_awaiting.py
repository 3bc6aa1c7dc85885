"""Waiting for the answer of a task: for its owner alone, and once."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from greenroom import (
    CallTimeout,
    Deadlock,
    Done,
    Down,
    GenServer,
    GreenroomError,
    NotOwner,
    ServerDown,
    Task,
    TaskDown,
    TaskTimeout,
    current_process,
    monitor,
    receive,
    spawn,
)
from greenroom.foundation.answer import Answer
from greenroom.testing import Probe, VirtualClock, settle
from tests.greenroom.foundation.errand import (
    Thrown,
    answer,
    ended,
    endless,
    fail,
    failure_of,
    in_a_process,
    in_probe,
    leave,
)


@pytest.mark.conforms("ex.task.020")
async def test_nothing_comes_of_a_task_after_its_await_timed_out(probe: Probe) -> None:
    go = asyncio.Event()

    async def work() -> Task[Any]:
        task = Task.run(go.wait)
        with pytest.raises(TaskTimeout):
            await task.await_(0)
        return task

    task = await probe.perform(work)
    go.set()
    await ended(task)

    assert await probe.perform(lambda: task.yield_(0)) is None
    assert probe.messages == []


async def test_await_waits_for_five_seconds(clock: VirtualClock) -> None:
    async def wait() -> object:
        task = Task.run(endless)
        try:
            return await task.await_()
        except CallTimeout as error:
            return error
        finally:
            await task.shutdown()

    waiting = asyncio.create_task(wait())
    await clock.advance(4.999)
    assert not waiting.done()
    await clock.advance(0.001)

    found = await waiting
    assert isinstance(found, TaskTimeout)
    assert (found.method, found.seconds, found.reason) == ("await_", 5.0, "timeout")
    assert str(found).endswith("to answer within 5 s")


async def test_await_without_a_limit_waits_for_as_long_as_it_takes(clock: VirtualClock) -> None:
    go = asyncio.Event()
    waiting = asyncio.create_task(_own(go.wait, None))

    await clock.advance(3600)
    go.set()

    assert await waiting is True


async def _own(function: Callable[[], Awaitable[Any]], seconds: float | None) -> Any:
    return await Task.run(function).await_(seconds)


@pytest.mark.conforms("ex.task.021")
async def test_a_task_without_a_process_and_an_answer_times_out() -> None:
    task: Task[str] = Task("elsewhere", asyncio.current_task())  # type: ignore[arg-type]  # there is one: this test

    with pytest.raises(TaskTimeout) as caught:
        await task.await_(0)

    assert (caught.value.target, caught.value.method, caught.value.seconds) == (task, "await_", 0)


@pytest.mark.conforms("ex.task.022")
async def test_awaiting_a_task_that_leaves_without_an_answer_fails_even_if_it_left_in_good_order() -> None:
    with pytest.raises(TaskDown) as caught:
        await Task.run(leave, "normal").await_()

    assert caught.value.reason == "normal"


@pytest.mark.conforms("ex.task.023")
@pytest.mark.expected_crash(reason=Thrown)
async def test_awaiting_a_task_that_throws_fails_with_what_was_thrown(probe: Probe) -> None:
    failure = await failure_of(probe, lambda: Task.run(fail, Thrown()).await_())

    assert isinstance(failure.reason, Thrown)


@pytest.mark.conforms("ex.task.024")
@pytest.mark.expected_crash(reason=ValueError)
async def test_awaiting_a_task_that_raises_fails_with_the_exception_and_its_traceback(probe: Probe) -> None:
    failure = await failure_of(probe, lambda: Task.run(fail, ValueError("oops")).await_())

    assert isinstance(failure.reason, ValueError)
    assert failure.__cause__ is failure.reason
    assert failure.reason.__traceback__ is not None
    assert (failure.method, failure.seconds) == ("await_", 5.0)


@pytest.mark.conforms("ex.task.025")
@pytest.mark.expected_crash(reason=ModuleNotFoundError)
async def test_awaiting_a_function_of_a_module_that_is_missing_fails_with_its_name(probe: Probe) -> None:
    async def work() -> object:
        return importlib.import_module("no_such_module").work()

    failure = await failure_of(probe, lambda: Task.run(work).await_())

    assert isinstance(failure.reason, ModuleNotFoundError)
    assert failure.reason.name == "no_such_module"


@pytest.mark.conforms("ex.task.026")
@pytest.mark.expected_crash(reason=AttributeError)
async def test_awaiting_a_function_that_is_missing_fails_with_its_name(probe: Probe) -> None:
    async def work() -> object:
        return importlib.import_module("asyncio").no_such_function()

    failure = await failure_of(probe, lambda: Task.run(work).await_())

    assert isinstance(failure.reason, AttributeError)
    assert "no_such_function" in str(failure)


@pytest.mark.conforms("ex.task.027")
async def test_awaiting_a_task_that_exits_fails_with_its_reason(probe: Probe) -> None:
    failure = await failure_of(probe, lambda: Task.run(leave, "unknown").await_())

    assert (failure.reason, isinstance(failure, ServerDown)) == ("unknown", True)


@pytest.mark.conforms("ex.task.029")
async def test_only_the_owner_may_await(probe: Probe) -> None:
    task = Task.run(endless)

    with pytest.raises(NotOwner) as caught:
        await in_probe(probe, task.await_)

    assert isinstance(caught.value, (GreenroomError, ValueError))
    assert str(task.owner) in str(caught.value)
    assert str(probe.ref) in str(caught.value)
    await task.shutdown()


async def test_who_waits_in_another_asyncio_task_is_told_how_to_wait_instead() -> None:
    tasks = [Task.run(answer), Task.run(answer)]

    with pytest.raises(NotOwner, match=r"use Task.await_many and await_.seconds"):
        await asyncio.gather(*(task.await_() for task in tasks))

    await Task.await_many(tasks)


@pytest.mark.parametrize("seconds", [0, 5])
async def test_awaiting_twice_fails_at_once(seconds: float) -> None:
    task = Task.run(answer)
    await task.await_()

    with pytest.raises(TaskTimeout, match="still has an answer"):
        await task.await_(seconds)


async def test_a_task_that_calls_the_owner_who_awaits_it_finds_the_circle() -> None:
    class Venue(GenServer):
        async def doors(self) -> str:
            return "19:00"

        async def refresh(self) -> object:
            ref = self.ref

            async def ask() -> object:
                try:
                    return await ref.call(Venue.doors)
                except Deadlock as error:
                    return error

            return await Task.run(ask).await_()

    venue = await Venue.start()

    assert isinstance(await venue.call(Venue.refresh), Deadlock)
    await venue.stop()


async def test_asking_without_waiting_lets_the_task_go_on() -> None:
    task = Task.run(asyncio.sleep, 0, "done")

    outcomes = [await task.yield_(0) for _ in range(10)]

    assert Done("done") in outcomes


# Awaiting many.


@pytest.mark.conforms("ex.task.030")
async def test_awaiting_many_gives_all_answers() -> None:
    assert await Task.await_many([Task.run(answer, 1), Task.run(answer, 3), Task.run(answer, 9)]) == [1, 3, 9]


@pytest.mark.conforms("ex.task.031")
async def test_awaiting_many_keeps_the_order_of_the_tasks() -> None:
    gates = [asyncio.Event() for _ in range(3)]

    async def work(number: int) -> int:
        await gates[number].wait()
        return number

    async def open_gates() -> None:
        for number in (1, 2, 0):
            gates[number].set()
            await settle()

    opening = asyncio.create_task(open_gates())

    assert await Task.await_many([Task.run(work, number) for number in range(3)]) == [0, 1, 2]
    await opening


@pytest.mark.conforms("ex.task.032")
async def test_awaiting_none_answers_at_once() -> None:
    assert await Task.await_many([]) == []


@pytest.mark.conforms("ex.task.033")
async def test_awaiting_many_leaves_the_messages_of_the_owner_alone() -> None:
    other = spawn(endless)

    async def owner() -> list[object]:
        me = current_process()
        watch = monitor(other)
        other.exit("kill")
        me.send(other)
        me.send((other, "value"))
        await Task.await_many([Task.run(answer), Task.run(answer)])
        return [watch, [await receive(timeout=0) for _ in range(3)]]

    watch, messages = await in_a_process(owner)

    assert messages == [Down(watch, other, "killed"), other, (other, "value")]


@pytest.mark.conforms("ex.task.034")
async def test_of_two_answers_of_one_task_the_first_counts() -> None:
    place: Answer[str] = Answer()

    place.arrive(Done("first"))
    place.arrive(Done("second"))

    assert (place.take(), place.take()) == (Done("first"), None)


@pytest.mark.conforms("ex.task.035")
async def test_awaiting_many_in_no_time_fails_with_those_that_are_late() -> None:
    late, quick = Task.run(endless), await ended(Task.run(answer))

    with pytest.raises(TaskTimeout) as caught:
        await Task.await_many([late, quick], 0)

    assert (caught.value.target, caught.value.method, caught.value.seconds) == ([late], "await_many", 0)
    await late.shutdown()


@pytest.mark.conforms("ex.task.036")
async def test_awaiting_many_fails_when_one_leaves_in_good_order_without_an_answer() -> None:
    with pytest.raises(TaskDown) as caught:
        await Task.await_many([Task.run(leave, "normal")])

    assert caught.value.reason == "normal"


@pytest.mark.conforms("ex.task.037")
async def test_awaiting_many_fails_as_soon_as_one_fails() -> None:
    waiting = Task.run(endless)

    with pytest.raises(TaskDown) as caught:
        await Task.await_many([waiting, Task.run(leave, "normal")], None)

    assert caught.value.reason == "normal"
    await waiting.shutdown()


@pytest.mark.conforms("ex.task.038")
async def test_a_failed_await_of_many_leaves_nothing_behind(probe: Probe) -> None:
    waiting: list[Task[Any]] = []

    async def work() -> None:
        waiting.append(Task.run(endless))
        await Task.await_many([*waiting, Task.run(leave, "unknown")])

    failure = await failure_of(probe, work)
    assert failure.reason == "unknown"
    assert waiting[0].ref is not None
    waiting[0].ref.exit("kill")

    await probe.expect_no_message(Down)
    assert await probe.perform(lambda: waiting[0].yield_(0)) is None


@pytest.mark.conforms("ex.task.039")
@pytest.mark.expected_crash(reason=Thrown)
async def test_awaiting_many_fails_with_what_one_throws(probe: Probe) -> None:
    failure = await failure_of(probe, lambda: Task.await_many([Task.run(endless), Task.run(fail, Thrown())]))

    assert isinstance(failure.reason, Thrown)


@pytest.mark.conforms("ex.task.040")
@pytest.mark.expected_crash(reason=ValueError)
async def test_awaiting_many_fails_with_the_exception_of_one(probe: Probe) -> None:
    failure = await failure_of(probe, lambda: Task.await_many([Task.run(endless), Task.run(fail, ValueError("oops"))]))

    assert isinstance(failure.reason, ValueError)
    assert failure.__cause__ is failure.reason


@pytest.mark.conforms("ex.task.042")
async def test_awaiting_many_names_the_task_of_another_owner(probe: Probe) -> None:
    async def start() -> Task[object]:
        return Task.run(endless)

    own, foreign = Task.run(endless), await probe.perform(start)

    with pytest.raises(NotOwner) as caught:
        await Task.await_many([own, foreign])

    assert str(foreign) in str(caught.value)
    await own.shutdown()


async def test_a_task_may_be_awaited_twice_in_one_list() -> None:
    task = Task.run(answer, 1)

    assert await Task.await_many([task, task]) == [1, 1]
