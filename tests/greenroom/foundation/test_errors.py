import pytest

from greenroom import (
    AlreadyStarted,
    CallError,
    CallingSelf,
    CallTimeout,
    Deadlock,
    GreenroomError,
    Ignored,
    MailboxFull,
    NotAHandler,
    NotRunning,
    OutsideProcess,
    Rejected,
    ServerDown,
    Shutdown,
    StartError,
    StartFailed,
)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NotRunning("venue", "book", 5.0), "expected venue to be running to answer book"),
        (
            ServerDown("venue", "book", 5.0, ValueError("oops")),
            "venue stopped before it answered book: ValueError: oops",
        ),
        (ServerDown("venue", "book", 5.0, Shutdown("x")), "venue stopped before it answered book: shutdown (x)"),
        (CallTimeout("venue", "book", 5.0), "expected venue to answer book within 5 s"),
        (CallTimeout("venue", "book", 0.25), "expected venue to answer book within 0.25 s"),
        (CallTimeout("venue", "book", None), "expected venue to answer book within no limit"),
        (CallingSelf("venue", "book"), "venue called its own book: call the method directly"),
        (Deadlock(["a", "b", "a"], "book", 5.0), "calling book would wait for ever: a -> b -> a"),
        (MailboxFull("venue", "book", 100), "venue has 100 messages waiting and refuses book"),
        (StartFailed("Venue", "timeout"), "Venue did not start: timeout"),
        (AlreadyStarted("blue-note", "venue"), "expected 'blue-note' to be free, got venue"),
        (Ignored("Venue"), "Venue declined to start"),
        (NotAHandler("Venue", "book"), "expected a public method of Venue, got 'book'"),
        (OutsideProcess("stop"), "stop works only inside a running process; start the server first"),
    ],
)
def test_an_error_says_what_was_expected_and_what_became_of_it(error: GreenroomError, words: str) -> None:
    assert str(error) == words


@pytest.mark.parametrize("kind", [NotRunning, ServerDown, CallTimeout, CallingSelf, Deadlock, MailboxFull])
def test_one_type_catches_every_call_that_got_no_answer(kind: type) -> None:
    assert issubclass(kind, CallError)


@pytest.mark.parametrize("kind", [StartFailed, AlreadyStarted, Ignored])
def test_one_type_catches_every_start_that_came_to_nothing(kind: type) -> None:
    assert issubclass(kind, StartError)


@pytest.mark.parametrize("kind", [CallError, StartError, NotAHandler, OutsideProcess, Rejected])
def test_everything_that_greenroom_reports_is_of_one_type(kind: type) -> None:
    assert issubclass(kind, GreenroomError)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NotRunning("venue", "book"), "noproc"),
        (ServerDown("venue", "book", 5.0, "killed"), "killed"),
        (CallTimeout("venue", "book", 5.0), "timeout"),
        (CallingSelf("venue", "book"), "calling_self"),
        (Deadlock(["a", "a"], "book", 5.0), "deadlock"),
        (MailboxFull("venue", "book", 1), "mailbox_full"),
    ],
)
def test_an_error_of_a_call_has_otps_reason(error: CallError, reason: str) -> None:
    assert vars(type(error)).get("reason", getattr(error, "reason", None)) == reason


def test_a_call_error_knows_whom_it_asked_for_what_and_for_how_long() -> None:
    error = ServerDown("venue", "book", 2.5, "killed")

    assert (error.target, error.method, error.seconds) == ("venue", "book", 2.5)
