"""A fork is held against what `python -m` is known to do with modules of the standard library."""

import os
import select
import signal
from collections.abc import Mapping
from pathlib import Path

from tests.forking import fork


def outcome(*command: str, given: bytes = b"", environment: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Its exit code, and what it said."""
    (its_in, into), (out, its_out), (err, its_err) = os.pipe(), os.pipe(), os.pipe()
    its_own = (its_in, its_out, its_err)
    found = fork(*command, stdio=its_own, environment=environment)
    for file in its_own:
        os.close(file)
    with os.fdopen(into, "wb") as stdin:
        stdin.write(given)
    with os.fdopen(out) as stdout, os.fdopen(err) as stderr:
        return found.wait(), stdout.read(), stderr.read()


def test_it_has_arguments_and_files_of_its_own() -> None:
    assert outcome("json.tool", "--compact", given=b'{"a": 1}') == (0, '{"a":1}\n', "")


def test_its_exit_code_is_told() -> None:
    code, out, err = outcome("json.tool", given=b"{")

    assert (code, out) == (1, "")
    assert err.startswith("Expecting property name")


def test_it_has_the_environment_that_it_is_given() -> None:
    _, out, _ = outcome("site", "--user-base", environment={"PYTHONUSERBASE": "/here"})

    assert out == "/here\n"


def test_it_ends_when_it_is_killed() -> None:
    its_in, into = os.pipe()
    found = fork("json.tool", stdio=(its_in, 1, 2))

    found.send_signal(signal.SIGKILL)

    assert found.wait() == -signal.SIGKILL
    for file in (its_in, into):
        os.close(file)


def test_one_whose_end_was_not_heard_of_keeps_its_number_and_takes_signals() -> None:
    with Path(os.devnull).open("w") as nowhere:
        found = fork("json.tool", "--help", stdio=(0, nowhere.fileno(), 2))
    select.select([found], [], [])

    os.kill(found.pid, 0)
    found.send_signal(signal.SIGKILL)

    assert found.wait() == 0


def test_a_signal_after_its_end_was_heard_of_goes_nowhere() -> None:
    with Path(os.devnull).open("w") as nowhere:
        found = fork("json.tool", "--help", stdio=(0, nowhere.fileno(), 2))
    found.wait()

    found.send_signal(signal.SIGKILL)

    assert found.returncode == 0


def test_one_that_ends_leaves_the_others_alone() -> None:
    its_in, into = os.pipe()
    waiting = fork("json.tool", stdio=(its_in, 1, 2))
    os.close(its_in)

    assert outcome("json.tool", given=b"1")[0] == 0

    assert waiting.returncode is None
    os.close(into)
    assert waiting.wait() == 1
