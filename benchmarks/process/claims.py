"""What is claimed, and the work that shows it."""

from dataclasses import dataclass
from typing import Literal

Better = Literal["more", "less"]


@dataclass(frozen=True)
class Workload:
    """Work to be measured: how many processes take part, and whether all systems do it."""

    name: str
    processes: int = 1
    repetitions: int | None = None
    compared: bool = True

    def scaled(self, factor: float) -> "Workload":
        """The same work, with fewer processes."""
        return Workload(self.name, max(1, min(self.processes, 100), int(self.processes * factor)), 1, self.compared)


@dataclass(frozen=True)
class Claim:
    """One figure of a workload: what it says, in which unit, and what it has to reach."""

    workload: str
    figure: str
    title: str
    unit: str
    better: Better = "more"
    target: float | None = None
    lead: float | None = None
    """How many times better than the BEAM it has to be."""

    @property
    def key(self) -> str:
        """Tells it from all other claims."""
        return f"{self.workload}.{self.figure}"

    def is_met(self, value: float) -> bool:
        """Whether the value reaches the target; without a target, any does."""
        if self.target is None:
            return True
        return value >= self.target if self.better == "more" else value <= self.target

    def advantage(self, value: float, other: float) -> float:
        """How many times better the value is than the other."""
        if not value or not other:
            return float("nan")
        return value / other if self.better == "more" else other / value


WORKLOADS = (
    Workload("call_idle"),
    Workload("call_1000", 1_000),
    Workload("call_100x100", 100),
    Workload("call_named"),
    Workload("call_busy"),
    Workload("cast"),
    Workload("cast_batch"),
    Workload("start", 100_000),
    Workload("memory", 100_000),
    Workload("lookup", 100_000),
    Workload("restart", 1_000),
    Workload("crashes", 100_000),
    Workload("publish", 10_000),
    Workload("publish_burst", 10_000),
    Workload("timers", 1_000_000),
    Workload("ring", 1_000),
    Workload("load", 100),
    Workload("million", 1_000_000, repetitions=1, compared=False),
)

CLAIMS = (
    Claim("call_idle", "rate", "call to an idle server", "1/s", target=1_500_000, lead=3),
    Claim("call_1000", "rate", "calls to 1 000 servers in turn", "1/s", target=1_000_000, lead=3),
    Claim("call_100x100", "rate", "100 callers on 100 servers", "1/s", target=1_000_000, lead=2.6),
    Claim("call_named", "rate", "call by registered name", "1/s", target=900_000, lead=3),
    Claim("call_busy", "rate", "call to a busy server, queued", "1/s", target=120_000),
    Claim("cast", "rate", "cast, sent and handled", "1/s", target=3_000_000),
    Claim("cast_batch", "rate", "cast, handled in batches", "1/s", target=5_000_000),
    Claim("start", "rate", "start, supervised and named, 100 000", "1/s", target=250_000, lead=5),
    Claim("memory", "bytes", "memory of an idle, supervised, named process", "B", "less", target=500),
    Claim("lookup", "rate", "look-up among 100 000 names of a registry", "1/s", target=6_000_000, lead=2),
    Claim("lookup", "where", "look-up among 100 000 plain names, by address", "1/s"),
    Claim("restart", "p50", "crash until the new one is visible, median", "s", "less", target=5e-6, lead=2),
    Claim("restart", "p99", "crash until the new one is visible, p99", "s", "less"),
    Claim("crashes", "rate", "100 000 handlers that raise, and restarts", "1/s"),
    Claim("publish", "rate", "events delivered to 10 000 subscribers", "1/s", target=3_000_000, lead=3),
    Claim("publish_burst", "rate", "the same, ten events in a burst", "1/s"),
    Claim("timers", "rate", "timer set and cancelled, 1 000 000 outstanding", "1/s", target=2_000_000, lead=1.7),
    Claim("ring", "rate", "hops of a ping round 1 000 processes", "1/s"),
    Claim("load", "stall_p50", "stall of other tasks under full load, median", "s", "less"),
    Claim("load", "stall_p99", "stall of other tasks under full load, p99", "s", "less"),
    Claim("load", "stall_max", "stall of other tasks under full load, longest", "s", "less", target=2e-3),
    Claim("load", "lag_p99", "event-loop lag under full load, p99", "s", "less", target=10e-3),
    Claim("million", "bytes", "memory of one of 1 000 000 named processes", "B", "less", target=500),
    Claim("million", "rate", "start of 1 000 000, supervised and named", "1/s"),
    Claim("million", "call_p99", "call by name while 1 000 000 live, p99", "s", "less"),
)
