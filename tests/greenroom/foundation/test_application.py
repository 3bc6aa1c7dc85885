import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import pytest

from greenroom import (
    AlreadyStarted,
    Application,
    ChildSpec,
    GenServer,
    NotRunning,
    ProcessExit,
    Ref,
    StartFailed,
    Supervisor,
    application,
    child,
    namespace,
)
from greenroom.testing import settle

LOG: list[str] = []


@dataclass
class Part(GenServer):
    name: str
    reliable: bool = True

    async def init(self) -> None:
        self.trap_exit()
        if not self.reliable:
            raise KeyError(self.name)
        LOG.append(f"+{self.name}")

    async def terminate(self, reason: object) -> None:
        LOG.append(f"-{self.name}")


@dataclass
class Slow(GenServer):
    seconds: float = 60.0

    async def init(self) -> None:
        await asyncio.sleep(self.seconds)


class Stage(Application):
    name = "stage"
    description = "Where it happens"
    version = "1.2"
    defaults: ClassVar = {"capacity": 90, "curtain": None}

    def tree(self) -> ChildSpec[Any]:
        parts = [child(Part, name, self.get("reliable", True)).named(name) for name in ("sound", "light")]
        return child(Supervisor, parts, max_restarts=0, strategy="one_for_one").named("stage")

    async def prep_stop(self) -> None:
        LOG.append("prep_stop")

    async def stopped(self) -> None:
        LOG.append("stopped")


class Festival(Application):
    name = "festival"
    needs = (Stage,)

    def tree(self) -> ChildSpec[Any]:
        return child(Part, "tickets", self.get("open", True)).named("tickets")


class Encore(Application):
    name = "encore"

    def tree(self) -> ChildSpec[Any]:
        return child(Part, "encore")


@pytest.fixture(autouse=True)
async def log() -> AsyncIterator[list[str]]:
    LOG.clear()
    yield LOG
    await application.stop_all()


@pytest.mark.conforms("ex.application.001")
async def test_a_setting_of_an_application_that_nobody_knows_is_missed() -> None:
    with pytest.raises(application.NoSetting, match="expected the application 'unknown' to be loaded or configured"):
        application.fetch("unknown", "key")


@pytest.mark.conforms("ex.application.002")
async def test_a_setting_without_a_value_is_missed_where_it_is_required() -> None:
    application.load(Stage())

    with pytest.raises(application.NoSetting, match="'stage' to have the setting 'colour', got none"):
        application.fetch("stage", "colour")
    assert application.get("stage", "colour") is None
    assert application.get("stage", "colour", "red") == "red"
    assert application.fetch("stage", "curtain") is None


@pytest.mark.conforms("ex.application.003")
async def test_what_is_put_counts_until_it_is_deleted() -> None:
    application.load(Stage())

    application.put("stage", "capacity", 120)
    assert application.fetch("stage", "capacity") == 120
    assert application.get("stage", "capacity", 7) == 120
    assert application.settings("stage") == {"capacity": 120, "curtain": None}

    application.delete("stage", "capacity")
    assert application.get("stage", "capacity", 7) == 90
    application.delete("stage", "absent")


async def test_an_application_may_be_configured_before_it_is_known() -> None:
    application.put("stage", "reliable", False)

    with pytest.raises(StartFailed):
        await application.start(Stage())

    with pytest.raises(application.NoSetting, match="to have the setting"):
        application.fetch("stage", "colour")


@pytest.mark.conforms("ex.application.006")
async def test_the_applications_that_run_and_that_are_known_are_listed() -> None:
    application.load(Stage())
    assert application.started() == []

    await application.start(Festival())

    stage = application.Description("stage", "Where it happens", "1.2")
    festival = application.Description("festival", "", "")
    assert application.started() == [stage, festival]
    assert application.loaded() == [stage, festival]


@pytest.mark.conforms("ex.application.007")
async def test_an_application_is_described() -> None:
    application.load(Stage())
    described: Any = application.description("stage")

    assert application.description("unknown") is None
    assert (described.name, described.description, described.version) == ("stage", "Where it happens", "1.2")
    with pytest.raises(AttributeError):
        described.colour  # noqa: B018


async def test_an_application_starts_and_stops_its_tree() -> None:
    root = await application.start(Stage())
    assert root is Ref(Supervisor, "stage").where()

    await application.stop("stage")

    assert LOG == ["+sound", "+light", "prep_stop", "-light", "-sound", "stopped"]
    assert not root.alive
    assert application.started() == []
    with pytest.raises(NotRunning):
        await application.stop("stage")


async def test_what_an_application_needs_is_started_first_and_stopped_last() -> None:
    await application.start(Festival())

    await application.stop_all()

    assert LOG[:3] == ["+sound", "+light", "+tickets"]
    assert LOG[3:] == ["-tickets", "prep_stop", "-light", "-sound", "stopped"]


async def test_what_was_started_for_one_that_does_not_start_is_stopped_again() -> None:
    application.put("festival", "open", False)

    with pytest.raises(StartFailed):
        await application.start(Festival())

    assert LOG == ["+sound", "+light", "prep_stop", "-light", "-sound", "stopped"]
    assert application.started() == []


async def test_what_ran_before_is_not_stopped_with_one_that_does_not_start() -> None:
    application.put("festival", "open", False)
    await application.start(Stage())

    with pytest.raises(StartFailed):
        await application.start(Festival())

    assert [description.name for description in application.started()] == ["stage"]


async def test_an_application_runs_once() -> None:
    root = await application.start(Stage())

    with pytest.raises(AlreadyStarted) as caught:
        await application.start(Stage())

    assert caught.value.ref is root


@pytest.mark.parametrize(
    ("restart", "reason", "survives"),
    [
        ("temporary", "broken", True),
        ("transient", "broken", False),
        ("transient", "shutdown", True),
        ("permanent", "shutdown", False),
    ],
)
async def test_the_end_of_an_application_may_be_the_end_of_all(restart: Any, reason: str, survives: bool) -> None:
    await application.start(Festival())
    root = await application.start(Encore(), restart)

    await root.stop(reason)
    await settle()

    names = [description.name for description in application.started()]
    assert names == (["stage", "festival"] if survives else [])


async def test_the_end_of_a_tree_is_heard_of() -> None:
    await application.start(Stage())

    Ref(Part, "light").exit("kill")
    await settle()

    assert application.started() == []
    assert LOG[-1] == "stopped"


async def test_each_namespace_has_applications_of_its_own() -> None:
    await application.start(Stage())
    application.put("stage", "capacity", 1)

    with namespace("elsewhere"):
        assert application.started() == []
        assert application.settings("stage") == {}
        await application.start(Stage())
        assert application.fetch("stage", "capacity") == 90
        await application.stop("stage")

    assert [description.name for description in application.started()] == ["stage"]


async def test_an_application_says_what_its_tree_is() -> None:
    class Empty(Application):
        name = "empty"

    with pytest.raises(StartFailed, match="expected Empty to have a tree") as caught:
        await application.start(Empty())
    assert isinstance(caught.value.reason, NotImplementedError)


async def test_a_tree_that_is_no_child_spec_is_a_failed_start() -> None:
    class Forgetful(Application):
        name = "forgetful"
        needs = (Stage,)

        def tree(self) -> Any:
            child(Part, "somewhere")

    with pytest.raises(StartFailed, match=r"to be a child spec, as child.* makes, got None"):
        await application.start(Forgetful())
    assert application.started() == []


async def test_a_missing_setting_stops_what_was_started_before() -> None:
    class Demanding(Application):
        name = "demanding"
        needs = (Stage,)

        def tree(self) -> ChildSpec[Any]:
            return child(Part, self.fetch("colour"))

    with pytest.raises(StartFailed) as caught:
        await application.start(Demanding())

    assert isinstance(caught.value.reason, application.NoSetting)
    assert LOG == ["+sound", "+light", "prep_stop", "-light", "-sound", "stopped"]
    assert application.started() == []


async def test_a_cancelled_start_leaves_nothing_behind() -> None:
    class Endless(Application):
        name = "endless"
        needs = (Stage,)

        def tree(self) -> ChildSpec[Any]:
            return child(Slow)

    starting = asyncio.ensure_future(application.start(Endless()))
    await settle()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    assert application.started() == []
    assert LOG[-1] == "stopped"


async def test_starts_at_the_same_time_start_an_application_once() -> None:
    class Late(Application):
        name = "late"

        def tree(self) -> ChildSpec[Any]:
            return child(Slow, 0.01)

    class First(Encore):
        name = "first"
        needs = (Late,)

    class Second(Encore):
        name = "second"
        needs = (Late,)

    outcomes = await asyncio.gather(
        application.start(Late()),
        application.start(First()),
        application.start(Second()),
        application.start(Late()),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes[1:]] == [type(outcomes[0]), type(outcomes[0]), AlreadyStarted]
    assert [description.name for description in application.started()] == ["late", "first", "second"]


async def test_stops_at_the_same_time_stop_an_application_once() -> None:
    await application.start(Stage())

    outcomes = await asyncio.gather(application.stop("stage"), application.stop("stage"), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [type(None), NotRunning]
    assert LOG.count("prep_stop") == LOG.count("stopped") == 1


async def test_applications_do_not_need_each_other_in_a_circle() -> None:
    class Hen(Encore):
        name = "hen"

    class Egg(Encore):
        name = "egg"
        needs = (Hen,)

    Hen.needs = (Egg,)

    with pytest.raises(ValueError, match="expected applications that do not need each other, got hen -> egg -> hen"):
        await application.start(Hen())


@pytest.mark.parametrize("fault", [KeyError, ProcessExit])
async def test_a_hook_that_fails_does_not_keep_an_application_running(
    caplog: pytest.LogCaptureFixture, fault: type[BaseException]
) -> None:
    class Clumsy(Encore):
        async def prep_stop(self) -> None:
            raise fault("prep_stop")

        async def stopped(self) -> None:
            raise fault("stopped")

    root = await application.start(Clumsy())
    await application.stop("encore")

    assert not root.alive
    assert application.started() == []
    assert [record.getMessage().split()[0].rpartition(".")[2] for record in caplog.records] == ["prep_stop", "stopped"]


@pytest.mark.parametrize("bad", [Encore, "encore", None])
async def test_what_is_no_application_is_not_started(bad: Any) -> None:
    with pytest.raises(TypeError, match="expected an application, as in start"):
        await application.start(bad)


async def test_an_application_has_a_name() -> None:
    class Nameless(Application):
        pass

    with pytest.raises(TypeError, match="expected Nameless to have a name, as in name = 'club', got None"):
        application.load(Nameless())


async def test_an_unknown_restart_type_of_an_application_is_refused() -> None:
    with pytest.raises(ValueError, match="expected restart to be one of permanent, transient, temporary, got 'always'"):
        await application.start(Encore(), cast(Any, "always"))


class Opening(Stage):
    """Goes through phases, of which one may fail."""

    name = "opening"
    phases = ("lights", "doors")

    async def start_phase(self, phase: str) -> None:
        LOG.append(f"{phase} {Ref(Part, 'light').alive}")
        if self.get("failing") == phase:
            raise LookupError(phase)
        if self.get("ending") == phase:
            await Ref(Supervisor, "stage").stop()


async def test_the_phases_of_a_start_follow_its_tree_in_order() -> None:
    await application.start(Opening())

    assert LOG == ["+sound", "+light", "lights True", "doors True"]


async def test_a_phase_that_fails_stops_the_tree_again() -> None:
    application.put("opening", "failing", "lights")

    with pytest.raises(StartFailed) as caught:
        await application.start(Opening())

    assert repr(caught.value.reason) == "LookupError('lights')"
    assert LOG == ["+sound", "+light", "lights True", "-light", "-sound"]
    assert application.started() == []


async def test_a_tree_that_ends_during_a_phase_is_a_failed_start() -> None:
    application.put("opening", "ending", "lights")

    with pytest.raises(StartFailed, match="to outlive the phase 'lights', and it ended"):
        await application.start(Opening())

    assert application.started() == []
