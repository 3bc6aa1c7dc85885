import asyncio
from dataclasses import dataclass

import pytest

from greenroom import GenServer, Ref, child, list_services
from greenroom.testing import LeftBehind, Stage, Stuck, expected_crash, settle


@dataclass
class Lamp(GenServer):
    """Shines, and may burn out."""

    watts: int = 40

    async def shine(self) -> int:
        return self.watts

    async def burn_out(self) -> None:
        raise RuntimeError("dark")


async def start_lamp(watts: int = 40) -> Ref[Lamp]:
    return await child(Lamp, watts).named("lamp").start()


async def shine() -> int:
    return await Ref(Lamp, "lamp").call(Lamp.shine)


async def stop_lamp() -> None:
    await Ref(Lamp, "lamp").stop()


async def names() -> list[object]:
    return list(list_services())


def test_what_one_run_starts_is_there_in_the_next() -> None:
    with Stage() as stage:
        stage.run(start_lamp(60))
        assert stage.run(shine()) == 60
        stage.run(stop_lamp())


def test_two_stages_at_the_same_time_do_not_meet() -> None:
    with Stage("one") as one, Stage("two") as two:
        one.run(start_lamp(25))
        two.run(start_lamp(75))
        assert (one.run(shine()), two.run(shine())) == (25, 75)
        one.run(stop_lamp())
        assert (one.run(names()), two.run(names())) == ([], ["lamp"])
        two.run(stop_lamp())


def test_a_stage_is_in_a_namespace_named_for_its_test() -> None:
    with Stage("by hand") as stage:
        assert stage.name == "test:by hand"


def test_all_that_is_left_behind_is_listed() -> None:
    stage = Stage()
    stage.run(start_lamp())
    stage.run(leave_a_task())

    with pytest.raises(LeftBehind) as error:
        stage.close()

    assert [finding.split(":")[0] for finding in error.value.findings] == ["process", "task"]
    assert "expected the test to leave nothing behind, got:\n- process: <Lamp 'lamp'" in str(error.value)


async def leave_a_task() -> None:
    task = asyncio.create_task(asyncio.sleep(60), name="forgotten")
    task.add_done_callback(lambda _: None)


def test_a_stage_is_closed_once() -> None:
    stage = Stage()

    stage.close()
    stage.close()

    assert stage.loop.is_closed()


def test_nothing_is_said_of_what_a_failed_test_left_behind() -> None:
    stage = Stage()
    stage.run(start_lamp())

    stage.close(check=False)

    assert stage.loop.is_closed()


def test_a_stage_that_was_left_by_an_error_shows_the_error() -> None:
    with pytest.raises(ZeroDivisionError), Stage() as stage:  # noqa: PT012  # both are what the test is about
        stage.run(start_lamp())
        raise ZeroDivisionError


def test_a_crash_is_recorded_with_its_reason_and_its_report() -> None:
    stage = Stage()
    stage.run(start_lamp())
    stage.run(burn_out())

    with pytest.raises(LeftBehind, match="dark"):
        stage.close()

    assert [(type(crash.reason), crash.expected) for crash in stage.record.crashes] == [(RuntimeError, False)]
    assert "in burn_out" in stage.record.crashes[0].text


async def burn_out() -> None:
    Ref(Lamp, "lamp").cast(Lamp.burn_out)
    await settle()


def test_a_run_that_waits_for_nothing_is_stuck_and_the_stage_goes_on() -> None:
    with Stage(virtual_time=True) as stage:
        with pytest.raises(Stuck, match="expected the test to go on"):
            stage.run(asyncio.sleep(1))
        assert stage.run(names()) == []


def test_a_run_that_is_cancelled_for_another_reason_is_not_stuck() -> None:
    async def give_up() -> None:
        raise asyncio.CancelledError

    with Stage() as stage, pytest.raises(asyncio.CancelledError):
        stage.run(give_up())


def test_a_run_that_is_ended_from_outside_says_where_it_was() -> None:
    def time_is_up() -> None:
        raise KeyboardInterrupt

    async def sleep() -> None:
        asyncio.get_running_loop().call_soon(time_is_up)
        await asyncio.sleep(60)

    with Stage() as stage, pytest.raises(KeyboardInterrupt) as interrupt:
        stage.run(sleep())

    (note,) = interrupt.value.__notes__
    assert note.startswith("The run was over before its end:\n- the test waits in test_a_run_that_is_ended")


@pytest.mark.parametrize("virtual_time", [False, True])
def test_sockets_work_whatever_the_clock_says(virtual_time: bool) -> None:
    with Stage(virtual_time=virtual_time) as stage:
        assert stage.run(echo(b"hello\n")) == b"hello\n"


async def echo(line: bytes) -> bytes:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(line)
        answer = await reader.readline()
        writer.close()
        await writer.wait_closed()
    await settle()
    return answer


async def test_a_crash_may_be_expected_in_the_middle_of_a_test(stage: Stage) -> None:
    await start_lamp()

    with expected_crash(RuntimeError) as crashes:
        await burn_out()

    assert crashes == stage.record.crashes
