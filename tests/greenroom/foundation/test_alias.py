import pytest

from greenroom import Alias, Down, alias, current_process, demonitor, monitor_with_alias, receive, spawn
from greenroom.testing import settle
from tests.greenroom.foundation.in_process import in_process


async def nothing_comes() -> None:
    with pytest.raises(TimeoutError):
        await receive(timeout=0)


async def wait() -> None:
    await receive()


@in_process
async def test_an_alias_takes_messages_for_its_process() -> None:
    address = alias()

    for word in ("one", "two"):
        address.send(word)

    assert [await receive(), await receive()] == ["one", "two"]
    assert address.active


@pytest.mark.conforms("ex.process.017")
@in_process
async def test_what_is_sent_to_an_alias_that_was_withdrawn_goes_nowhere() -> None:
    address = alias()

    assert address.withdraw() is True
    assert address.withdraw() is False
    address.send("late")

    await nothing_comes()


@pytest.mark.conforms("ex.process.018")
@in_process
async def test_an_alias_for_one_reply_takes_one() -> None:
    address = alias(once=True)

    address.send("first")
    address.send("second")

    assert await receive() == "first"
    await nothing_comes()


@pytest.mark.conforms("ex.process.005")
@in_process
async def test_a_reply_and_a_down_belong_to_one_monitor() -> None:
    async def answer() -> None:
        request = await receive()
        request.alias.send((request, "answer"))

    server = spawn(answer)
    watch = monitor_with_alias(server)
    server.send(watch)

    assert await receive() == (watch, "answer")
    assert await receive() == Down(watch, server, "normal")
    assert watch.alias.active


@in_process
async def test_a_reply_may_end_the_monitor() -> None:
    server = spawn(wait)
    watch = monitor_with_alias(server, "reply_demonitor")

    watch.alias.send("answer")
    watch.alias.send("another")
    await server.stop("shutdown")

    assert await receive() == "answer"
    await nothing_comes()


@in_process
async def test_the_end_of_the_other_may_withdraw_the_alias() -> None:
    server = spawn(wait)
    watches = [monitor_with_alias(server, mode) for mode in ("explicit", "demonitor", "reply_demonitor")]

    server.exit("kill")
    await settle()

    assert [watch.alias.active for watch in watches] == [True, False, False]
    assert [(await receive(Down)).monitor for _ in watches] == watches


@in_process
async def test_the_end_of_the_monitor_may_withdraw_the_alias() -> None:
    server = spawn(wait)
    watches = [monitor_with_alias(server, mode) for mode in ("explicit", "demonitor", "reply_demonitor")]

    for watch in watches:
        demonitor(watch)
        watch.alias.send("late")

    assert await receive() == "late"
    await nothing_comes()
    await server.stop("shutdown")


async def test_an_alias_of_a_process_that_ended_takes_nothing() -> None:
    addresses: list[Alias] = []

    def make() -> None:
        addresses.append(alias())
        addresses.append(monitor_with_alias(current_process(), "demonitor").alias)

    await spawn(make).down()

    for address in addresses:
        address.send("late")
    assert [address.active for address in addresses] == [True, False]
