"""What callers catch: few types, each the answer to a question that a caller has.

`NotRunning` and `MailboxFull` promise that nothing was delivered, so trying again is safe. After `ServerDown` and
`CallTimeout` the request may have been carried out. `CallingSelf` and `Deadlock` are mistakes in the program. A
`Rejected` comes from the handler itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from greenroom.foundation.exits import describe


class GreenroomError(Exception):
    """Anything that Greenroom itself reports."""


class CallError(GreenroomError):
    """A call that got no answer: whom it was for, what it asked, and how long it would have waited."""

    def __init__(self, message: str, target: object, method: str, seconds: float | None) -> None:
        super().__init__(message)
        self.target = target
        self.method = method
        self.seconds = seconds


class NotRunning(CallError):
    """No such process: nothing was delivered, trying again is safe. OTP's `noproc`."""

    reason = "noproc"

    def __init__(self, target: object, method: str, seconds: float | None = None) -> None:
        super().__init__(f"expected {target} to be running to answer {method}", target, method, seconds)


class ServerDown(CallError):
    """The server stopped before it answered; it may have acted on the request. `reason` is its exit reason."""

    def __init__(self, target: object, method: str, seconds: float | None, reason: object) -> None:
        super().__init__(f"{target} stopped before it answered {method}: {describe(reason)}", target, method, seconds)
        self.reason = reason


class CallTimeout(CallError):
    """No answer came in time. The server may still act on the request; its answer goes nowhere."""

    reason = "timeout"

    def __init__(self, target: object, method: str, seconds: float | None) -> None:
        limit = "no limit" if seconds is None else f"{seconds:g} s"
        super().__init__(f"expected {target} to answer {method} within {limit}", target, method, seconds)


class CallingSelf(CallError):
    """A process called, or stopped, itself, and would have waited for ever. OTP's `calling_self`."""

    reason = "calling_self"

    def __init__(self, target: object, method: str, seconds: float | None = None) -> None:
        super().__init__(f"{target} called its own {method}: call the method directly", target, method, seconds)


class Deadlock(CallError):
    """Processes wait for each other in a circle; `cycle` names them in the order of their calls."""

    reason = "deadlock"

    def __init__(self, cycle: Sequence[object], method: str, seconds: float | None) -> None:
        path = " -> ".join(str(process) for process in cycle)
        super().__init__(f"calling {method} would wait for ever: {path}", cycle[-1], method, seconds)
        self.cycle = tuple(cycle)


class MailboxFull(CallError):
    """The server's mailbox is at its limit and refuses more: nothing was delivered, trying again is safe."""

    reason = "mailbox_full"

    def __init__(self, target: object, method: str, limit: int) -> None:
        super().__init__(f"{target} has {limit} messages waiting and refuses {method}", target, method, None)
        self.limit = limit


class Rejected(GreenroomError):
    """Raised by a handler that could not do what it was asked for and left its state as it was.

    The caller gets it, and the server lives on. For what no handler can know beforehand, and every caller of
    it may meet: an outcome that a caller should match is better returned.
    """


class StartError(GreenroomError):
    """A process that did not start: raised by `start`, returned by a supervisor's `start_child`."""


class StartFailed(StartError):
    """`init` raised, stopped or ran out of time; `reason` says which, and nothing is left of the process."""

    def __init__(self, name: str, reason: object) -> None:
        super().__init__(f"{name} did not start: {describe(reason)}")
        self.reason = reason


class AlreadyStarted(StartError):
    """The name, or the child's id, is held by `ref`."""

    def __init__(self, name: object, ref: object) -> None:
        super().__init__(f"expected {name!r} to be free, got {ref}")
        self.ref = ref


class Ignored(StartError):
    """`init` called `self.ignore()`: the process is not wanted now, and that is no failure."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} declined to start")


class NotAHandler(GreenroomError, TypeError):
    """What was called is no public method of the server."""

    def __init__(self, server: str, method: object) -> None:
        name = getattr(method, "__qualname__", repr(method))
        super().__init__(f"expected a public method of {server}, got {name}")


class OutsideProcess(GreenroomError, RuntimeError):
    """Something that only a running process can do was asked for outside of one."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} works only inside a running process; start the server first")
