"""Which process is running."""

from __future__ import annotations

from typing import Any, cast

from greenroom.foundation.errors import OutsideProcess
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Ref
from greenroom.foundation.worker import current_worker


def current_process() -> Ref[Any]:
    """The address of the running process. Erlang's `self`.

    Raises:
        OutsideProcess: none is: the code runs in a plain task.
    """
    return running_process("current_process")


def running_process(what: str) -> Process[Any]:
    """The running process; `what` is the operation that needs one.

    Raises:
        OutsideProcess: none is running.
    """
    worker = current_worker()
    if worker is None or worker.process is None:
        raise OutsideProcess(what)
    return cast("Process[Any]", worker.process)
