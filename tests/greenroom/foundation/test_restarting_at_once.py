"""A child without `init` is restarted in fewer steps than one with: both ways do the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from greenroom import ChildSpec, DynamicSupervisor, GenServer, Ref, ServerDown, Supervisor, child
from greenroom.foundation.restart import RestartType
from greenroom.testing import Stage, VirtualClock, settle

NAMES = "abc"
LIMIT, SECONDS = 4, 5.0

steps = st.one_of(
    st.tuples(st.sampled_from(["kill", "crash", "leave"]), st.sampled_from(NAMES)),
    st.tuples(st.just("refuse"), st.sampled_from(NAMES), st.integers(1, 6)),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 4.0, 6.0])),
)


@dataclass
class Story:
    """What happens to the children, told beside them: how often each is still to fail, and what was made."""

    refusals: dict[str, int] = field(default_factory=dict[str, int])
    made: list[str] = field(default_factory=list[str])


@dataclass
class Plain(GenServer):
    """Is there as soon as it is made."""

    name: str
    story: Story

    def __post_init__(self) -> None:
        if left := self.story.refusals.get(self.name, 0):
            self.story.refusals[self.name] = left - 1
            raise RuntimeError("not now")
        self.story.made.append(self.name)

    async def crash(self) -> None:
        """Fail."""
        raise RuntimeError("oops")

    async def leave(self) -> None:
        """End in good order."""
        self.stop()


@dataclass
class Initialised(Plain):
    """The same, with a start that has to be waited for."""

    async def init(self) -> None:
        """Do nothing."""


@given(st.lists(steps, max_size=12), st.sampled_from(["permanent", "transient"]), st.booleans())
def test_children_are_restarted_alike_with_and_without_init(
    told: list[tuple[object, ...]], restart: RestartType, dynamic: bool
) -> None:
    assert outcome(Plain, told, restart, dynamic) == outcome(Initialised, told, restart, dynamic)


def outcome(kind: type[Plain], told: list[tuple[object, ...]], restart: RestartType, dynamic: bool) -> list[object]:
    """What can be seen after each step."""
    stage = Stage("alike", virtual_time=True)
    try:
        assert stage.clock is not None
        return stage.run(play(stage.clock, kind, told, restart, dynamic))
    finally:
        stage.close(check=False)


async def play(
    clock: VirtualClock, kind: type[Plain], told: list[tuple[object, ...]], restart: RestartType, dynamic: bool
) -> list[object]:
    story, seen = Story(), list[object]()
    specs = [child(kind, name, story).named(name).restart(restart) for name in NAMES]
    supervisor = await supervised(specs, dynamic)
    for step in told:
        match step:
            case ("wait", float(seconds)):
                await clock.advance(seconds)
            case ("refuse", str(name), int(times)):
                story.refusals[name] = times
            case (what, name):
                await meet(str(what), Ref(kind, str(name)))
            case _:
                raise AssertionError(step)
        await settle()
        seen.append((supervisor.alive, list(story.made), [Ref(kind, name).alive for name in NAMES]))
    return seen


async def supervised(specs: Sequence[ChildSpec[Plain]], dynamic: bool) -> Ref[GenServer]:
    if not dynamic:
        return await Supervisor.start(specs, strategy="one_for_one", max_restarts=LIMIT, max_seconds=SECONDS)
    supervisor = await DynamicSupervisor.start(max_restarts=LIMIT, max_seconds=SECONDS)
    for spec in specs:
        await supervisor.call(DynamicSupervisor.start_child, spec)
    return supervisor


async def meet(what: str, ref: Ref[Plain]) -> None:
    if not ref.alive:
        return
    if what == "kill":
        ref.exit("kill")
    elif what == "leave":
        await ref.call(Plain.leave)
    else:
        try:
            await ref.call(Plain.crash)
        except ServerDown:
            pass
