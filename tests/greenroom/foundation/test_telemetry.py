from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from greenroom import GenServer, ProcessExit, ServerDown, telemetry
from greenroom.testing import Tree, expected_crash

SERVED = ("bar", "drink", "served")
SPILT = ("bar", "drink", "spilt")


@dataclass
class Listener:
    """A handler that writes down what it hears."""

    heard: list[tuple[telemetry.Event, telemetry.Measurements, dict[str, Any]]] = field(default_factory=list[Any])

    def __call__(
        self, event: telemetry.Event, measurements: telemetry.Measurements, metadata: telemetry.Metadata
    ) -> None:
        self.heard.append((event, measurements, dict(metadata)))


@pytest.fixture
def told() -> Iterator[Listener]:
    """A listener that the test attaches, and that is detached afterwards."""
    yield Listener()
    for handler_id, event in telemetry.list_handlers():
        if event[0] in {"bar", "request"}:
            telemetry.detach(handler_id)


def test_a_handler_hears_the_event_that_it_is_attached_to(told: Listener) -> None:
    telemetry.attach("listen", SERVED, told)

    telemetry.execute(SERVED, {"count": 2}, {"drink": "gin"})
    telemetry.execute(SPILT, {"count": 1}, {})

    assert told.heard == [(SERVED, {"count": 2}, {"drink": "gin"})]


def test_one_handler_may_hear_many_events(told: Listener) -> None:
    telemetry.attach_many("listen", [SERVED, SPILT], told)

    telemetry.execute(SPILT, {}, {})
    telemetry.execute(SERVED, {}, {})

    assert [event for event, _, _ in told.heard] == [SPILT, SERVED]


def test_a_handler_that_is_detached_hears_nothing_more(told: Listener) -> None:
    telemetry.attach_many("listen", [SERVED, SPILT], told)

    assert telemetry.detach("listen") is True
    assert telemetry.detach("listen") is False
    telemetry.execute(SERVED, {}, {})

    assert told.heard == []


def test_an_id_listens_to_an_event_once(told: Listener) -> None:
    telemetry.attach("listen", SERVED, told)

    with pytest.raises(ValueError, match=r"expected an id that does not listen to .*, got 'listen'"):
        telemetry.attach("listen", SERVED, told)


def test_handlers_are_listed_by_the_beginning_of_their_event(told: Listener) -> None:
    telemetry.attach_many("listen", [SERVED, SPILT], told)
    telemetry.attach("other", ("request", "stop"), told)

    assert telemetry.list_handlers(("bar",)) == [("listen", SERVED), ("listen", SPILT)]
    assert telemetry.list_handlers(SPILT) == [("listen", SPILT)]
    assert {handler_id for handler_id, _ in telemetry.list_handlers()} >= {"listen", "other"}


@pytest.mark.parametrize("fault", [ValueError("deaf"), ProcessExit("deaf")])
def test_a_handler_that_raises_is_detached_and_told_of(
    told: Listener, caplog: pytest.LogCaptureFixture, fault: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise fault

    telemetry.attach("fails", SERVED, fail)
    telemetry.attach("listen", SERVED, told)
    telemetry.attach("failures", ("greenroom", "telemetry", "failure"), told)

    telemetry.execute(SERVED, {}, {})
    telemetry.execute(SERVED, {}, {})
    telemetry.detach("failures")

    assert [event[-1] for event, _, _ in told.heard] == ["failure", "served", "served"]
    assert (told.heard[0][2]["handler"], told.heard[0][2]["event"]) == ("fails", SERVED)
    assert "telemetry handler fails failed" in caplog.text
    assert telemetry.list_handlers(SERVED) == [("listen", SERVED)]


def test_a_handler_may_detach_itself(told: Listener) -> None:
    def once(event: telemetry.Event, measurements: telemetry.Measurements, metadata: telemetry.Metadata) -> None:
        told(event, measurements, metadata)
        telemetry.detach("listen")

    telemetry.attach("listen", SERVED, once)
    telemetry.execute(SERVED, {}, {})
    telemetry.execute(SERVED, {}, {})

    assert len(told.heard) == 1


def test_nobody_hears_costs_one_test_of_an_attribute() -> None:
    before = telemetry.bus.listening

    telemetry.attach("listen", SERVED, print)
    during = telemetry.bus.listening
    telemetry.detach("listen")

    assert (during, telemetry.bus.listening) == (True, before)


def test_a_span_tells_its_start_and_its_end_with_what_was_found(told: Listener) -> None:
    events: list[telemetry.Event] = [("request", "start"), ("request", "stop"), ("request", "exception")]
    telemetry.attach_many("listen", events, told)

    with telemetry.span(("request",), {"path": "/"}) as found:
        found["status"] = 200

    (start, _, began), (stop, measured, ended) = told.heard
    assert (start, stop) == (("request", "start"), ("request", "stop"))
    assert (began, ended) == ({"path": "/"}, {"path": "/", "status": 200})
    assert measured["duration"] >= 0


def test_a_span_tells_of_the_exception_that_left_it(told: Listener) -> None:
    events: list[telemetry.Event] = [("request", "stop"), ("request", "exception")]
    telemetry.attach_many("listen", events, told)
    error = ValueError("oops")

    with pytest.raises(ValueError, match="oops"), telemetry.span(("request",), {"path": "/"}):
        raise error

    ((event, measured, metadata),) = told.heard
    assert (event, metadata["error"]) == (("request", "exception"), error)
    assert measured["duration"] >= 0


async def test_the_life_of_a_process_is_told(tree: Tree, told: Listener, caplog: pytest.LogCaptureFixture) -> None:
    class Bar(GenServer):
        async def spill(self) -> None:
            raise ValueError("spilt")

    events: list[telemetry.Event] = [("greenroom", "process", what) for what in ("start", "stop", "crash")]
    telemetry.attach_many("life", events, told)

    bar = await Bar.start()
    with caplog.at_level(logging.CRITICAL), expected_crash(ValueError), pytest.raises(ServerDown):
        await bar.call(Bar.spill)
    other = await Bar.start()
    await other.stop()
    telemetry.detach("life")

    assert [(event[-1], metadata["process"]) for event, _, metadata in told.heard] == [
        ("start", bar),
        ("crash", bar),
        ("start", other),
        ("stop", other),
    ]
    assert isinstance(told.heard[1][2]["reason"], ValueError)


@pytest.mark.parametrize("event", ["served", (), ("bar", 5), None])
def test_an_event_is_a_tuple_of_words(told: Listener, event: Any) -> None:
    with pytest.raises(TypeError, match=r"expected an event as a tuple of words, as \('greenroom', .*, got"):
        telemetry.attach("listen", event, told)

    assert telemetry.list_handlers(("bar",)) == []


def test_a_handler_is_a_function() -> None:
    with pytest.raises(TypeError, match="expected a handler to be a function of event, measurements and metadata"):
        telemetry.attach("listen", SERVED, cast(Any, None))


def test_a_handler_is_attached_to_all_events_or_to_none(told: Listener) -> None:
    telemetry.attach("listen", SPILT, told)

    with pytest.raises(ValueError, match="expected an id that does not listen"):
        telemetry.attach_many("listen", [SERVED, SPILT], told)

    assert telemetry.list_handlers(("bar",)) == [("listen", SPILT)]
