"""The fast ways of a message, inline in its caller's turn or alone in its own, against the slow one, in a slice.

Random requests give the same answers, states and order either way. And whatever many clients do at the same time, each
client's requests to one server are handled in the order in which it made them, one at a time, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from greenroom import CallError, GenServer, Ref, Reply, ServerDown, batched, child
from greenroom.foundation.answering import Ended
from greenroom.testing import Stage, settle, state

Journal: TypeAlias = list[object]


@dataclass
class Ledger(GenServer):
    """Does what it is asked to, and writes it into a journal that outlives it."""

    journal: Journal
    other: Ref[Ledger] | None = None
    sum: int = 0
    owed: list[tuple[int, Reply[int]]] = field(default_factory=list[tuple[int, Reply[int]]])

    async def add(self, number: int, turns: int) -> int:
        self.journal.append(("begin", number))
        for _ in range(turns):
            await asyncio.sleep(0)
        self.sum += number
        self.journal.append(("end", number, self.sum))
        return self.sum

    def owe(self, number: int, turns: int) -> Reply[int]:
        reply = Reply[int]()
        self.journal.append(("owe", number))
        if turns == 0:
            reply.send(number)
        else:
            self.owed.append((number, reply))
        return reply

    async def pay(self, number: int, turns: int) -> int:
        self.journal.append(("pay", number))
        for debt, reply in self.owed:
            reply.send(debt)
        self.owed.clear()
        return number

    async def go_on(self, number: int, turns: int) -> int:
        self.journal.append(("go on", number))
        self.next(Ledger.add, number, turns)
        return number

    async def ask_other(self, number: int, turns: int) -> int:
        assert self.other is not None
        self.journal.append(("ask", number))
        answer = await self.other.call(Ledger.add, number, turns)
        self.journal.append(("asked", number, answer))
        return answer

    async def tell_itself(self, number: int, turns: int) -> int:
        self.journal.append(("tell itself", number))
        self.ref.cast(Ledger.add, number, turns)
        self.ref.send(number)
        return number

    async def fail(self, number: int, turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        raise ZeroDivisionError(number)

    async def quit(self, number: int, turns: int) -> int:
        self.stop(("quit", number))
        for _ in range(turns):
            await asyncio.sleep(0)
        return number

    async def exit_by_signal(self, number: int, turns: int) -> int:
        self.ref.exit("kill" if number % 2 else ("signal", number))
        for _ in range(turns):
            await asyncio.sleep(0)
        return number

    @batched
    def count(self, numbers: list[int]) -> None:
        self.journal.extend(("count", number) for number in numbers)
        self.sum += sum(numbers)

    async def handle_info(self, message: object) -> None:
        self.journal.append(("info", message))


@dataclass
class Singly(Ledger):
    """Counts one after the other what a `Ledger` counts many at a time."""

    def count(self, number: int) -> None:
        self.journal.append(("count", number))
        self.sum += number


Method: TypeAlias = Callable[[Any, int, int], Awaitable[int]]
Call: TypeAlias = Callable[[Ref[Ledger], Method, int, int], Awaitable[int]]

HARMLESS: list[Method] = [
    Ledger.add,
    Ledger.owe,
    Ledger.pay,
    Ledger.go_on,
    Ledger.ask_other,
    Ledger.tell_itself,
]
DEADLY: list[Method] = [Ledger.fail, Ledger.quit, Ledger.exit_by_signal]


@dataclass(frozen=True)
class Request:
    """One thing that a client asks for, and how."""

    way: str
    method: Method
    number: int
    turns: int

    def __repr__(self) -> str:
        return f"{self.way} {self.method.__name__}({self.number}, {self.turns})"


def requests(methods: Sequence[Method], ways: Sequence[str]) -> st.SearchStrategy[Request]:
    """Any of these methods, in any of these ways."""
    return st.builds(
        Request, st.sampled_from(ways), st.sampled_from(methods), st.integers(0, 99), st.sampled_from([0, 0, 1, 3])
    )


async def inline(ref: Ref[Ledger], method: Method, number: int, turns: int) -> int:
    """The way that every caller takes."""
    return await ref.call(method, number, turns)


async def with_a_deadline(ref: Ref[Ledger], method: Method, number: int, turns: int) -> int:
    """The way of a caller with a deadline of its own."""
    return await ref.within(60.0).call(method, number, turns)


async def in_a_slice(ref: Ref[Ledger], method: Method, number: int, turns: int) -> int:
    """The slow way: behind another message, so that the server takes a slice of its mailbox."""
    process = ref.find()
    if process is not None:
        process.put((_do_nothing, (), {}, None))
    return await queued(ref, method, number, turns)


def _do_nothing(ledger: Ledger) -> None:
    pass


async def queued(ref: Ref[Ledger], method: Method, number: int, turns: int) -> int:
    """Through the mailbox, whatever the server is doing: a message with a future, which it finds alone if it rests."""
    process = ref.find()
    waiter: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    handler = Ledger.__handlers__[method.__name__]
    if process is None or not process.put((handler, (number, turns), {}, waiter)):
        return await ref.call(method, number, turns)
    try:
        return await waiter
    except Ended as ended:
        raise ServerDown(process, method.__name__, 5.0, ended.reason) from None


async def outcome(answer: Awaitable[int]) -> object:
    """What a caller sees: the answer, or the kind of its error and the reason."""
    try:
        return await answer
    except CallError as error:
        return type(error).__name__, repr(getattr(error, "reason", None))


async def perform(ledger: Ref[Ledger], request: Request, call: Call) -> object:
    """Make one request."""
    match request.way:
        case "call":
            return await outcome(call(ledger, request.method, request.number, request.turns))
        case "cast" if call is in_a_slice:
            # As the first that waits does, not added to those that do.
            handler = Ledger.__handlers__[request.method.__name__]
            ledger.find().put((handler, (request.number, request.turns), {}, None))
        case "cast":
            ledger.cast(request.method, request.number, request.turns)
        case "count":
            ledger.cast(Ledger.count, request.number)
        case "count and wait":
            process = ledger.find()
            if process is not None:
                return await outcome(process.request(Ledger.count, (request.number,), {}, 60.0))
        case _:
            ledger.send(request.number)
    return None


async def run_alone(stage: Stage, program: Sequence[Request], call: Call, kind: type[Ledger]) -> tuple[object, ...]:
    """One client makes its requests one after the other; answers all that can be seen of it."""
    journal: Journal = []
    aside = await stage.tree.start(Ledger, [])
    await stage.tree.start_supervised(child(kind, journal, aside).named("ledger"))
    ledger = Ref(Ledger, "ledger")
    answers: list[object] = []
    owed: list[tuple[int, asyncio.Future[object]]] = []
    for number, request in enumerate(program):
        if request.way == "call" and request.method is Ledger.owe:
            # An answer that is owed would hold up a client that waits for it.
            owed.append((number, asyncio.ensure_future(perform(ledger, request, call))))
            await asyncio.sleep(0)
        else:
            answers.append((number, await perform(ledger, request, call)))
    await settle()
    await outcome(ledger.call(Ledger.pay, 0, 0))
    await settle()
    answers += [(number, answer.result()) for number, answer in owed]
    return answers, journal, state(ledger).sum, state(aside).sum


def play(program: Sequence[Request], call: Call, kind: type[Ledger] = Ledger) -> tuple[object, ...]:
    """Run the program in a world of its own."""
    with Stage("play") as stage:
        seen = stage.run(run_alone(stage, program, call, kind))
        for crash in stage.record.crashes:
            stage.record.expect(crash.reason)
    return seen


WAYS = ["call", "call", "cast", "send", "count"]


@given(st.lists(requests(HARMLESS, WAYS), max_size=25))
def test_inline_and_queued_calls_give_the_same_answers_states_and_order(program: list[Request]) -> None:
    expected = play(program, in_a_slice)

    assert play(program, queued) == expected
    assert play(program, inline) == expected
    assert play(program, with_a_deadline) == expected


@given(st.lists(requests([*HARMLESS, *DEADLY], WAYS), max_size=25))
def test_inline_and_queued_calls_agree_on_how_servers_end(program: list[Request]) -> None:
    expected = play(program, in_a_slice)

    assert play(program, queued) == expected
    assert play(program, inline) == expected
    assert play(program, with_a_deadline) == expected


COUNTS = ["call", "cast", "send", "count", "count", "count", "count and wait"]


@given(st.lists(requests([*HARMLESS, *DEADLY], COUNTS), max_size=25))
def test_what_is_counted_many_at_a_time_comes_to_the_same_one_by_one(program: list[Request]) -> None:
    for call in (inline, in_a_slice):
        assert play(program, call) == play(program, call, Singly)


# Many clients at the same time.


@dataclass
class Desk(GenServer):
    """Writes down who asked for what, and is surprised if two are handled at the same time."""

    handled: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    busy: bool = False

    async def ask(self, client: int, number: int, turns: int) -> tuple[int, int]:
        assert not self.busy, "two handlers at the same time"
        self.busy = True
        for _ in range(turns):
            await asyncio.sleep(0)
        self.busy = False
        self.handled.append((client, number))
        return client, number

    async def handle_info(self, message: object) -> None:
        match message:
            case (int() as client, int() as number):
                self.handled.append((client, number))
            case _:
                pass


Step: TypeAlias = "tuple[int, str, int]"
STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["call", "cast", "send"]), st.integers(0, 3)), max_size=15
)


async def visit(client: int, steps: Sequence[Step], desks: Sequence[Ref[Desk]]) -> None:
    """One client's requests, each with a number of its own."""
    for number, (desk, way, turns) in enumerate(steps):
        if way == "call":
            assert await desks[desk].call(Desk.ask, client, number, turns) == (client, number)
        elif way == "cast":
            desks[desk].cast(Desk.ask, client, number, turns)
        else:
            desks[desk].send((client, number))


@given(st.lists(STEPS, min_size=1, max_size=6))
async def test_each_clients_requests_are_handled_in_its_order_one_at_a_time_and_once(plans: list[list[Step]]) -> None:
    desks = [await Desk.start() for _ in range(3)]

    await asyncio.gather(*(visit(client, steps, desks) for client, steps in enumerate(plans)))
    await settle()

    for index, desk in enumerate(desks):
        handled = state(desk).handled
        for client, steps in enumerate(plans):
            asked = [number for number, (at, _, _) in enumerate(steps) if at == index]
            assert [number for who, number in handled if who == client] == asked
        await desk.stop()
