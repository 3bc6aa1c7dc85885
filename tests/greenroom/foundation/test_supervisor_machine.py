"""Random starts, crashes, kills, restarts and terminations, against a model that fits on a page."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from greenroom import (
    AlreadyPresent,
    AlreadyStarted,
    ChildRunning,
    DynamicSupervisor,
    NoSuchChild,
    Ref,
    StartFailed,
    Supervisor,
    list_services,
)
from greenroom.foundation.restart import RestartType, Strategy, casualties, comes_back
from greenroom.testing import Stage, VirtualClock, crash, settle
from tests.greenroom.foundation.part import Part, Plan, part

T = TypeVar("T")

NAMES = "abcdef"
LIMIT, SECONDS = 3, 5.0

names = st.sampled_from(NAMES)
restarts = st.sampled_from(get_args(RestartType))
reasons = st.sampled_from(["normal", "shutdown", "oops"])


@dataclass
class Known:
    """What the model knows of a child."""

    restart: RestartType
    running: bool = True


@dataclass
class Model:
    """What a supervisor should do, in as few words as it can be said."""

    strategy: Strategy
    children: dict[str, Known] = field(default_factory=dict[str, Known])
    times: list[float] = field(default_factory=list[float])

    def ended(self, name: str, reason: object, now: float) -> list[str] | None:
        """Take the end of a child; the log that should follow, or None when the supervisor gives up."""
        child = self.children[name]
        child.running = False
        if not comes_back(child.restart, reason):
            if child.restart == "temporary":
                del self.children[name]
            return []
        self.times = [time for time in self.times if time >= now - SECONDS] + [now]
        return None if len(self.times) > LIMIT else self.restart(name)

    def restart(self, failed: str) -> list[str]:
        """Restart the group of the child that failed."""
        group = casualties(self.strategy, list(self.children), failed)
        log = [f"-{name}" for name in reversed(group) if self.children[name].running]
        for name in group:
            if self.children[name].restart == "temporary":
                del self.children[name]
            else:
                self.children[name].running = True
                log.append(f"+{name}")
        return log

    def stopping(self) -> list[str]:
        """What is written when the supervisor stops."""
        return [f"-{name}" for name, child in reversed(self.children.items()) if child.running]


class SupervisorMachine(RuleBasedStateMachine):
    """One supervisor, its model, and what both say of it after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage("machine", virtual_time=True)
        assert self.stage.clock is not None
        self.clock: VirtualClock = self.stage.clock
        self.plan = Plan()
        self.model = Model("one_for_one")
        self.sup: Ref[Supervisor] | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.stage.run(coroutine)

    def ask(self, method: Callable[..., Any], *args: object) -> Any:
        assert self.sup is not None
        return self.run(self.sup.call(method, *args))

    @initialize(
        strategy=st.sampled_from(get_args(Strategy)), children=st.dictionaries(names, restarts, min_size=3, max_size=6)
    )
    def start_supervisor(self, strategy: Strategy, children: dict[str, RestartType]) -> None:
        self.model = Model(strategy, {name: Known(restart) for name, restart in children.items()})
        specs = [self.plan.part(name).restart(restart) for name, restart in children.items()]
        self.sup = self.run(Supervisor.start(specs, strategy=strategy, max_restarts=LIMIT, max_seconds=SECONDS))
        assert self.plan.take_log() == [f"+{name}" for name in children]

    @rule(name=names, restart=restarts)
    def start_child(self, name: str, restart: RestartType) -> None:
        known = self.model.children.get(name)
        answer = self.ask(Supervisor.start_child, self.plan.part(name).restart(restart))
        if known is None:
            assert isinstance(answer, Ref)
            self.model.children[name] = Known(restart)
            assert self.plan.take_log() == [f"+{name}"]
        else:
            assert isinstance(answer, AlreadyStarted if known.running else AlreadyPresent)

    @rule(name=names, restart=restarts)
    def start_child_that_fails(self, name: str, restart: RestartType) -> None:
        if name not in self.model.children:
            self.plan.failures[name] = 1
            answer = self.ask(Supervisor.start_child, self.plan.part(name).restart(restart))
            assert isinstance(answer, StartFailed)
            assert self.plan.take_log() == [f"!{name}"]

    @rule(name=names)
    def terminate_child(self, name: str) -> None:
        known = self.model.children.get(name)
        answer = self.ask(Supervisor.terminate_child, name)
        if known is None:
            assert answer == NoSuchChild(name)
            return
        assert (answer, self.plan.take_log()) == (None, [f"-{name}"] if known.running else [])
        known.running = False
        if known.restart == "temporary":
            del self.model.children[name]

    @rule(name=names)
    def restart_child(self, name: str) -> None:
        known = self.model.children.get(name)
        answer = self.ask(Supervisor.restart_child, name)
        if known is None:
            assert answer == NoSuchChild(name)
        elif known.running:
            assert answer == ChildRunning(name)
        else:
            assert (answer.alive, self.plan.take_log()) == (True, [f"+{name}"])
            known.running = True

    @rule(name=names)
    def delete_child(self, name: str) -> None:
        known = self.model.children.get(name)
        answer = self.ask(Supervisor.delete_child, name)
        if known is None:
            assert answer == NoSuchChild(name)
        elif known.running:
            assert answer == ChildRunning(name)
        else:
            assert answer is None
            del self.model.children[name]

    @rule(choice=st.integers(0, 5))
    def kill(self, choice: int) -> None:
        for name in self.one_that_runs(choice):
            self.run(crash(part(name)))
            self.expect_end(name, "killed", [])

    @rule(choice=st.integers(0, 5), reason=reasons)
    def stop(self, choice: int, reason: str) -> None:
        for name in self.one_that_runs(choice):
            self.run(stop(name, reason))
            self.expect_end(name, reason, [f"-{name}"])

    @rule()
    def stop_supervisor(self) -> None:
        assert self.sup is not None
        self.run(self.sup.stop())
        assert self.plan.take_log() == self.model.stopping()
        assert (self.services(), list(self.stage.record.alive)) == ({}, [])
        self.start_again()

    @rule(seconds=st.sampled_from([0.1, 2.5, 5.0, 5.1]))
    def pass_time(self, seconds: float) -> None:
        self.run(self.clock.advance(seconds))

    @invariant()
    def the_supervisor_knows_what_the_model_knows(self) -> None:
        if self.sup is not None:
            infos = self.ask(Supervisor.which_children)
            assert [(info.id, info.ref is not None) for info in infos] == [
                (name, child.running) for name, child in self.model.children.items()
            ]
            running = {name for name, child in self.model.children.items() if child.running}
            assert {info.id: info.ref for info in infos if info.ref} == self.services()
            assert self.services().keys() == running

    @invariant()
    def nobody_lives_but_the_supervisor_and_its_children(self) -> None:
        if self.sup is not None:
            assert set(self.stage.record.alive) == {self.sup, *self.services().values()}

    @invariant()
    def whoever_runs_answers(self) -> None:
        for name, child in self.model.children.items():
            if child.running:
                assert self.run(ping(name)) == name

    def one_that_runs(self, choice: int) -> list[str]:
        running = [name for name, child in self.model.children.items() if child.running]
        return [running[choice % len(running)]] if running else []

    def start_again(self) -> None:
        self.start_supervisor(self.model.strategy, {name: child.restart for name, child in self.model.children.items()})

    def expect_end(self, name: str, reason: str, log: list[str]) -> None:
        before = self.services()
        follows = self.model.ended(name, reason, self.clock.monotonic())
        if follows is not None:
            assert self.plan.take_log() == [*log, *follows]
            return
        assert self.plan.take_log() == [*log, *self.model.stopping()]
        assert self.sup is not None
        assert (self.sup.alive, self.services()) == (False, {})
        assert not any(process.alive for process in before.values())
        self.start_again()

    def services(self) -> dict[object, Any]:
        return self.run(services())

    def teardown(self) -> None:
        # Without a look at what is left: the error of a step that failed is the one to show.
        self.stage.close(check=False)


async def services() -> dict[object, Any]:
    """The names that are taken."""
    return list_services()


async def stop(name: str, reason: str) -> None:
    """Let a part stop itself, and let its supervisor act."""
    await part(name).call(Part.quit, reason)
    await settle()


async def ping(name: str) -> str:
    """Ask a part for its name."""
    return await part(name).call(Part.ping)


TestSupervisorAgainstAModel: type = SupervisorMachine.TestCase
SupervisorMachine.TestCase.settings = settings(max_examples=40)


class ChaosMachine(RuleBasedStateMachine):
    """Many crash at the same time, and some do not come back at once: what holds whatever happens, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage("chaos", virtual_time=True)
        self.plan = Plan()
        self.kind: Any = Supervisor
        self.sup: Ref[Any] | None = None
        self.strategy: Strategy = "one_for_one"

    @initialize(kind=st.sampled_from([Supervisor, DynamicSupervisor]), strategy=st.sampled_from(get_args(Strategy)))
    def choose(self, kind: Any, strategy: Strategy) -> None:
        self.kind, self.strategy = kind, strategy
        self.stage.run(self.start())

    async def start(self) -> None:
        self.plan.failures.clear()
        options: dict[str, Any] = {"strategy": self.strategy} if self.kind is Supervisor else {}
        sup: Ref[Any] = await self.kind.start(max_restarts=30, max_seconds=5.0, **options)
        for spec in self.plan.parts("abcd"):
            await sup.call(self.kind.start_child, spec)
        self.sup = sup

    @rule(
        victims=st.lists(names, min_size=1, max_size=6),
        how=st.sampled_from(["kill", "quit", "kill from within"]),
        failures=st.dictionaries(st.sampled_from("abcd"), st.integers(1, 3), max_size=2),
    )
    def crash(self, victims: list[str], how: str, failures: dict[str, int]) -> None:
        self.plan.failures.update(failures)
        self.stage.run(self.let_crash(victims, how))

    async def let_crash(self, victims: list[str], how: str) -> None:
        for name in victims:
            match how:
                case "kill":
                    part(name).exit("kill")
                case "quit":
                    part(name).cast(Part.quit, "oops")
                case _:
                    part(name).cast(Part.quit, "killed")
                    part(name).exit("kill")
        await settle()

    @rule(name=st.sampled_from("abcd"))
    def terminate_and_restart(self, name: str) -> None:
        if self.kind is Supervisor:
            self.stage.run(self.let_terminate(name))

    async def let_terminate(self, name: str) -> None:
        assert self.sup is not None
        await self.sup.call(Supervisor.terminate_child, name)
        assert not part(name).alive
        self.plan.failures.pop(name, None)
        await self.sup.call(Supervisor.restart_child, name)
        await settle()

    @rule(seconds=st.sampled_from([0.5, 6.0]))
    def pass_time(self, seconds: float) -> None:
        assert self.stage.clock is not None
        self.stage.run(self.stage.clock.advance(seconds))

    @invariant()
    def everybody_is_back_or_the_supervisor_is_gone_with_all(self) -> None:
        if self.sup is None:
            return
        found = self.stage.run(services())
        if self.sup.alive:
            assert found.keys() == set("abcd")
            assert set(self.stage.record.alive) == {self.sup, *found.values()}
            assert self.stage.run(self.sup.call(self.kind.count_children)).active == 4
            for name in "abcd":
                assert self.stage.run(ping(name)) == name
        else:
            assert (found, list(self.stage.record.alive)) == ({}, [])
            self.stage.run(self.start())

    def teardown(self) -> None:
        self.stage.close(check=False)


TestChaos: type = ChaosMachine.TestCase
ChaosMachine.TestCase.settings = settings(max_examples=40)
