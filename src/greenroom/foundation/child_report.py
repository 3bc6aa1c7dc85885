"""What a supervisor tells about the end of a child: telemetry, and a log record."""

from __future__ import annotations

import logging
from typing import Any, Final

from greenroom.foundation import telemetry
from greenroom.foundation.child import ChildSpec
from greenroom.foundation.exits import describe, is_clean
from greenroom.foundation.process import Process
from greenroom.foundation.report import limit

logger = logging.getLogger("greenroom.supervisor")

CHILD: Final = ("greenroom", "supervisor", "child")


def report_child(supervisor: Process[Any], spec: ChildSpec[Any], reason: object, action: str) -> None:
    """Tell why a child ended, and what its supervisor did."""
    level = logging.INFO if is_clean(reason) else logging.WARNING
    is_logged = logger.isEnabledFor(level)
    if not is_logged and not telemetry.bus.listening:
        return
    report = {"supervisor": supervisor, "child": spec.child_id, "reason": reason, "action": action}
    if telemetry.bus.listening:
        telemetry.execute(CHILD, {}, report)
    if is_logged:
        silenced = limit.admit((CHILD, spec.start_function, type(reason), action))
        if silenced is not None:
            more = f"; {silenced} more of this kind were not reported" if silenced else ""
            said = (supervisor, spec.child_id, describe(reason), action, more)
            logger.log(level, "%s: child %r ended (%s), %s%s", *said, extra={"report": report})
