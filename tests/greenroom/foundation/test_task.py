"""Tasks: how they start, whom they are linked to, and what is reported of them."""

import asyncio
import gc
import logging
from typing import Any, NoReturn

import pytest

from greenroom import (
    Done,
    Down,
    Exit,
    Exited,
    Ref,
    Supervisor,
    Task,
    TaskDown,
    current_process,
    exit_with,
    list_processes,
    monitor,
    set_label,
    spawn,
)
from greenroom.foundation.child import child_spec
from greenroom.testing import Probe, settle
from tests.greenroom.foundation.errand import (
    answer,
    ended,
    endless,
    fail,
    failure_of,
    in_a_process,
    killed,
    leave,
)


@pytest.mark.conforms("ex.task.001")
async def test_a_supervisor_starts_a_task_among_its_children() -> None:
    ran = asyncio.Event()

    async def work() -> None:
        ran.set()

    tree = await Supervisor.start([(Task, work)], strategy="one_for_one")

    await ran.wait()
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
    tree = await Supervisor.start([Task.child_spec(endless).named("poller")], strategy="one_for_one")

    assert Ref(Task, "poller").alive
    await tree.stop()


async def test_a_permanent_task_runs_again_when_it_is_through() -> None:
    runs: list[int] = []

    async def work() -> None:
        runs.append(len(runs))
        if len(runs) == 2:
            await endless()

    tree = await Supervisor.start([Task.child_spec(work).restart("permanent")], strategy="one_for_one")
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
    assert (report["function"], report["arguments"]) == ("fail", f"error={error!r}")
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
async def test_a_report_shows_no_secrets_of_the_arguments(caplog: pytest.LogCaptureFixture) -> None:
    async def sign_in(name: str, password: str, *, token: str) -> NoReturn:
        raise ValueError(name)

    await ended(Task.run(sign_in, "Nina", "Summertime", token="Strange Fruit"))

    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "arguments: name='Nina', password='[redacted]', token='[redacted]'" in record.getMessage()


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
    assert "'key': 1" in record.getMessage()
    assert len(record.getMessage()) < 1000


async def test_a_task_that_is_killed_is_no_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    await killed()

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
