"""Tasks that are yielded to, ignored, or shut down: what came of them, and what becomes of them."""

import asyncio
from typing import Any

import pytest

from greenroom import (
    Done,
    Exited,
    NotOwner,
    Task,
    TaskTimeout,
)
from greenroom.testing import Probe, settle
from tests.greenroom.foundation.errand import (
    answer,
    ended,
    ended_after_answering,
    endless,
    in_probe,
    killed,
    leave,
    trapping,
)


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


@pytest.mark.parametrize(("how", "outcome"), [("nothing", None), ("ignore", None), ("kill_task", Exited("noproc"))])
async def test_a_task_whose_outcome_was_taken_is_late_from_the_beginning(how: Any, outcome: object) -> None:
    taken, quick = await ended(Task.run(answer)), Task.run(answer)
    await taken.await_()

    assert await Task.yield_many([taken], None, on_timeout=how) == [(taken, outcome)]
    assert await Task.yield_many([taken, quick], None, on_timeout=how) == [(taken, outcome), (quick, Done("done"))]


async def test_a_task_whose_outcome_was_taken_does_not_count_for_a_limit() -> None:
    taken, quick, slow = await ended(Task.run(answer)), Task.run(answer), Task.run(endless)
    await taken.await_()

    found = await Task.yield_many([taken, quick, slow], None, limit=1, on_timeout="kill_task")

    assert found == [(taken, None), (quick, Done("done")), (slow, None)]
    assert slow.ref is not None
    assert slow.ref.alive
    await slow.shutdown()


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
