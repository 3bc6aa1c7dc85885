from typing import Any

import pytest

from greenroom import GenServer, ProcessExit, Shutdown, exit_with
from greenroom.foundation.exits import describe, is_clean, reason_of


class Silent(Exception):
    """One that can not be printed."""

    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("reason", "clean"),
    [
        ("normal", True),
        ("shutdown", True),
        (Shutdown("enough"), True),
        (Shutdown(None), True),
        ("killed", False),
        ("kill", False),
        ("noproc", False),
        (None, False),
        (("shutdown", "enough"), False),
        (ValueError("oops"), False),
    ],
)
def test_three_reasons_are_clean(reason: object, clean: bool) -> None:
    assert is_clean(reason) is clean


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("shutdown", "shutdown"),
        (Shutdown("enough"), "shutdown (enough)"),
        (ValueError("oops"), "ValueError: oops"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (("gas", 7), "('gas', 7)"),
        (None, "None"),
        (Silent(), "Silent: a Silent that can not be printed"),
    ],
)
def test_a_reason_is_said_in_words(reason: object, words: str) -> None:
    assert describe(reason) == words


@pytest.mark.parametrize("reason", ["oops", ("gas", 7), None, Shutdown("enough")])
def test_a_process_may_exit_with_any_reason(reason: object) -> None:
    with pytest.raises(ProcessExit) as error:
        exit_with(reason)

    assert reason_of(error.value) == reason


def test_an_exception_is_its_own_reason() -> None:
    error = ValueError("oops")

    assert reason_of(error) is error


@pytest.mark.parametrize("reason", ["oops", ("gas", 7), None])
async def test_a_handler_that_exits_ends_its_process_even_through_a_careless_except(reason: object) -> None:
    class Careless(GenServer):
        async def leave(self) -> None:
            try:
                exit_with(reason)
            except Exception:
                pass

    careless = await Careless.start()
    careless.cast(Careless.leave)

    found: Any = await careless.down()
    assert found == reason
