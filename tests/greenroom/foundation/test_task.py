"""Tasks: one function in a process of its own, and an answer for its owner alone."""

import asyncio
import gc
import importlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import pytest

from greenroom import (
    CallTimeout,
    Deadlock,
    Done,
    Down,
    Exit,
    Exited,
    GenServer,
    GreenroomError,
    NotOwner,
    Ref,
    ServerDown,
    Supervisor,
    Task,
    TaskDown,
    TaskTimeout,
    current_process,
    exit_with,
    list_processes,
    monitor,
    receive,
    set_label,
    spawn,
    trap_exit,
)
from greenroom.foundation.answer import Answer
from greenroom.foundation.child import child_spec
from greenroom.testing import Probe, VirtualClock, settle


class Thrown(BaseException):
    """What no `except Exception` stops."""


async def answer(value: object = "done") -> object:
    return value


async def endless() -> object:
    return await asyncio.Event().wait()


async def leave(reason: object) -> None:
    exit_with(reason)


async def fail(error: BaseException) -> NoReturn:
    raise error


async def trapping() -> None:
    trap_exit()
    await endless()


async def answer_at_the_last_moment() -> str:
    try:
        await endless()
    except asyncio.CancelledError:
        pass
    return "done"


async def ended(task: Task[Any]) -> Task[Any]:
    """The task, once its process is gone."""
    assert task.ref is not None
    await task.ref.down()
    return task


async def ended_after_answering(reason: object) -> Task[Any]:
    """A task whose answer is there, and whose process ended for this reason all the same."""
    if reason == "normal":
        return await ended(Task.run(answer))
    task = Task.run(answer_at_the_last_moment)
    assert task.ref is not None
    await settle()
    task.ref.exit(reason)
    return await ended(task)


async def in_a_process(work: Callable[[], Awaitable[Any]]) -> Any:
    """What the work answers, when it is done by a process of its own."""
    answers: list[Any] = []

    async def body() -> None:
        answers.append(await work())

    reason = await spawn(body).down()
    assert reason == "normal", reason
    return answers[0]


# Starting.


@pytest.mark.conforms("ex.task.001")
async def test_a_supervisor_starts_a_task_among_its_children() -> None:
    ran = asyncio.Event()

    async def work() -> None:
        ran.set()

    tree = await Supervisor.start([(Task, work)])

    await asyncio.wait_for(ran.wait(), 1)
    await tree.stop()


@pytest.mark.conforms("ex.task.002")
async def test_the_spec_of_a_task_is_temporary_and_runs_its_function() -> None:
    spec = child_spec((Task, answer))

    assert (spec.options.restart, spec.start_function, spec.args) == ("temporary", answer, ())
    assert spec.child_id is answer
    assert child_spec((Task, answer)).options.shutdown is None


@pytest.mark.conforms("ex.task.003")
async def test_what_the_spec_of_a_task_is_told_wins() -> None:
    spec = Task.child_spec(answer, 1).id("poller").restart("permanent").shutdown("infinity").named("poll")

    assert (spec.child_id, spec.options.restart, spec.options.shutdown) == ("poller", "permanent", "infinity")
    assert (spec.start_function, spec.args, spec.name) == (answer, (1,), "poll")


def test_the_spec_of_a_task_may_be_written_down_where_nothing_runs() -> None:
    assert Task.child_spec(answer).callers == ()


async def test_a_named_task_in_a_tree_is_found_by_its_name() -> None:
    tree = await Supervisor.start([Task.child_spec(endless).named("poller")])

    assert Ref(Task, "poller").alive
    await tree.stop()


async def test_a_permanent_task_runs_again_when_it_is_through() -> None:
    runs: list[int] = []

    async def work() -> None:
        runs.append(len(runs))
        if len(runs) == 2:
            await endless()

    tree = await Supervisor.start([Task.child_spec(work).restart("permanent")])
    await settle()

    assert runs == [0, 1]
    await tree.stop()


@pytest.mark.conforms("ex.task.004")
async def test_a_task_has_a_process_of_its_own_that_is_linked_to_the_owner(probe: Probe) -> None:
    async def work() -> tuple[Task[Any], Task[Any]]:
        return Task.run(endless), Task.run(endless)

    probe.trap_exit()
    first, second = await probe.perform(work)

    assert first.ref is not None
    assert second.ref is not None
    assert (first.function, first.ref.alive, first.ref == second.ref) == (endless, True, False)
    first.ref.exit("oops")
    second.ref.exit("oops")
    assert (await probe.expect_message(Exit)).ref is first.ref
    assert (await probe.expect_message(Exit)).ref is second.ref


async def test_a_crash_of_a_task_brings_its_owner_down() -> None:
    async def owner() -> None:
        await Task.run(leave, "oops").await_()

    assert await spawn(owner).down() == "oops"


async def test_a_crash_of_the_owner_brings_its_tasks_down() -> None:
    tasks: list[Task[Any]] = []

    async def owner() -> None:
        tasks.append(Task.run(endless))
        exit_with("oops")

    await spawn(owner).down()

    assert tasks[0].ref is not None
    assert not tasks[0].ref.alive


async def test_tasks_end_when_the_asyncio_task_that_owns_them_is_cancelled() -> None:
    tasks: list[Task[Any]] = []

    async def owner() -> None:
        tasks.append(Task.run(endless))
        await tasks[0].await_(None)

    plain = asyncio.create_task(owner())
    await settle()
    plain.cancel()
    await settle()

    assert tasks[0].ref is not None
    assert not tasks[0].ref.alive


@pytest.mark.expected_crash(reason=ValueError)
async def test_tasks_end_with_the_error_of_the_asyncio_task_that_owns_them() -> None:
    error = ValueError("oops")
    tasks: list[Task[Any]] = []

    async def owner() -> None:
        tasks.extend([Task.run(endless), Task.run(endless)])
        tasks[1].ignore()
        raise error

    with pytest.raises(ValueError, match="oops"):
        await asyncio.create_task(owner())
    await settle()

    [ignored] = list_processes()
    assert ignored is tasks[1].ref
    assert tasks[0].answer.outcome == Exited(error)
    ignored.exit("kill")


async def test_the_error_of_an_asyncio_task_that_owned_tasks_is_still_reported_if_nobody_looks() -> None:
    complaints: list[object] = []

    async def owner() -> None:
        await Task.run(answer).await_()
        raise ValueError("oops")

    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
    plain = asyncio.create_task(owner())
    await asyncio.wait({plain})
    del plain
    gc.collect()

    assert complaints == ["Task exception was never retrieved"]


async def test_tasks_outlive_an_asyncio_task_that_is_through_as_they_outlive_a_process_that_ends_normally() -> None:
    async def owner() -> Task[Any]:
        return Task.run(endless)

    task = await asyncio.create_task(owner())
    await settle()

    assert task.ref is not None
    assert task.ref.alive
    task.ref.exit("shutdown")
    await settle()


@pytest.mark.expected_crash(reason=ValueError)
async def test_plain_asyncio_code_learns_of_a_crash_where_it_awaits() -> None:
    task = Task.run(fail, ValueError("no such page"))

    await settle()

    with pytest.raises(TaskDown, match="no such page") as caught:
        await task.await_()
    assert caught.value.__cause__ is caught.value.reason


@pytest.mark.conforms("ex.task.005")
async def test_the_answer_is_there_before_the_end_is_told_and_never_in_a_mailbox(probe: Probe) -> None:
    async def work() -> tuple[Task[object], object]:
        task = Task.run(answer)
        assert task.ref is not None
        return task, monitor(task.ref)

    task, watch = await probe.perform(work)

    assert await probe.expect_message(Down) == Down(watch, task.ref, "normal")  # type: ignore[arg-type]
    assert await probe.perform(lambda: task.yield_(0)) == Done("done")
    assert probe.messages == []


@pytest.mark.conforms("ex.task.006")
async def test_a_function_gets_the_arguments_that_follow_it() -> None:
    async def power(base: int, *, exponent: int) -> int:
        return int(base**exponent)

    assert await Task.run(power, 2, exponent=10).await_() == 1024


@pytest.mark.conforms("ex.task.007")
async def test_a_task_knows_who_asked_for_it_and_who_asked_for_that_one(probe: Probe) -> None:
    async def callers() -> object:
        return Task.callers()

    async def outer() -> tuple[object, object]:
        return current_process(), await Task.run(callers).await_()

    parent, found = await probe.perform(lambda: Task.run(outer).await_())

    assert found == (parent, probe.ref)


async def test_nobody_asked_for_what_is_no_task() -> None:
    assert Task.callers() == ()


@pytest.mark.conforms("ex.task.008")
async def test_start_runs_a_function_that_nobody_waits_for() -> None:
    ran: list[str] = []

    async def owner() -> Ref[object]:
        async def work() -> NoReturn:
            ran.append("ran")
            exit_with("oops")

        ref = Task.start(work)
        await ref.down()
        return ref

    assert not (await in_a_process(owner)).alive
    assert ran == ["ran"]


@pytest.mark.conforms("ex.task.009")
async def test_start_gives_the_arguments_that_follow_to_the_function() -> None:
    got: list[tuple[int, int]] = []

    async def work(first: int, *, second: int) -> None:
        got.append((first, second))

    async def owner() -> None:
        await Task.start(work, 1, second=2).down()

    await in_a_process(owner)

    assert got == [(1, 2)]


@pytest.mark.conforms("ex.task.010")
async def test_a_completed_task_answers_without_a_process() -> None:
    task = Task.completed("done")

    assert task.ref is None
    assert await task.await_() == "done"


@pytest.mark.conforms("ex.task.011")
async def test_start_link_runs_a_function_that_ends_its_starter_if_it_crashes() -> None:
    async def owner() -> None:
        Task.start_link(leave, "oops")
        await endless()

    assert await spawn(owner).down() == "oops"


@pytest.mark.conforms("ex.task.012")
async def test_start_link_gives_the_arguments_that_follow_to_the_function(probe: Probe) -> None:
    got: list[tuple[int, int]] = []

    async def work(first: int, *, second: int) -> None:
        got.append((first, second))

    async def owner() -> Ref[object]:
        return Task.start_link(work, 1, second=2)

    probe.trap_exit()
    ref = await probe.perform(owner)

    assert (await probe.expect_message(Exit)) == Exit(ref, "normal")
    assert got == [(1, 2)]


@pytest.mark.conforms("ex.task.013")
async def test_a_started_task_knows_who_asked_for_it_too(probe: Probe) -> None:
    found: list[object] = []

    async def inner() -> None:
        found.append(Task.callers())

    async def outer() -> None:
        found.append(current_process())
        await Task.start_link(inner).down()

    await probe.perform(lambda: Task.start_link(outer).down())

    assert found == [found[0], (found[0], probe.ref)]


# Ignoring.


@pytest.mark.conforms("ex.task.014")
async def test_ignoring_a_task_that_has_answered_gives_the_answer_and_ends_the_wait_for_it() -> None:
    task = await ended(Task.run(answer))

    assert task.ignore() == Done("done")
    with pytest.raises(TaskTimeout):
        await task.await_(0)


@pytest.mark.conforms("ex.task.015")
async def test_the_late_answer_of_an_ignored_task_is_dropped() -> None:
    go = asyncio.Event()
    task = Task.run(go.wait)

    assert task.ignore() is None
    go.set()
    await ended(task)
    with pytest.raises(TaskTimeout):
        await task.await_(0)


@pytest.mark.conforms("ex.task.016")
async def test_ignoring_a_task_that_has_exited_gives_its_reason(probe: Probe) -> None:
    async def work() -> object:
        return (await ended(Task.run(leave, "oops"))).ignore()

    probe.trap_exit()

    assert await probe.perform(work) == Exited("oops")


@pytest.mark.conforms("ex.task.017")
async def test_a_task_that_fails_after_it_was_ignored_tells_and_takes_nobody(probe: Probe) -> None:
    async def work() -> Task[Any]:
        task = Task.run(endless)
        task.ignore()
        return task

    task = await probe.perform(work)
    assert task.ref is not None
    task.ref.exit("oops")

    await probe.expect_no_message()
    assert probe.ref.alive
    assert await probe.perform(lambda: task.yield_(0)) is None


@pytest.mark.conforms("ex.task.019")
async def test_ignoring_a_completed_task_gives_its_value() -> None:
    assert Task.completed("done").ignore() == Done("done")


# Awaiting.


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


async def failure_of(probe: Probe, work: Callable[[], Awaitable[object]]) -> TaskDown:
    """How an await fails in a process that traps exits, and lives on."""

    async def catch() -> TaskDown:
        with pytest.raises(TaskDown) as caught:
            await work()
        return caught.value

    probe.trap_exit()
    return await probe.perform(catch)


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


async def in_probe(probe: Probe, work: Callable[[], Awaitable[object]]) -> object:
    """What the work does in the probe; its exceptions come back."""

    async def catch() -> BaseException | None:
        try:
            await work()
        except GreenroomError as error:
            return error
        return None

    error = await probe.perform(catch)
    if error is not None:
        raise error
    return None


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


# Yielding.


@pytest.mark.conforms("ex.task.043")
async def test_an_answer_counts_more_than_a_bad_end_after_it() -> None:
    task = await ended_after_answering("oops")

    assert await task.yield_(0) == Done("done")
    assert await task.yield_(0) is None


@pytest.mark.conforms("ex.task.044")
async def test_yielding_gives_nothing_while_there_is_no_outcome() -> None:
    go = asyncio.Event()
    task = Task.run(go.wait)

    assert await task.yield_(0) is None
    go.set()
    assert await task.yield_() == Done(True)


@pytest.mark.conforms("ex.task.045")
async def test_yielding_to_a_task_that_leaves_gives_its_reason() -> None:
    assert await Task.run(leave, "normal").yield_() == Exited("normal")


@pytest.mark.conforms("ex.task.047")
async def test_only_the_owner_may_yield(probe: Probe) -> None:
    task = Task.completed("done")

    with pytest.raises(NotOwner):
        await in_probe(probe, task.yield_)


@pytest.mark.conforms("ex.task.048")
async def test_yielding_to_many_an_answer_counts_more_than_a_bad_end_after_it() -> None:
    task = await ended_after_answering("oops")

    assert await Task.yield_many([task], 0) == [(task, Done("done"))]
    assert await Task.yield_many([task], 0) == [(task, None)]


@pytest.mark.conforms("ex.task.049")
async def test_yielding_to_many_gives_nothing_for_those_without_an_outcome() -> None:
    task = Task.run(endless)

    assert await Task.yield_many([task], 0) == [(task, None)]
    await task.shutdown()


@pytest.mark.conforms("ex.task.050")
async def test_yielding_to_many_kills_the_late_ones_if_asked_to(probe: Probe) -> None:
    async def work() -> tuple[Task[Any], object]:
        task = Task.run(endless)
        return task, await Task.yield_many([task], 0, on_timeout="kill_task")

    task, outcomes = await probe.perform(work)

    assert outcomes == [(task, None)]
    assert task.ref is not None
    assert not task.ref.alive
    assert probe.ref.alive


@pytest.mark.conforms("ex.task.051")
async def test_yielding_to_many_ignores_the_late_ones_if_asked_to() -> None:
    go = asyncio.Event()
    task = Task.run(go.wait)

    assert await Task.yield_many([task], 0, on_timeout="ignore") == [(task, None)]

    assert task.ref is not None
    assert task.ref.alive
    go.set()
    await ended(task)
    assert await task.yield_(0) is None


@pytest.mark.conforms("ex.task.052")
async def test_yielding_to_many_gives_the_reason_of_one_that_leaves() -> None:
    task = Task.run(leave, "normal")

    assert await Task.yield_many([task]) == [(task, Exited("normal"))]


@pytest.mark.conforms("ex.task.054")
async def test_only_the_owner_may_yield_to_many(probe: Probe) -> None:
    task = Task.completed("done")

    with pytest.raises(NotOwner):
        await in_probe(probe, lambda: Task.yield_many([task]))


async def three() -> list[Task[Any]]:
    """One that answered, one that is silent, one that left."""
    return [await ended(Task.run(answer)), Task.run(endless), await ended(Task.run(leave, "normal"))]


@pytest.mark.conforms("ex.task.055")
async def test_yielding_to_many_keeps_the_order_of_the_tasks() -> None:
    tasks = await three()

    assert await Task.yield_many(tasks, 0) == [*zip(tasks, [Done("done"), None, Exited("normal")], strict=True)]
    await tasks[1].shutdown()


@pytest.mark.conforms("ex.task.056")
async def test_yielding_to_many_gives_as_many_outcomes_as_it_is_limited_to() -> None:
    tasks = await three()

    found = await Task.yield_many(tasks, None, limit=1)
    rest = await Task.yield_many(tasks[1:], None, limit=1)

    assert [outcome for _, outcome in found] == [Done("done"), None, None]
    assert [outcome for _, outcome in rest] == [None, Exited("normal")]
    await tasks[1].shutdown()


async def test_a_limited_yield_gives_the_outcomes_that_came_first() -> None:
    go = asyncio.Event()
    late, early = Task.run(go.wait), await ended(Task.run(answer))
    go.set()
    await ended(late)

    assert await Task.yield_many([late, early], limit=1) == [(late, None), (early, Done("done"))]


@pytest.mark.conforms("ex.task.057")
async def test_a_limit_above_the_number_of_tasks_is_reached_when_all_have_an_outcome() -> None:
    task = Task.run(answer)

    assert await Task.yield_many([task], None, limit=2) == [(task, Done("done"))]


@pytest.mark.conforms("ex.task.058")
async def test_a_limit_that_is_reached_is_no_timeout() -> None:
    slow, quick = Task.run(endless), Task.run(answer)

    found = await Task.yield_many([slow, quick], None, limit=1, on_timeout="kill_task")

    assert found == [(slow, None), (quick, Done("done"))]
    assert slow.ref is not None
    assert slow.ref.alive
    assert await Task.yield_many([slow], 0, limit=1, on_timeout="kill_task") == [(slow, None)]
    assert not slow.ref.alive


@pytest.mark.conforms("ex.task.059")
async def test_yielding_to_many_without_a_limit_of_time_gives_what_is_there() -> None:
    tasks = [await ended(Task.run(answer)), await ended(Task.run(leave, "normal"))]

    found = await Task.yield_many(tasks, None)

    assert found == [*zip(tasks, [Done("done"), Exited("normal")], strict=True)]


async def test_a_task_may_be_yielded_to_twice_in_one_list() -> None:
    task = Task.run(answer, 1)

    assert await Task.yield_many([task, task]) == [(task, Done(1)), (task, Done(1))]


@pytest.mark.parametrize("settings", [{"on_timeout": "later"}, {"limit": 0}])
async def test_yielding_to_many_refuses_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        await Task.yield_many([], **settings)


# Shutting down.

ANY_REASON = pytest.mark.parametrize("reason", ["oops", "normal", "shutdown"])


@ANY_REASON
@pytest.mark.conforms("ex.task.060")
async def test_shutting_down_a_task_that_has_answered_gives_the_answer(reason: str) -> None:
    task = await ended_after_answering(reason)

    assert await task.shutdown() == Done("done")
    assert await task.yield_(0) is None


@pytest.mark.conforms("ex.task.061")
async def test_shutting_down_a_task_ends_it_and_gives_nothing(probe: Probe) -> None:
    async def work() -> tuple[Task[Any], object]:
        task = Task.run(endless)
        return task, await task.shutdown()

    task, outcome = await probe.perform(work)

    assert outcome is None
    assert task.ref is not None
    assert not task.ref.alive
    assert probe.ref.alive


@pytest.mark.parametrize("reason", ["oops", "normal"])
@pytest.mark.conforms("ex.task.062")
async def test_shutting_down_a_task_that_has_left_gives_its_reason(reason: str) -> None:
    assert await (await ended(Task.run(leave, reason))).shutdown() == Exited(reason)


@pytest.mark.conforms("ex.task.063")
async def test_a_shutdown_that_came_from_elsewhere_is_no_failure_either() -> None:
    assert await (await ended(Task.run(leave, "shutdown"))).shutdown() is None


@pytest.mark.conforms("ex.task.064")
async def test_shutting_down_a_task_that_was_killed_gives_that() -> None:
    assert await (await killed()).shutdown() == Exited("killed")


async def killed() -> Task[Any]:
    task = Task.run(endless)
    assert task.ref is not None
    task.ref.exit("kill")
    return await ended(task)


@pytest.mark.conforms("ex.task.066")
async def test_shutting_down_a_task_without_a_process_gives_what_is_there() -> None:
    gone: Task[str] = Task("elsewhere", Task.completed("").owner)
    gone.answer.arrive(Exited("oops"))

    assert await Task.completed("done").shutdown() == Done("done")
    assert await gone.shutdown() == Exited("oops")


@pytest.mark.conforms("ex.task.067")
async def test_only_the_owner_may_shut_down(probe: Probe) -> None:
    task = Task.completed("done")

    with pytest.raises(NotOwner):
        await in_probe(probe, task.shutdown)


@pytest.mark.conforms("ex.task.068")
async def test_a_brutal_shutdown_ends_a_task_that_traps_exits_and_leaves_nothing() -> None:
    task = Task.run(trapping)
    await settle()

    assert await task.shutdown("brutal_kill") is None
    assert task.ref is not None
    assert not task.ref.alive
    assert await task.yield_(0) is None


@pytest.mark.parametrize("timeout", [pytest.param(5.0, marks=pytest.mark.conforms("ex.task.069")), "brutal_kill"])
@pytest.mark.conforms("ex.task.075")
async def test_shutting_down_a_task_whose_outcome_was_taken_finds_nobody(timeout: Any) -> None:
    task = await ended(Task.run(leave, "oops"))
    await task.yield_()

    assert await task.shutdown(timeout) == Exited("noproc")


@ANY_REASON
@pytest.mark.conforms("ex.task.070")
async def test_a_brutal_shutdown_of_a_task_that_has_answered_gives_the_answer(reason: str) -> None:
    assert await (await ended_after_answering(reason)).shutdown("brutal_kill") == Done("done")


@pytest.mark.conforms("ex.task.071")
async def test_a_kill_that_came_from_elsewhere_is_what_a_brutal_shutdown_asks_for() -> None:
    assert await (await killed()).shutdown("brutal_kill") is None


@ANY_REASON
@pytest.mark.conforms("ex.task.072")
async def test_a_brutal_shutdown_of_a_task_that_has_left_gives_its_reason(reason: str) -> None:
    assert await (await ended(Task.run(leave, reason))).shutdown("brutal_kill") == Exited(reason)


@pytest.mark.conforms("ex.task.074")
async def test_a_task_that_ignores_its_shutdown_is_killed_when_its_time_is_up() -> None:
    task = Task.run(trapping)
    await settle()

    assert await task.shutdown(0.001) == Exited("killed")


async def test_an_ignored_task_can_still_be_shut_down() -> None:
    task = Task.run(endless)
    task.ignore()

    assert await task.shutdown() is None
    assert task.ref is not None
    assert not task.ref.alive


async def test_shutting_down_refuses_a_time_that_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="expected timeout to be seconds"):
        await Task.completed("done").shutdown("later")  # type: ignore[arg-type]


# Reports.


@pytest.mark.conforms("ex.task.log.001")
@pytest.mark.expected_crash(reason=ValueError)
async def test_one_report_says_which_task_crashed_who_started_it_what_it_ran_and_why(
    probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    error = ValueError("oops")
    await failure_of(probe, lambda: Task.run(fail, error).await_())

    record, *others = [record for record in caplog.records if record.levelno >= logging.ERROR]

    assert others == []
    report = vars(record)["report"]
    assert report["reason"] is error
    assert report["started by"] is probe.ref
    assert (report["function"], report["arguments"]) == ("fail", repr(error))
    assert str(report["process"]) in record.getMessage()
    assert str(probe.ref) in record.getMessage()


@pytest.mark.conforms("ex.task.log.002")
@pytest.mark.expected_crash(reason=ValueError)
async def test_a_report_says_the_label_of_a_task(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        set_label("the poller")
        raise ValueError("oops")

    await ended(Task.run(work))

    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert vars(record)["report"]["label"] == "the poller"
    assert "the poller" in record.getMessage()


@pytest.mark.expected_crash(reason=ValueError)
async def test_a_report_is_short_and_needs_no_argument_to_describe_itself(caplog: pytest.LogCaptureFixture) -> None:
    class Silent:
        def __repr__(self) -> str:
            raise RuntimeError("no comment")

    async def work(*_: object, **__: object) -> None:
        raise ValueError("oops")

    await ended(Task.run(work, Silent(), "long" * 1000, key=1))

    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "Silent" in record.getMessage()
    assert "key=1" in record.getMessage()
    assert len(record.getMessage()) < 1000


async def test_a_task_that_is_killed_is_no_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    await killed()

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
