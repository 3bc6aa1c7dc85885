"""Programs of Python that start at once: each is a fork of one process that has imported what they need.

That is `python -m <module>` without the second that it spends on imports, for tests that start programs again and
again. What a program does from its first line on, how it ends, and what a kill does to it is the same.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PRELOADED = ("gigbook.application.cli", "gigbook.application.service", "psycopg", "uvloop")


@dataclass
class Fork:
    """A program that was started."""

    pid: int
    _end: socket.socket
    """Tells how it ended, when it has."""
    returncode: int | None = field(default=None, init=False)

    def fileno(self) -> int:
        """What becomes readable when it ends."""
        return self._end.fileno()

    def wait(self) -> int:
        """Wait for its end, and answer how it came, as `subprocess` does."""
        if self.returncode is None:
            self.returncode = int(self._end.recv(64))
            self._end.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless its end has been heard of."""
        # Until then its number is nobody else's: see `_tell_end`.
        if self.returncode is None:
            os.kill(self.pid, number)


def fork(module: str, *arguments: object, stdio: Sequence[int], environment: Mapping[str, str] | None = None) -> Fork:
    """Run `python -m <module>`, with its standard input, output and error, and more in its environment."""
    order = [[module, *map(str, arguments)], {**os.environ, **(environment or {})}]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        socket.send_fds(_origin(), [json.dumps(order).encode()], [theirs.fileno(), *stdio])
    return Fork(int(ours.recv(64)), ours)


@functools.cache
def _origin() -> socket.socket:
    """Where the one process takes orders; it ends when there is nobody left to give them."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        number = theirs.fileno()
        process = subprocess.Popen([sys.executable, "-m", __name__, str(number)], pass_fds=[number])
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def take(orders: socket.socket) -> list[str]:
    """Fork at each order; answers, in the fork, what to run."""
    while True:
        order, files, _, _ = socket.recv_fds(orders, 1 << 20, 4)
        if not order:
            sys.exit()
        if not os.fork():
            orders.close()
            return _beget(*json.loads(order), *files)
        for file in files:
            os.close(file)


def _beget(arguments: list[str], environment: dict[str, str], end: int, *stdio: int) -> list[str]:
    """Start the program, wait for it and tell how it ended; answers, in the program, what to run."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # Only a parent hears how a child ends, and the first one has orders to take.
    if pid := os.fork():
        for file in stdio:
            os.close(file)
        os.write(end, str(pid).encode())
        _tell_end(pid, end)
        os._exit(0)
    os.close(end)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(stdio):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    return arguments


def _tell_end(pid: int, end: int) -> None:
    """Wait until the program has ended, tell how, and wait until that was heard."""
    # A program that ended keeps its number as long as its parent leaves it alone, so no signal can go to another one.
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    # Whoever started it may be gone.
    with contextlib.suppress(OSError):
        os.write(end, str(code).encode())
        os.read(end, 1)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    for name in PRELOADED:
        importlib.import_module(name)
    # An interrupt from the terminal is for the tests; and nobody waits for those who wait for programs.
    for number in (signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)
    sys.argv = take(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
