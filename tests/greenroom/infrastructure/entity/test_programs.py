"""Programs of their own on one database: they never overwrite each other, and a kill costs what was promised."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from greenroom.infrastructure import DatabaseUrl, Snapshots, entity_snapshots
from tests.forking import fork
from tests.greenroom.infrastructure.entity.till_program import Takings
from tests.pace import Pace

PROGRAM = "tests.greenroom.infrastructure.entity.till_program"
INTERVAL = 0.1


class Program:
    """A running program, and what it says."""

    def __init__(self, url: str, interval: float) -> None:
        (its_in, into), (out, its_out) = os.pipe(), os.pipe()
        self.process = fork(PROGRAM, url, interval, stdio=(its_in, its_out, 2))
        for file in (its_in, its_out):
            os.close(file)
        self.stdin, self.stdout = os.fdopen(into, "w", buffering=1), os.fdopen(out)
        self.expect("ready")

    def open(self) -> Program:
        self.order("open")
        self.expect("open")
        return self

    def order(self, *words: object) -> None:
        self.stdin.write(" ".join(map(str, words)) + "\n")

    def hear(self) -> list[str]:
        return self.stdout.readline().split()

    def expect(self, word: str) -> list[str]:
        heard = self.hear()
        assert heard[:1] == [word], heard
        return heard

    def ask(self, *words: object) -> list[str]:
        self.order(*words)
        return self.hear()

    def rest(self) -> Iterator[list[str]]:
        """All that it has said since, to its end; a line that was cut off is left out."""
        for line in self.stdout:
            if line.endswith("\n"):
                yield line.split()

    def kill(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.expect("closed")
        assert self.process.wait() == 0


@pytest.fixture
def programs(url: DatabaseUrl) -> Iterator[Callable[[], Program]]:
    """Starts programs on the test's database, which do not outlive the test."""
    address = url.address.replace("+psycopg", "")
    with ExitStack() as stack:

        def start() -> Program:
            program = Program(address, INTERVAL)
            stack.enter_context(program.stdin)
            stack.enter_context(program.stdout)
            stack.callback(program.kill)
            return program

        yield start


def stored(url: DatabaseUrl) -> dict[int, Takings]:
    """What the database holds, read without any entity."""
    engine = sa.create_engine(url.address if url.kind == "postgresql" else f"sqlite:///{url.address}")
    home = Snapshots(Takings)
    with engine.connect() as connection:
        rows: list[Any] = [*connection.execute(sa.select(*entity_snapshots.columns)).mappings()]
    engine.dispose()
    return {int(row["key"]): home.read(row) for row in rows}


def test_a_program_that_was_overtaken_says_so_and_then_knows_better(
    url: DatabaseUrl, programs: Callable[[], Program]
) -> None:
    one, other = programs().open(), programs().open()

    assert one.ask("pay", 7) == ["paid", "7", "1"]
    assert other.ask("pay", 7) == ["paid", "7", "2"]
    assert one.ask("pay", 7) == ["stale", "7"]
    assert one.ask("pay", 7) == ["paid", "7", "3"]
    assert other.ask("pay", 7) == ["stale", "7"]
    assert other.ask("look", 7) == ["looked", "7", "3", "0"]

    assert stored(url)[7] == Takings(paid=3)


def test_programs_that_race_lose_no_change(url: DatabaseUrl, programs: Callable[[], Program]) -> None:
    racers = [programs().open(), programs().open()]

    for racer in racers:
        racer.order("race", 200, 5)
    for racer in racers:
        racer.expect("raced")

    assert sum(takings.paid for takings in stored(url).values()) == 400


def test_a_debounced_change_overwrites_nothing_of_another_program(
    url: DatabaseUrl, programs: Callable[[], Program]
) -> None:
    one, other = programs().open(), programs().open()
    one.ask("pay", 7)
    other.ask("look", 7)

    other.ask("enter", 7)
    one.ask("pay", 7)
    other.close()

    assert stored(url)[7] == Takings(paid=2)


def test_a_program_that_is_asked_to_stop_saves_everything(url: DatabaseUrl, programs: Callable[[], Program]) -> None:
    program = programs().open()
    for key in range(50):
        program.ask("enter", key)

    program.close()

    assert stored(url) == {key: Takings(guests=1) for key in range(50)}


GUESTS = 16
"""How many pay and enter at the same time under load."""


@dataclass
class Promised:
    """What the guests of one till were told: the last payment, and when each guest was counted."""

    paid: int = 0
    guests: dict[int, float] = field(default_factory=dict[int, float])

    def kept(self, until: float) -> int:
        """How many guests must be stored, when all until this time are."""
        return max((guest for guest, told in self.guests.items() if told < until), default=0)


def test_ten_kills_cost_no_answered_payment_and_no_old_guest(url: DatabaseUrl, programs: Callable[[], Program]) -> None:
    promised = {key: Promised() for key in range(20)}
    chance = random.Random(25)
    program, following = programs().open(), programs()
    for _ in range(10):
        program.order("load", 30.0)
        killed_after = chance.randrange(100, 3000)
        said = [program.hear() for _ in range(killed_after)]
        program.kill()
        until = note([*said, *program.rest()], promised)

        check(stored(url), promised, until)
        program, following = following.open(), programs()


def note(said: list[list[str]], promised: dict[int, Promised]) -> float:
    """Note what was told; answers until when the guests must be stored."""
    told = [(word, int(key), int(count), float(at)) for word, key, count, at in (it for it in said if len(it) == 4)]
    pace = Pace(told[0][-1])
    for word, key, count, at in told:
        if word == "paid":
            promised[key].paid = count
            pace.note(at)
        else:
            promised[key].guests[count] = at
    return pace.written(told[-1][-1], within=2 * INTERVAL)


def check(found: dict[int, Takings], promised: dict[int, Promised], until: float) -> None:
    for key, told in promised.items():
        takings = found.get(key, Takings())
        # Each guest may have one payment stored that it had no time to tell of.
        assert told.paid <= takings.paid <= told.paid + GUESTS
        assert takings.guests >= told.kept(until)
        told.paid = takings.paid
        told.guests = {}
