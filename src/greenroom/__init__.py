"""Supervised, typed processes for Python services, as Erlang/OTP has them."""

from greenroom.foundation import telemetry
from greenroom.foundation.batch import batched
from greenroom.foundation.child import ChildSpec, child
from greenroom.foundation.collector import calm_collector
from greenroom.foundation.dynamic_supervisor import DynamicSupervisor, TooManyChildren
from greenroom.foundation.errors import (
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
    ServerDown,
    StartError,
    StartFailed,
)
from greenroom.foundation.exits import ProcessExit, Shutdown, exit_with
from greenroom.foundation.genserver import GenServer
from greenroom.foundation.namespace import Global, list_services, namespace
from greenroom.foundation.ref import Down, Exit, Monitor, Ref, Timeout
from greenroom.foundation.registry import NoRegistry, Registry, Via
from greenroom.foundation.reply import Reply
from greenroom.foundation.supervisor import (
    AlreadyPresent,
    ChildInfo,
    ChildRunning,
    Counts,
    FailedChild,
    NoSuchChild,
    Supervisor,
)
from greenroom.foundation.timer import Timer

__all__ = [
    "AlreadyPresent",
    "AlreadyStarted",
    "CallError",
    "CallTimeout",
    "CallingSelf",
    "ChildInfo",
    "ChildRunning",
    "ChildSpec",
    "Counts",
    "Deadlock",
    "Down",
    "DynamicSupervisor",
    "Exit",
    "FailedChild",
    "GenServer",
    "Global",
    "GreenroomError",
    "Ignored",
    "MailboxFull",
    "Monitor",
    "NoRegistry",
    "NoSuchChild",
    "NotAHandler",
    "NotRunning",
    "OutsideProcess",
    "ProcessExit",
    "Ref",
    "Registry",
    "Reply",
    "ServerDown",
    "Shutdown",
    "StartError",
    "StartFailed",
    "Supervisor",
    "Timeout",
    "Timer",
    "TooManyChildren",
    "Via",
    "batched",
    "calm_collector",
    "child",
    "exit_with",
    "list_services",
    "namespace",
    "telemetry",
]
