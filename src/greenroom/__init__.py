"""Supervised, typed processes for Python services, as Erlang/OTP has them."""

from typing import TYPE_CHECKING

from greenroom.foundation import application, debugging, telemetry
from greenroom.foundation.agent import Agent
from greenroom.foundation.alias import Alias, AliasedMonitor, AliasMode, alias, monitor_with_alias
from greenroom.foundation.application import Application
from greenroom.foundation.batch import batched
from greenroom.foundation.child import ChildSpec, Informed, child
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
    Rejected,
    ServerDown,
    StartError,
    StartFailed,
)
from greenroom.foundation.exits import ProcessExit, Shutdown, exit_with
from greenroom.foundation.function_process import receive, spawn, spawn_link, spawn_monitor
from greenroom.foundation.genserver import GenServer
from greenroom.foundation.introspection import (
    Health,
    Refused,
    Status,
    change_settings,
    get_state,
    get_status,
    health_check,
    replace_state,
    resume,
    suspend,
)
from greenroom.foundation.mailbox_limit import MailboxLimit, WhenFull
from greenroom.foundation.match import ANY, Entry, Match
from greenroom.foundation.namespace import Global, list_services, namespace
from greenroom.foundation.outcome import Done, Exited, NotOwner, Outcome, TaskDown, TaskTimeout
from greenroom.foundation.partition_supervisor import NoSuchSize, Partition, PartitionSupervisor
from greenroom.foundation.process_info import ProcessInfo, process_info
from greenroom.foundation.processes import (
    TimerCancelled,
    cancel_timer,
    demonitor,
    get_label,
    link,
    list_processes,
    monitor,
    monotonic,
    now,
    process_dictionary,
    register_name,
    send_after,
    send_at,
    set_label,
    sleep,
    trap_exit,
    unlink,
    unregister_name,
    whereis,
)
from greenroom.foundation.redaction import Shown
from greenroom.foundation.ref import Down, Exit, Monitor, Ref, Timeout
from greenroom.foundation.registry import Registry, Via
from greenroom.foundation.reply import Reply
from greenroom.foundation.running import current_process
from greenroom.foundation.supervisor import (
    AlreadyPresent,
    ChildInfo,
    ChildRunning,
    Counts,
    FailedChild,
    NoSuchChild,
    Supervisor,
)
from greenroom.foundation.table import AlreadyRegistered, NoRegistry, Registered, Table, Unregistered
from greenroom.foundation.task import Task
from greenroom.foundation.task_body import TaskSpec
from greenroom.foundation.task_stream import TaskStream
from greenroom.foundation.task_supervisor import TaskSupervisor
from greenroom.foundation.timer import Timer
from greenroom.infrastructure.pubsub import Listener, Missed, Topic
from greenroom.infrastructure.shared_table import NoTable, NotTableOwner, SharedTable, TableGiven

__all__ = [
    "ANY",
    "Agent",
    "Alias",
    "AliasMode",
    "AliasedMonitor",
    "AlreadyPresent",
    "AlreadyRegistered",
    "AlreadyStarted",
    "Application",
    "CallError",
    "CallTimeout",
    "CallingSelf",
    "ChildInfo",
    "ChildRunning",
    "ChildSpec",
    "Counts",
    "Deadlock",
    "Done",
    "Down",
    "DynamicSupervisor",
    "Entry",
    "Exit",
    "Exited",
    "FailedChild",
    "GenServer",
    "Global",
    "GreenroomError",
    "Health",
    "Ignored",
    "Informed",
    "Listener",
    "MailboxFull",
    "MailboxLimit",
    "Match",
    "Missed",
    "Monitor",
    "NoRegistry",
    "NoSuchChild",
    "NoSuchSize",
    "NoTable",
    "NotAHandler",
    "NotOwner",
    "NotRunning",
    "NotTableOwner",
    "Outcome",
    "OutsideProcess",
    "Partition",
    "PartitionSupervisor",
    "ProcessExit",
    "ProcessInfo",
    "Ref",
    "Refused",
    "Registered",
    "Registry",
    "Rejected",
    "Reply",
    "ServerDown",
    "SharedTable",
    "Shown",
    "Shutdown",
    "StartError",
    "StartFailed",
    "Status",
    "Supervisor",
    "Table",
    "TableGiven",
    "Task",
    "TaskDown",
    "TaskSpec",
    "TaskStream",
    "TaskSupervisor",
    "TaskTimeout",
    "Timeout",
    "Timer",
    "TimerCancelled",
    "TooManyChildren",
    "Topic",
    "Unregistered",
    "Via",
    "WhenFull",
    "alias",
    "application",
    "batched",
    "calm_collector",
    "cancel_timer",
    "change_settings",
    "child",
    "current_process",
    "debugging",
    "demonitor",
    "exit_with",
    "get_label",
    "get_state",
    "get_status",
    "health_check",
    "link",
    "list_processes",
    "list_services",
    "monitor",
    "monitor_with_alias",
    "monotonic",
    "namespace",
    "now",
    "process_dictionary",
    "process_info",
    "receive",
    "register_name",
    "replace_state",
    "resume",
    "send_after",
    "send_at",
    "set_label",
    "sleep",
    "spawn",
    "spawn_link",
    "spawn_monitor",
    "suspend",
    "telemetry",
    "trap_exit",
    "unlink",
    "unregister_name",
    "whereis",
]

__version__: str
"""The release that is installed."""

if not TYPE_CHECKING:  # a checker would believe in every name

    def __getattr__(name: str) -> str:
        if name == "__version__":
            # Not before it is asked for: what reads it takes long to import, and few programs want to know.
            from importlib.metadata import version

            return version(__name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
