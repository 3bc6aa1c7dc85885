import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest

from greenroom import (
    AlreadyStarted,
    Down,
    Exit,
    GenServer,
    Global,
    NotRunning,
    OutsideProcess,
    Ref,
    Registry,
    Task,
    TimerCancelled,
    Via,
    cancel_timer,
    child,
    current_process,
    demonitor,
    get_label,
    link,
    list_processes,
    list_services,
    monitor,
    monotonic,
    namespace,
    now,
    process_dictionary,
    process_info,
    receive,
    register_name,
    send_after,
    send_at,
    set_label,
    sleep,
    spawn,
    trap_exit,
    unlink,
    unregister_name,
    whereis,
)
from greenroom.foundation.namespace import Name
from greenroom.testing import Probe, Stage, Tree, VirtualClock, settle
from tests.greenroom.foundation.in_process import in_process


async def wait() -> None:
    await receive(lambda message: False)


def set_timer(ref: Ref[Any]) -> None:
    send_after(ref, "tick", 1)


class Idle(GenServer):
    async def who(self) -> Ref[Any]:
        return current_process()


@pytest.mark.parametrize(
    "ask",
    [current_process, process_dictionary, lambda: set_label("x"), get_label, trap_exit],
    ids=["current_process", "process_dictionary", "set_label", "get_label", "trap_exit"],
)
async def test_what_needs_a_process_says_so_outside_of_one(ask: Callable[[], object]) -> None:
    with pytest.raises(OutsideProcess, match="works only inside a running process"):
        ask()


async def test_a_server_is_a_process_as_well(tree: Tree) -> None:
    idle = await tree.start(Idle)

    assert await idle.call(Idle.who) is idle.where()


@pytest.mark.conforms("ex.process.001", "ex.process.002")
@in_process
async def test_a_process_has_a_dictionary_of_its_own() -> None:
    other: list[object] = []
    process_dictionary()["foo"] = "bar"

    await spawn(lambda: other.append(process_dictionary())).down()

    assert other == [{}]
    assert process_dictionary() == {"foo": "bar"}
    assert process_dictionary().pop("foo") == "bar"
    assert process_dictionary().get("foo") is None


@pytest.mark.conforms("ex.process.006")
@in_process
async def test_to_sleep_for_no_time_lets_others_run() -> None:
    seen: list[str] = []
    process = spawn(seen.append, "other")

    await sleep(0)

    assert seen == ["other"]
    await process.down()


@pytest.mark.conforms("ex.process.007")
@pytest.mark.parametrize("seconds", [2.0**32 / 1000, 1e9, None])
async def test_a_process_may_sleep_for_very_long(clock: VirtualClock, seconds: float | None) -> None:
    sleeper = spawn(sleep, seconds)

    await clock.advance(100)

    assert sleeper.alive
    await sleeper.stop("shutdown")


async def test_a_process_wakes_in_time(clock: VirtualClock) -> None:
    sleeper = spawn(sleep, 10)

    await clock.advance(9.9)
    assert sleeper.alive
    await clock.advance(0.2)
    assert not sleeper.alive


@pytest.mark.conforms("ex.process.010")
@in_process
async def test_a_message_is_sent_later(clock: VirtualClock) -> None:
    send_after(current_process(), "hello", 0.01)

    assert await receive() == "hello"
    assert clock.monotonic() == pytest.approx(0.01)


@pytest.mark.conforms("ex.process.011")
@in_process
async def test_a_message_is_sent_at_a_moment(clock: VirtualClock) -> None:
    await sleep(5)
    send_at(current_process(), "hello", monotonic() + 0.01)

    assert await receive() == "hello"
    assert clock.monotonic() == pytest.approx(5.01)


@in_process
async def test_a_message_for_a_moment_that_is_over_is_sent_at_once(clock: VirtualClock) -> None:
    await sleep(5)
    send_at(current_process(), "hello", 1)

    assert await receive(timeout=1) == "hello"


async def test_the_time_of_day_is_that_of_the_clock(clock: VirtualClock) -> None:
    before = now()

    await clock.advance(5)

    assert now() == clock.now() == before + timedelta(seconds=5)


@pytest.mark.conforms("ex.process.012")
@in_process
async def test_a_timer_is_read_and_cancelled(clock: VirtualClock) -> None:
    timer = send_after(current_process(), "hello", 100)
    await sleep(40)

    assert timer.remaining == pytest.approx(60)
    assert timer.cancel() == pytest.approx(60)
    assert timer.remaining is None
    await sleep(100)
    with pytest.raises(TimeoutError):
        await receive(timeout=0)


@pytest.mark.conforms("ex.process.013")
@in_process
async def test_a_timer_that_has_fired_has_no_time_left() -> None:
    timer = send_after(current_process(), "hello", 0)

    assert await receive() == "hello"
    assert timer.remaining is None
    assert timer.cancel() is None


@pytest.mark.conforms("ex.process.014")
@in_process
async def test_the_result_of_cancelling_may_come_as_a_message(clock: VirtualClock) -> None:
    timer = send_after(current_process(), "hello", 100)

    assert cancel_timer(timer, inform=True) == 100
    assert await receive() == TimerCancelled(timer, 100)
    assert cancel_timer(timer) is None


async def test_a_timer_runs_on_where_nobody_can_be_informed_of_its_end() -> None:
    timer = send_after(Ref(GenServer, "nobody"), "hello", 100)

    with pytest.raises(OutsideProcess):
        cancel_timer(timer, inform=True)

    assert timer.cancel() is not None


async def test_a_timer_for_a_process_goes_with_it(tree: Tree) -> None:
    process = spawn(wait)
    timer = send_after(process, "hello", 100)

    await process.stop("shutdown")

    assert timer.remaining is None


async def test_a_timer_for_a_process_that_is_gone_is_over(stage: Stage) -> None:
    process = spawn(lambda: None)
    await process.down()

    timer = send_after(process, "hello", 100)

    assert (timer.remaining, timer.cancel(), len(stage.scheduler.timers)) == (None, None, 0)


async def test_a_timer_for_a_name_finds_who_holds_it_then(clock: VirtualClock, probe: Probe) -> None:
    with namespace("elsewhere"):
        timer = send_after(Ref(Idle, "probe"), "hello", 1)
    with namespace("elsewhere"):
        await spawn_named("probe", probe)

    await clock.advance(1)

    assert timer.remaining is None
    await probe.expect_message("hello")


async def spawn_named(name: str, probe: Probe) -> None:
    async def pass_on() -> None:
        probe.ref.send(await receive())

    register_name(name, spawn(pass_on))


@pytest.mark.conforms("ex.process.015")
@in_process
async def test_a_normal_exit_signal_ends_nobody_else() -> None:
    trap_exit()
    process = spawn(wait)
    link(process)

    process.exit("normal")
    await settle()
    assert process.alive
    process.exit("abnormal")

    assert await receive(Exit) == Exit(process, "abnormal")


@pytest.mark.conforms("ex.process.016")
async def test_a_process_ends_itself_with_a_normal_exit_signal() -> None:
    async def end() -> None:
        current_process().exit("normal")
        await wait()

    assert await spawn(end).down() == "normal"


@in_process
async def test_a_process_that_traps_exits_hears_its_own_signal() -> None:
    assert trap_exit() is False
    current_process().exit("normal")

    assert await receive() == Exit(current_process(), "normal")
    assert trap_exit(False) is True


@in_process
async def test_a_link_is_undone_from_both_sides() -> None:
    process = spawn(wait)
    link(process)

    unlink(process)
    process.exit("abnormal")

    assert await process.down() in ("abnormal", "noproc")


@in_process
async def test_a_link_to_nobody_ends_who_asks_for_it() -> None:
    dead = spawn(lambda: None)
    await dead.down()

    steps: list[str] = []

    async def ask() -> None:
        steps.append("before")
        link(dead)
        steps.append("after")

    assert await spawn(ask).down() == "noproc"
    assert steps == ["before"]
    trap_exit()
    link(dead)
    assert await receive(Exit) == Exit(dead, "noproc")


@in_process
async def test_a_monitor_tells_of_the_end_once() -> None:
    process = spawn(wait)
    kept, dropped = monitor(process), monitor(process)
    demonitor(dropped)

    process.exit("abnormal")
    await process.down()

    assert await receive() == Down(kept, process, "abnormal")
    assert (await receive_down(process)).reason == "noproc"
    with pytest.raises(TimeoutError):
        await receive(timeout=0)


async def receive_down(process: Ref[Any]) -> Down:
    watch = monitor(process)
    down: Down = await receive(lambda message: isinstance(message, Down) and message.monitor is watch)
    return down


@in_process
async def test_a_link_to_a_name_that_nobody_holds_says_so() -> None:
    trap_exit()
    nobody = Ref(GenServer, "nobody")

    link(nobody)

    assert await receive(Exit) == Exit(nobody, "noproc")


@in_process
async def test_undoing_a_monitor_says_if_there_was_one() -> None:
    process = spawn(wait)
    watch = monitor(process)

    assert demonitor(watch) is True
    assert demonitor(watch) is False
    assert demonitor(monitor(current_process())) is False
    process.exit("kill")


@pytest.mark.parametrize("nonsense", ["name", None, 5])
@pytest.mark.parametrize("what", [link, unlink, monitor, process_info, set_timer])
@in_process
async def test_what_is_no_address_is_refused(what: Callable[[Any], object], nonsense: Any) -> None:
    with pytest.raises(TypeError, match=r"expected a Ref, as start answers and Ref.Server, name. makes, got"):
        what(nonsense)


@in_process
async def test_only_a_monitor_is_undone() -> None:
    with pytest.raises(TypeError, match="expected what monitor answered, got 5"):
        demonitor(cast(Any, 5))


@pytest.mark.parametrize("nonsense", [5, None, "wait"])
@pytest.mark.parametrize("run", [spawn, Task.run, Task.start, Task.child_spec])
@in_process
async def test_what_is_no_function_is_refused_where_it_is_given(run: Callable[[Any], object], nonsense: Any) -> None:
    with pytest.raises(TypeError, match="expected a function, and its arguments apart from it, got"):
        run(nonsense)


@in_process
async def test_a_call_of_a_function_is_no_function() -> None:
    called = wait()

    with pytest.raises(TypeError, match="its arguments apart from it, got <coroutine object wait"):
        spawn(cast(Any, called))
    called.close()


@in_process
async def test_a_down_that_waits_is_dropped_with_its_monitor() -> None:
    process = spawn(wait)
    watch = monitor(process)
    process.exit("kill")
    await settle()

    assert demonitor(watch) is False

    with pytest.raises(TimeoutError):
        await receive(timeout=0)


@pytest.mark.conforms("ex.process.019", "ex.process.020")
@in_process
async def test_a_process_has_a_label() -> None:
    process = spawn(wait)
    assert get_label() is None

    set_label({"seat": 7})

    assert get_label() == get_label(current_process()) == {"seat": 7}
    assert get_label(process) is None
    await process.stop("shutdown")
    assert get_label(process) is None


@in_process
async def test_a_running_process_gets_a_name() -> None:
    process = spawn(wait)

    register_name("waiter", process)

    assert whereis("waiter") is process
    assert list_services()["waiter"] is process
    with pytest.raises(AlreadyStarted):
        register_name("waiter", current_process())
    with pytest.raises(ValueError, match="expected a process without a name"):
        register_name("another", process)
    unregister_name("waiter")
    assert whereis("waiter") is None
    register_name("another", process)
    await process.stop("shutdown")
    assert whereis("another") is None


@in_process
async def test_a_process_has_other_names_beside_the_one_of_its_namespace() -> None:
    registry = await child(Registry).named("names").start()
    process = await child(Idle).named(Via("names", "first")).start()
    names: list[Name] = ["local", Via("names", "second"), Global("everywhere")]

    for name in names:
        register_name(name, process)
    with pytest.raises(ValueError, match="expected a process without a name"):
        register_name("another", process)

    assert [whereis(name) for name in names] == [process] * 3
    assert process_info(process).name == Via("names", "first")  # type: ignore[union-attr]
    unregister_name(names[1])
    assert [whereis(name) for name in names] == [process, None, process]
    await process.stop()
    assert [whereis(name) for name in [*names, Via("names", "first")]] == [None] * 4
    await registry.stop()


@in_process
async def test_only_a_name_that_is_held_is_taken_back_and_only_a_living_process_gets_one() -> None:
    process = spawn(lambda: None)
    await process.down()

    with pytest.raises(ValueError, match="expected a name that a process holds"):
        unregister_name("waiter")
    with pytest.raises(NotRunning):
        register_name("waiter", process)
    assert whereis("waiter") is None


async def test_the_living_are_listed_by_namespace(tree: Tree) -> None:
    idle = await tree.start(Idle)
    process = spawn(wait)
    with namespace("elsewhere"):
        other = spawn(wait)

    assert {idle.where(), process} <= set(list_processes())
    assert other not in list_processes()
    assert list_processes("elsewhere") == [other]
    for each in (process, other):
        each.exit("kill")
    assert list_processes("elsewhere") == []
    assert process not in list_processes()


async def test_a_start_that_fails_leaves_nobody_in_the_list() -> None:
    class Late(GenServer):
        async def init(self) -> None:
            await asyncio.sleep(0)
            self.stop("shutdown")

    with pytest.raises(Exception, match="did not start"):
        await Late.start()

    assert list_processes() == []
