"""The results as a table, for the terminal and as Markdown."""

from collections.abc import Sequence

from benchmarks.process.claims import Claim
from benchmarks.process.numbers import shown, target, times
from benchmarks.process.results import Results, Spread
from benchmarks.process.systems import TITLES

HIGHLIGHTS = {
    "call_idle.rate",
    "call_1000.rate",
    "call_named.rate",
    "cast.rate",
    "start.rate",
    "memory.bytes",
    "restart.p50",
    "publish.rate",
    "load.lag_p99",
}


def as_text(results: Results) -> str:
    """The table in columns, with what was measured below it."""
    rows = _rows(results)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(_padded(cells, widths)).rstrip() for cells in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*lines, "", *_footing(results)]) + "\n"


def as_markdown(results: Results) -> str:
    """The same for a page."""
    rows = _rows(results)
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    lines.insert(1, "|" + " --- |" + " ---: |" * (len(rows[0]) - 1))
    return "\n".join([*lines, "", *(f"- {line}" for line in _footing(results))]) + "\n"


def highlights(results: Results) -> str:
    """A few rows, for the page that everyone reads first."""
    systems = results.systems
    lines = [["work", *(TITLES[system] for system in systems)], ["---", *("---:" for _ in systems)]]
    for claim in results.claims:
        if claim.key in HIGHLIGHTS:
            spreads = results.spreads[claim.key]
            lines.append([claim.title, *(shown(claim, spreads[system].median) for system in systems)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _rows(results: Results) -> list[list[str]]:
    others = [system for system in results.systems if system != "greenroom"]
    head = ["work", "target", "Greenroom", "least .. most", *(TITLES[other] for other in others)]
    head += [f"against {TITLES[other]}" for other in others]
    return [head, *(_row(claim, results, others) for claim in results.claims)]


def _row(claim: Claim, results: Results, others: Sequence[str]) -> list[str]:
    spreads = results.spreads[claim.key]
    ours = spreads["greenroom"]
    measured = [spreads.get(other) for other in others]
    return [
        claim.title,
        target(claim),
        shown(claim, ours.median) + _verdict(claim, ours),
        f"{shown(claim, ours.least)} .. {shown(claim, ours.most)}",
        *("" if spread is None else shown(claim, spread.median) for spread in measured),
        *(
            "" if spread is None else _times(claim, other, ours, spread)
            for other, spread in zip(others, measured, strict=True)
        ),
    ]


def _verdict(claim: Claim, ours: Spread) -> str:
    return "" if claim.is_met(ours.median) else " (missed)"


def _times(claim: Claim, other: str, ours: Spread, theirs: Spread) -> str:
    advantage = claim.advantage(ours.median, theirs.median)
    if other != "beam" or claim.lead is None:
        return times(advantage)
    return f"{times(advantage)} of {claim.lead:g} ×" + ("" if advantage >= claim.lead else " (missed)")


def _padded(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.ljust(width) if column == 0 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]


def _footing(results: Results) -> list[str]:
    found = [f"{TITLES[system]}: {version}" for system, version in results.versions.items()]
    machine = results.machine
    found.append(f"{machine['cores']} cores of {machine['processor']}, {machine['system']}, load {machine['load']}")
    found.append(machine["method"])
    return found
