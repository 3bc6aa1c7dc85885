import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from greenroom import GenServer, ProcessExit, Ref, Rejected, ServerDown, Shown, child, set_label, spawn, telemetry
from greenroom.foundation.report import CRASH, CrashReport, ReportLimit
from greenroom.testing import expected_crash, settle


@dataclass(frozen=True)
class Spill:
    drink: str


@dataclass(frozen=True)
class Card:
    holder: str
    token: str
    pin: int = field(default=1234, repr=False)


@dataclass
class Bar(GenServer):
    name: str = "upstairs"
    guests: int = 0
    till_password: str = "Summertime"
    recipe: str = field(default="two parts gin", repr=False)

    async def order(self, drink: str, *, token: str = "") -> None:
        self.guests += 1
        raise KeyError(drink)

    async def mix(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        raise KeyError(seconds)

    async def close(self, reason: object) -> None:
        self.stop(reason)

    async def refuse(self) -> None:
        raise Rejected("we are full")

    async def sign(self, label: str) -> None:
        set_label(label)

    async def handle_info(self, message: object) -> None:
        raise KeyError(message)


Ending = Callable[[Ref[Bar]], Awaitable[object] | None]


async def crash_of(bar: Ref[Bar], ending: Ending, log: pytest.LogCaptureFixture) -> logging.LogRecord:
    """The record of the crash that this call, cast or message brings about."""
    with expected_crash(KeyError):
        try:
            await (ending(bar) or bar.down())
        except ServerDown:
            pass
        await settle()
    [record] = [record for record in log.records if record.name == "greenroom.process"]
    return record


FAILING: list[tuple[Ending, str]] = [
    (lambda bar: bar.call(Bar.order, "gin"), "order(drink='gin')"),
    (lambda bar: bar.within(60).call(Bar.order, drink="gin"), "order(drink='gin')"),
    (lambda bar: bar.cast(Bar.order, "gin"), "order(drink='gin')"),
    (lambda bar: bar.call(Bar.mix, 0), "mix(seconds=0)"),
    (lambda bar: bar.send(Spill("rum")), "handle_info(message=Spill(drink='rum'))"),
]


@pytest.mark.parametrize(("ending", "last"), FAILING)
async def test_a_report_says_at_which_message_a_process_failed(
    ending: Ending, last: str, caplog: pytest.LogCaptureFixture
) -> None:
    bar = await Bar.start()

    record = await crash_of(bar, ending, caplog)

    first, *lines = record.getMessage().splitlines()
    assert first.startswith(f"{bar} crashed: KeyError: ")
    assert f"  last message: {last}" in lines
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None


async def test_a_report_shows_the_state_and_no_secrets(caplog: pytest.LogCaptureFixture) -> None:
    record = await crash_of(await Bar.start(), lambda bar: bar.call(Bar.order, "gin", token="Strange Fruit"), caplog)

    text = record.getMessage()
    assert "  state: {'guests': 1, 'name': 'upstairs', 'till_password': '[redacted]'}" in text.splitlines()
    assert "token='[redacted]'" in text
    assert not {"Summertime", "Strange Fruit", "two parts gin"} & set(text.replace("'", "|").split("|"))


async def test_a_report_shows_no_secrets_of_what_the_state_and_messages_are_made_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @dataclass
    class Till(Bar):
        cards: dict[str, list[Card]] = field(default_factory=dict[str, list[Card]])

    till = await Till.start(cards={"Nina": [Card("Nina", "tok_Nina")]})

    text = (
        await crash_of(till, lambda till: till.send((Card("Mary", "tok_Mary"), {"password": "Summertime"})), caplog)
    ).getMessage()

    assert "Card(holder='Nina', token='[redacted]')" in text
    assert "Card(holder='Mary', token='[redacted]'), {'password': '[redacted]'}" in text
    # The reason is the program's own text, and stands in the first line.
    told = text.split("\n", 1)[1]
    assert not [secret for secret in ("tok_Nina", "tok_Mary", "Summertime", "1234") if secret in told]


async def test_a_report_is_short_whatever_the_state_is_made_of(caplog: pytest.LogCaptureFixture) -> None:
    @dataclass
    class Branch:
        branches: list["Branch"]

    @dataclass
    class Tree(Bar):
        root: Branch = field(default_factory=lambda: Branch([]))

    root = Branch([])
    root.branches += [Branch([root] * 20) for _ in range(20)]
    tree = await Tree.start(root=root)

    text = (await crash_of(tree, lambda tree: tree.cast(Bar.order, "gin"), caplog)).getMessage()

    assert "'root': " in text
    assert len(text) < 1000


async def test_a_server_decides_what_its_report_shows(caplog: pytest.LogCaptureFixture) -> None:
    class Discreet(Bar):
        def format_status(self, shown: Shown) -> Shown:
            return replace(shown, state="none of your business", message=None)

    text = (await crash_of(await Discreet.start(), lambda bar: bar.cast(Bar.order, "gin"), caplog)).getMessage()

    assert "state: none of your business" in text
    assert "last message" not in text


@pytest.mark.parametrize("fault", [ValueError, ProcessExit])
async def test_a_report_never_fails_over_what_it_shows(
    caplog: pytest.LogCaptureFixture, fault: type[BaseException]
) -> None:
    class Clumsy(Bar):
        def format_status(self, shown: Shown) -> Shown:
            raise fault(self.till_password)

    class Silent:
        def __repr__(self) -> str:
            raise RuntimeError("no comment")

    text = (await crash_of(await Clumsy.start(), lambda bar: bar.send(Silent()), caplog)).getMessage()

    assert "crashed: KeyError: a KeyError that can not be printed" in text
    assert f"[redacted], since format_status failed: {fault.__name__}" in text


async def test_a_log_that_fails_does_not_keep_a_process_from_ending(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("no space left")

    monkeypatch.setattr(logging.getLogger("greenroom.process"), "handlers", [Broken()])
    bar = await Bar.start()

    with expected_crash(KeyError):
        bar.cast(Bar.order, "gin")
        await bar.down()

    assert "no space left" in capsys.readouterr().err


async def test_a_report_has_the_label_of_the_process(caplog: pytest.LogCaptureFixture) -> None:
    bar = await Bar.start()
    await bar.call(Bar.sign, "the good bar")

    record = await crash_of(bar, lambda bar: bar.cast(Bar.order, "gin"), caplog)

    assert "  label: the good bar" in record.getMessage()
    report: Mapping[str, object] = vars(record)["report"]
    assert (report["process"], report["label"]) == (bar, "the good bar")
    assert isinstance(report["reason"], KeyError)


async def test_a_function_is_reported_by_its_name(caplog: pytest.LogCaptureFixture) -> None:
    async def announce() -> None:
        raise KeyError("microphone")

    with expected_crash(KeyError):
        await spawn(announce).down()

    [record] = caplog.records
    assert "announce" in vars(record)["report"]["function"]


async def test_an_end_that_is_no_failure_of_a_handler_has_no_last_message(caplog: pytest.LogCaptureFixture) -> None:
    bar = await Bar.start()
    with pytest.raises(Rejected):
        await bar.call(Bar.refuse)

    bar.exit("overrun")

    [record] = caplog.records
    assert "overrun" in record.getMessage()
    assert "last message" not in record.getMessage()


@pytest.mark.parametrize("reason", ["normal", "shutdown"])
async def test_an_orderly_end_is_not_reported(reason: str, caplog: pytest.LogCaptureFixture) -> None:
    bar = await Bar.start()

    await bar.call(Bar.close, reason)
    await settle()

    assert caplog.records == []


async def test_telemetry_names_the_class_and_the_name_of_a_process() -> None:
    told: list[Mapping[str, object]] = []
    telemetry.attach("names", CRASH, lambda event, measurements, metadata: told.append(metadata))
    upstairs, nameless = await child(Bar).named("upstairs").start(), await Bar.start()

    with expected_crash(KeyError):
        for bar in (upstairs, nameless):
            bar.cast(Bar.order, "gin")
            await bar.down()
    telemetry.detach("names")

    assert [(about["server"], about["name"]) for about in told] == [("Bar", "upstairs"), ("Bar", None)]


async def test_a_report_that_nobody_reads_is_not_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []

    class Watchful(Bar):
        def format_status(self, shown: Shown) -> Shown:
            read.append(shown)
            return shown

    reports: list[Any] = []
    telemetry.attach("reports", CRASH, lambda event, measurements, metadata: reports.append(metadata["report"]))
    monkeypatch.setattr(logging.getLogger("greenroom.process"), "disabled", True)
    bar = await Watchful.start()

    with expected_crash(KeyError):
        bar.cast(Bar.order, "gin")
        await bar.down()
    telemetry.detach("reports")

    assert read == []
    assert str(reports[0]["last message"]) == "order(drink='gin')"
    assert len(read) == 1


def test_reports_of_one_kind_are_limited_and_those_left_out_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    limit, seconds = ReportLimit(2), iter([0.1, 0.2, 0.3, 0.4, 0.5, 1.1, 1.2])
    monkeypatch.setattr("greenroom.foundation.report.time.monotonic", lambda: next(seconds))

    assert [limit.admit(kind) for kind in "aaaabaa"] == [0, 0, None, None, 0, 2, 0]


async def test_a_storm_of_crashes_does_not_drown_the_log(caplog: pytest.LogCaptureFixture) -> None:
    class Fragile(Bar):
        pass

    with expected_crash(KeyError):
        for _ in range(300):
            bar = await Fragile.start()
            bar.cast(Bar.order, "gin")
            await settle()

    assert 50 <= len(caplog.records) < 300


async def test_a_report_says_how_many_were_left_out() -> None:
    bar = await Bar.start()
    report = CrashReport(bar, "broken")
    report.silenced = 7

    assert "not reported: 7 more of this kind" in str(report)
    await bar.stop()
