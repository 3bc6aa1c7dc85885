from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from greenroom import (
    AlreadyStarted,
    Application,
    ChildSpec,
    GenServer,
    NotRunning,
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

    with pytest.raises(NotImplementedError):
        await application.start(Empty())
