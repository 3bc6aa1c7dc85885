"""One run: every workload, several times, the systems in turn."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.process.claims import WORKLOADS, Workload
from benchmarks.process.gauges import Figures
from benchmarks.process.results import Results, machine, summarised
from benchmarks.process.systems import TITLES, measure, versions


@dataclass(frozen=True)
class Plan:
    """What a run does."""

    workloads: Sequence[Workload]
    systems: Sequence[str]
    repetitions: int
    seconds: float
    collector: str


def planned(quick: bool, only: str | None, systems: Sequence[str], repetitions: int, collector: str) -> Plan:
    """The run that was asked for; a quick one is there to see that everything runs."""
    workloads = [workload for workload in WORKLOADS if only in (None, workload.name)]
    if quick:
        return Plan([workload.scaled(0.01) for workload in workloads], systems, 1, 0.02, collector)
    return Plan(workloads, systems, repetitions, 0.5, collector)


def run(plan: Plan) -> Results:
    """Measure all that is planned, and tell how far it is."""
    found = {
        workload.name: _repeated(plan, workload, f"{number}/{len(plan.workloads)} {workload.name}")
        for number, workload in enumerate(plan.workloads, 1)
    }
    return Results({**machine(), "method": _method(plan)}, versions(list(plan.systems)), summarised(found))


def _repeated(plan: Plan, workload: Workload, label: str) -> dict[str, list[Figures]]:
    systems = plan.systems if workload.compared else ["greenroom"]
    repetitions = min(plan.repetitions, workload.repetitions or plan.repetitions)
    found: dict[str, list[Figures]] = {system: [] for system in systems}
    for repetition in range(1, repetitions + 1):
        # In turn, so that a slow minute of the machine is a slow minute of all.
        for system in systems:
            _tell(f"{label}: {TITLES[system]}, {repetition} of {repetitions}")
            found[system].append(measure(system, workload, plan.seconds, plan.collector))
    return found


def _method(plan: Plan) -> str:
    return (
        f"median of {plan.repetitions} repetitions of {plan.seconds:g} s, each in an interpreter of its own; "
        f"garbage collector: {plan.collector}; crash reports off"
    )


def _tell(progress: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{progress}", end="", file=sys.stderr, flush=True)
    else:
        print(progress, file=sys.stderr, flush=True)
