"""Every claim has its work, on every system that it is compared on."""

import re
from math import isnan
from pathlib import Path

import pytest

from benchmarks.process import on_greenroom, on_tasks
from benchmarks.process.claims import CLAIMS, WORKLOADS, Claim

MORE = Claim("work", "rate", "rate", "1/s", target=100)
LESS = Claim("work", "bytes", "size", "B", "less", target=100)


def test_greenroom_does_every_workload() -> None:
    assert set(on_greenroom.WORK) == {workload.name for workload in WORKLOADS}


def test_a_task_and_a_queue_do_every_workload_that_is_compared() -> None:
    assert set(on_tasks.WORK) == {workload.name for workload in WORKLOADS if workload.compared}


def test_the_beam_does_every_workload_that_is_compared() -> None:
    program = Path("benchmarks/beam/processes.exs").read_text()

    assert set(re.findall(r'def run\("(\w+)"', program)) == {w.name for w in WORKLOADS if w.compared}


def test_every_claim_is_of_a_workload() -> None:
    assert {claim.workload for claim in CLAIMS} == {workload.name for workload in WORKLOADS}


@pytest.mark.parametrize(
    ("claim", "value", "met"), [(MORE, 100, True), (MORE, 99, False), (LESS, 100, True), (LESS, 101, False)]
)
def test_a_target_is_met_from_the_right_side(claim: Claim, value: float, met: bool) -> None:
    assert claim.is_met(value) is met


def test_an_advantage_is_above_one_where_the_value_is_the_better() -> None:
    assert MORE.advantage(200, 100) == 2
    assert LESS.advantage(50, 100) == 2


def test_nothing_can_be_compared_with_zero() -> None:
    assert isnan(LESS.advantage(1, 0))
