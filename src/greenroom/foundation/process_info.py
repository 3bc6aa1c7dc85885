"""What can be seen of a process from outside, without a message: Erlang's `process_info`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from greenroom.foundation.namespace import Name
from greenroom.foundation.process import Process
from greenroom.foundation.ref import Ref, process_at
from greenroom.foundation.ties import Ties

Activity: TypeAlias = Literal["idle", "ready", "running", "waiting", "suspended"]
"""`ready`: messages wait for its turn. `waiting`: its handler awaits something."""


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """One process at one moment."""

    ref: Ref[Any]
    name: Name | None
    label: object
    namespace: str
    server: type
    activity: Activity
    messages: int
    """How many messages wait."""
    parent: Ref[Any] | None
    links: tuple[Ref[Any], ...]
    monitors: tuple[Ref[Any], ...]
    monitored_by: tuple[Ref[Any], ...]
    trapping_exits: bool
    timers: int
    dictionary: Mapping[Any, Any]


def process_info(ref: Ref[Any]) -> ProcessInfo | None:
    """What the process is and does right now; None when there is none."""
    process = process_at(ref)
    if not isinstance(process, Process) or not process.alive:
        return None
    ties: Ties = process.ties or Ties()
    return ProcessInfo(
        ref=process,
        name=process.name,
        label=ties.label,
        namespace=process.namespace.name,
        server=process.server.__class__,
        activity=_activity(process),
        messages=process.waiting,
        parent=process.parent,
        links=tuple(ties.links),
        monitors=tuple(ties.watching.values()),
        monitored_by=tuple(_watchers(ties)),
        trapping_exits=ties.trapping,
        timers=len(ties.all_timers()),
        dictionary=dict(ties.dictionary),
    )


def _activity(process: Process[Any]) -> Activity:
    worker = process.worker
    if worker is not None and worker.works_for(process):
        return "running" if worker.running else "waiting"
    if process.halted:
        return "suspended"
    return "idle" if process.resting else "ready"


def _watchers(ties: Ties) -> list[Ref[Any]]:
    owners = [getattr(watcher, "__self__", None) for watcher in ties.watchers.values()]
    return [owner for owner in owners if isinstance(owner, Process)]
