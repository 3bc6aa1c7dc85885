import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from greenroom import (
    CallingSelf,
    CallTimeout,
    DynamicSupervisor,
    GenServer,
    NotRunning,
    Ref,
    Refused,
    ServerDown,
    Shown,
    Supervisor,
    TooManyChildren,
    change_settings,
    child,
    exit_with,
    get_state,
    get_status,
    health_check,
    receive,
    replace_state,
    resume,
    spawn,
    suspend,
)
from greenroom.testing import Tree, VirtualClock, settle
from tests.greenroom.foundation.in_process import in_process


@dataclass
class Counter(GenServer):
    count: int = 0
    limit: int = 100
    password: str = "Summertime"
    log: list[object] = field(default_factory=list[object], init=False, repr=False)

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise ValueError(f"expected limit to be at least 0, got {self.limit}")

    async def add(self, amount: int) -> int:
        self.count += amount
        self.log.append(amount)
        return self.count

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def look_at_itself(self) -> object:
        try:
            return await get_state(self.ref)
        except CallingSelf as error:
            return error

    async def handle_info(self, message: object) -> None:
        self.log.append(message)

    async def terminate(self, reason: object) -> None:
        for message in self.log:
            if isinstance(message, asyncio.Event):
                message.set()


ASKING: list[Callable[[Ref[Any]], Any]] = [
    get_state,
    get_status,
    suspend,
    resume,
    lambda ref: replace_state(ref, lambda state: state),
    change_settings,
]


@pytest.mark.parametrize("ask", ASKING)
async def test_nobody_is_there_to_be_asked(ask: Callable[[Ref[Any]], Any]) -> None:
    counter = await Counter.start()
    await counter.stop()

    for ref in (counter, Ref(Counter, "nobody")):
        with pytest.raises(NotRunning):
            await ask(ref)


async def test_the_state_is_a_copy_of_the_server(tree: Tree) -> None:
    counter = await tree.start(Counter, 1)

    state = await get_state(counter)
    state.count = 99

    assert isinstance(state, Counter)
    assert await counter.call(Counter.add, 1) == 2


async def test_the_state_is_asked_for_in_turn(tree: Tree, clock: VirtualClock) -> None:
    counter = await tree.start(Counter)
    counter.cast(Counter.wait, 3)
    counter.cast(Counter.add, 1)
    await settle()
    counter.cast(Counter.add, 2)

    asked = asyncio.ensure_future(get_state(counter))
    await settle()
    counter.cast(Counter.add, 4)
    await clock.advance(3)

    assert (await asked).count == 3


async def test_a_process_that_is_busy_for_too_long_is_not_waited_for(tree: Tree, clock: VirtualClock) -> None:
    counter = await tree.start(Counter)
    counter.cast(Counter.wait, 3)
    await settle()

    asked = asyncio.ensure_future(get_state(counter, timeout=2))
    await clock.advance(2)

    with pytest.raises(CallTimeout, match="to answer get_state within 2 s"):
        await asked


async def test_a_process_that_looks_at_itself_would_wait_for_ever(tree: Tree) -> None:
    counter = await tree.start(Counter)

    assert isinstance(await counter.call(Counter.look_at_itself), CallingSelf)


async def test_the_state_is_replaced(tree: Tree) -> None:
    counter = await tree.start(Counter, 1)

    state = await replace_state(counter, lambda state: replace(state, count=state.count + 10))

    assert state.count == 11
    assert await counter.call(Counter.add, 1) == 12


async def test_a_state_may_be_changed_in_place(tree: Tree) -> None:
    counter = await tree.start(Counter)

    def change(state: Counter) -> Counter:
        state.count = 5
        return state

    await replace_state(counter, change)

    assert (await get_state(counter)).count == 5


def clumsy_change(state: Counter) -> Counter:
    raise KeyError(state.count)


def giving_up(state: Counter) -> Counter:
    exit_with("given up")


CLUMSY: list[Callable[[Counter], Any]] = [clumsy_change, giving_up, lambda state: None, lambda state: 7]


@pytest.mark.parametrize("clumsy", CLUMSY)
async def test_a_state_that_is_none_is_refused_and_nothing_has_changed(tree: Tree, clumsy: Any) -> None:
    counter = await tree.start(Counter, 1)

    with pytest.raises(Refused, match="did not take another state"):
        await replace_state(counter, clumsy)

    assert await counter.call(Counter.add, 1) == 2


@pytest.mark.parametrize("change", [clumsy_change, giving_up])
async def test_a_change_of_state_waits_for_the_handler_that_runs(
    tree: Tree, clock: VirtualClock, change: Callable[[Counter], Counter]
) -> None:
    counter = await tree.start(Counter)
    counter.cast(Counter.wait, 3)
    await settle()
    clumsy = asyncio.ensure_future(replace_state(counter, change))

    await clock.advance(3)

    with pytest.raises(Refused):
        await clumsy
    assert counter.alive


async def test_a_suspended_process_lets_messages_wait_in_order(tree: Tree, clock: VirtualClock) -> None:
    counter = await tree.start(Counter)
    await suspend(counter)

    called = asyncio.ensure_future(counter.call(Counter.add, 1))
    await settle()
    counter.cast(Counter.add, 2)
    counter.send("hello")
    await clock.advance(4)
    assert not called.done()
    assert (await get_state(counter)).log == []

    await resume(counter)

    assert await called == 1
    await settle()
    assert (await get_state(counter)).log == [1, 2, "hello"]
    assert await counter.call(Counter.add, 1) == 4


async def test_a_call_to_a_suspended_process_has_its_time_limit(tree: Tree, clock: VirtualClock) -> None:
    counter = await tree.start(Counter)
    await suspend(counter)
    called = asyncio.ensure_future(counter.call(Counter.add, 1))

    await clock.advance(5)

    with pytest.raises(CallTimeout):
        await called
    await resume(counter)


async def test_a_busy_process_is_suspended_after_what_came_before(tree: Tree, clock: VirtualClock) -> None:
    counter = await tree.start(Counter)
    counter.cast(Counter.wait, 3)
    counter.cast(Counter.add, 1)
    await settle()
    suspending = asyncio.ensure_future(suspend(counter))
    await settle()
    counter.cast(Counter.add, 2)

    await clock.advance(3)
    await suspending
    await settle()

    assert (await get_state(counter)).log == [1]
    await resume(counter)
    await settle()
    assert (await get_state(counter)).log == [1, 2]


async def test_what_was_asked_before_a_process_was_suspended_is_answered_too(tree: Tree, clock: VirtualClock) -> None:
    counter = await tree.start(Counter)
    counter.cast(Counter.wait, 3)
    await settle()
    counts: list[int] = []

    async def look(ref: Ref[Counter]) -> None:
        counts.append((await get_state(ref)).count)

    asked = [asyncio.ensure_future(suspend(counter))]
    await settle()
    counter.cast(Counter.add, 1)
    for ask in (suspend, look, resume, look):
        asked.append(asyncio.ensure_future(ask(counter)))
        await settle()
    counter.cast(Counter.add, 2)

    await clock.advance(3)
    await asyncio.gather(*asked)
    await look(counter)

    assert counts == [0, 1, 3]


@pytest.mark.parametrize("stop", ["stop", "exit"])
async def test_a_process_stops_that_was_asked_to_before_it_was_suspended(clock: VirtualClock, stop: str) -> None:
    @dataclass
    class Careful(Counter):
        async def init(self) -> None:
            self.trap_exit()

        async def leave(self) -> None:
            self.ref.exit("shutdown")

    counter, stopped = await Careful.start(), asyncio.Event()
    counter.send(stopped)
    counter.cast(Counter.wait, 3)
    if stop == "exit":
        counter.cast(Careful.leave)
    await settle()
    suspending = asyncio.ensure_future(suspend(counter))
    await settle()
    stopping = asyncio.ensure_future(counter.stop("shutdown") if stop == "stop" else counter.down())
    await settle()
    counter.cast(Counter.wait, 60)

    await clock.advance(3)

    await suspending
    await stopping
    assert stopped.is_set()


async def test_to_suspend_and_resume_twice_is_to_do_it_once(tree: Tree) -> None:
    counter = await tree.start(Counter)

    for ask in (suspend, suspend, resume, resume):
        await ask(counter)

    assert await counter.call(Counter.add, 1) == 1


async def test_a_suspended_process_may_be_asked_anything_but_its_work(tree: Tree) -> None:
    counter = await tree.start(Counter, 1)
    await suspend(counter)

    await replace_state(counter, lambda state: replace(state, count=7))
    await change_settings(counter, limit=5)

    assert ((await get_state(counter)).count, (await get_state(counter)).limit) == (7, 5)
    assert (await get_status(counter)).info.activity == "suspended"
    assert await health_check(counter) == "service_unavailable"
    await resume(counter)


async def test_a_suspended_process_stops_in_good_order() -> None:
    counter, stopped = await Counter.start(), asyncio.Event()
    counter.send(stopped)
    await settle()
    await suspend(counter)
    counter.cast(Counter.add, 1)

    await counter.stop("shutdown", timeout=60)

    assert stopped.is_set()


async def test_a_suspended_process_stops_for_the_reason_that_came_first() -> None:
    counter = await Counter.start()
    await suspend(counter)

    ends = await asyncio.gather(counter.stop("shutdown"), counter.stop("other"), return_exceptions=True)

    assert ends[0] is None
    assert isinstance(ends[1], ServerDown)
    assert ends[1].reason == "shutdown"


@pytest.mark.parametrize("reason", ["kill", "shutdown"])
async def test_a_suspended_process_takes_exit_signals(reason: str) -> None:
    counter = await Counter.start()
    await suspend(counter)

    counter.exit(reason)

    assert not counter.alive


async def test_the_supervisor_of_a_suspended_process_stops_it(tree: Tree) -> None:
    @dataclass
    class Careful(GenServer):
        stopped: list[object]

        async def init(self) -> None:
            self.trap_exit()

        async def terminate(self, reason: object) -> None:
            self.stopped.append(reason)

    stopped: list[object] = []
    careful = await tree.start(Careful, stopped)
    await suspend(careful)

    await tree.stop(careful)

    assert stopped == ["shutdown"]


@in_process
async def test_a_function_can_not_be_suspended() -> None:
    process = spawn(receive)
    await settle()

    with pytest.raises(Refused, match="expected a server"):
        await suspend(process)
    assert await health_check(process) == "healthy"
    await process.stop("shutdown")


async def test_settings_are_arguments_of_the_constructor(tree: Tree) -> None:
    counter = await tree.start(Counter, 1)
    await counter.call(Counter.add, 1)

    await change_settings(counter, limit=5)

    state = await get_state(counter)
    assert (state.limit, state.count, state.log) == (5, 2, [1])


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"limit": -1}, "expected limit to be at least 0, got -1"),
        ({"limit": 5, "speed": 1}, "expected settings among count, limit, password, got speed"),
        ({"log": []}, "expected settings among count, limit, password, got log"),
    ],
)
async def test_a_setting_that_makes_no_sense_changes_none(tree: Tree, settings: dict[str, Any], complaint: str) -> None:
    counter = await tree.start(Counter, 1)

    with pytest.raises(Refused, match=complaint):
        await change_settings(counter, **settings)

    assert (await get_state(counter)).limit == 100


@pytest.mark.conforms("ex.dynamic_supervisor.019", "ex.dynamic_supervisor.020", "ex.dynamic_supervisor.021")
@pytest.mark.conforms("ex.dynamic_supervisor.022", "ex.dynamic_supervisor.023")
@pytest.mark.parametrize(
    "settings",
    [
        {"strategy": "unknown"},
        {"max_restarts": -1},
        {"max_seconds": 0},
        {"max_children": -1},
        {"unknown": 1},
    ],
)
async def test_a_suspended_supervisor_refuses_limits_that_make_no_sense(tree: Tree, settings: dict[str, Any]) -> None:
    supervisor = await tree.start(DynamicSupervisor, max_children=2, max_restarts=1)
    before = await get_state(supervisor)
    await suspend(supervisor)

    with pytest.raises(Refused, match=f"expected.*{next(iter(settings))}"):
        await change_settings(supervisor, **settings)
    await change_settings(supervisor)

    await resume(supervisor)
    assert await get_state(supervisor) == before


@pytest.mark.conforms("ex.dynamic_supervisor.024")
async def test_a_suspended_supervisor_takes_other_limits(tree: Tree) -> None:
    supervisor = await tree.start(DynamicSupervisor)
    await supervisor.call(DynamicSupervisor.start_child, child(Counter))
    await suspend(supervisor)

    await change_settings(supervisor, max_children=1)

    await resume(supervisor)
    assert (await supervisor.call(DynamicSupervisor.count_children)).active == 1
    assert isinstance(await supervisor.call(DynamicSupervisor.start_child, child(Counter)), TooManyChildren)


async def test_a_supervisor_counts_restarts_by_its_new_limits(tree: Tree) -> None:
    supervisor = await Supervisor.start([child(Counter).named("counter")], max_restarts=0, strategy="one_for_one")
    await change_settings(supervisor, max_restarts=1)

    Ref(Counter, "counter").exit("kill")
    await settle()
    assert await Ref(Counter, "counter").call(Counter.add, 1) == 1
    Ref(Counter, "counter").exit("kill")

    assert await supervisor.down() in ("shutdown", "noproc")


async def test_a_supervisor_takes_other_specs_for_its_children(tree: Tree) -> None:
    supervisor = await tree.start(Supervisor, [child(Counter, 1).named("counter")], strategy="one_for_one")

    await change_settings(supervisor, children=[child(Counter, 5).named("counter"), child(Counter).named("new")])

    assert await Ref(Counter, "counter").call(Counter.add, 0) == 1
    assert Ref(Counter, "new").where() is None
    await supervisor.call(Supervisor.terminate_child, "counter")
    for child_id in ("counter", "new"):
        await supervisor.call(Supervisor.restart_child, child_id)
    assert await Ref(Counter, "counter").call(Counter.add, 0) == 5
    assert await Ref(Counter, "new").call(Counter.add, 0) == 0


async def test_a_supervisor_refuses_specs_that_make_no_sense(tree: Tree) -> None:
    supervisor = await tree.start(Supervisor, [child(Counter, 1).named("counter")], strategy="one_for_one")

    with pytest.raises(Refused, match="expected a child spec"):
        await change_settings(supervisor, children=["nonsense"])

    assert [info.id for info in await supervisor.call(Supervisor.which_children)] == ["counter"]


@pytest.mark.parametrize("timeout", [1.0, None])
async def test_a_process_with_nothing_to_do_is_healthy(tree: Tree, timeout: float | None) -> None:
    assert await health_check(await tree.start(Counter), timeout) == "healthy"


async def test_a_process_that_has_no_turn_in_time_is_not_healthy(tree: Tree, clock: VirtualClock) -> None:
    counter = await tree.start(Counter)
    counter.cast(Counter.wait, 3)
    await settle()

    checks = [asyncio.ensure_future(health_check(counter, seconds)) for seconds in (1, 4)]
    await clock.advance(3)

    assert [await check for check in checks] == ["service_timeout", "healthy"]


async def test_a_process_that_is_not_there_is_not_healthy(clock: VirtualClock) -> None:
    counter = await Counter.start()
    counter.cast(Counter.wait, 3)
    await settle()
    check = asyncio.ensure_future(health_check(counter))
    await settle()

    counter.exit("kill")

    assert await check == "service_unavailable"
    assert await health_check(counter) == "service_unavailable"
    assert await health_check(Ref(Counter, "nobody")) == "service_unavailable"


async def test_the_status_shows_fields_but_no_secrets(tree: Tree) -> None:
    counter = await tree.start(Counter, 1)

    status = await get_status(counter)

    assert status.state == {"count": 1, "limit": 100, "password": "[redacted]"}
    assert status.info.ref is counter.where()
    assert status.info.server is Counter


async def test_a_server_decides_what_its_status_shows(tree: Tree) -> None:
    class Discreet(Counter):
        def format_status(self, shown: Shown) -> Shown:
            return replace(shown, state=f"{len(str(self.count))} digits")

    class Clumsy(Counter):
        def format_status(self, shown: Shown) -> Shown:
            raise KeyError(self.password)

    class Careless(Counter):
        def format_status(self, shown: Shown) -> Any:
            return self.password

    assert (await get_status(await tree.start(Discreet, 1234))).state == "4 digits"
    clumsy = (await get_status(await tree.start(Clumsy))).state
    assert str(clumsy).startswith("[redacted], since format_status failed: KeyError")
    assert "format_status to answer a Shown" in str((await get_status(await tree.start(Careless))).state)
