"""The results as a picture: for each claim, how many times better than a task and a queue, on a logarithmic axis."""

from collections.abc import Iterator
from html import escape
from math import ceil, floor, isfinite, log10

from benchmarks.process.claims import Claim
from benchmarks.process.numbers import shown, times
from benchmarks.process.results import Results, Spread
from benchmarks.process.systems import TITLES

LEFT, RIGHT, TOP, ROW, PLOT = 330, 150, 70, 26, 460
COLOURS = {"greenroom": "#1a7f37", "tasks": "#6e7781", "beam": "#8250df"}

Positions = dict[str, tuple[float, float, float]]
"""For each system, its advantage over a task and a queue: the median, the least, the most."""


def as_svg(results: Results) -> str:
    """The picture; the same results give the same text."""
    rows = [(claim, _positions(claim, results)) for claim in results.claims if "tasks" in results.spreads[claim.key]]
    exponents = [log10(value) for _, positions in rows for values in positions.values() for value in values]
    low, high = floor(min(exponents, default=0)), max(1, ceil(max(exponents, default=1)))
    height = TOP + ROW * len(rows) + 40
    parts = [*_head(results, height), *_axis(low, high, len(rows))]
    for number, (claim, positions) in enumerate(rows):
        spread = results.spreads[claim.key]["greenroom"]
        parts += _row(claim, positions, spread, TOP + ROW * number + ROW / 2, low, high)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _positions(claim: Claim, results: Results) -> Positions:
    spreads = results.spreads[claim.key]
    base = spreads["tasks"].median
    found = {
        system: tuple(claim.advantage(value, base) for value in (spread.median, spread.least, spread.most))
        for system, spread in spreads.items()
    }
    return {
        system: (values[0], min(values), max(values)) for system, values in found.items() if all(map(isfinite, values))
    }


def _head(results: Results, height: int) -> Iterator[str]:
    width = LEFT + PLOT + RIGHT
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="13">'
    )
    yield "<title>Processes: how many times better than a task and a queue</title>"
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield _text(16, 24, "How many times better than a hand-written task and queue", weight="bold")
    for number, system in enumerate(results.systems):
        at = LEFT + 150 * number
        yield f'<circle cx="{at}" cy="{TOP - 27}" r="5" fill="{COLOURS[system]}"/>'
        yield _text(at + 10, TOP - 22, TITLES[system])


def _axis(low: int, high: int, rows: int) -> Iterator[str]:
    bottom = TOP + ROW * rows
    for exponent in range(low, high + 1):
        x = _x(10.0**exponent, low, high)
        colour = "#6e7781" if exponent == 0 else "#d0d7de"
        yield f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{bottom}" stroke="{colour}"/>'
        yield _text(x, bottom + 20, f"{10.0**exponent:g} ×", anchor="middle")


def _row(claim: Claim, positions: Positions, ours: Spread, y: float, low: int, high: int) -> Iterator[str]:
    yield _text(LEFT - 16, y + 4, claim.title, anchor="end")
    # Greenroom last, on top of what it is compared with.
    for system, (middle, least, most) in sorted(positions.items(), key=lambda item: item[0] == "greenroom"):
        colour = COLOURS[system]
        yield (
            f'<line x1="{_x(least, low, high)}" y1="{y:.1f}" x2="{_x(most, low, high)}" y2="{y:.1f}" '
            f'stroke="{colour}" stroke-width="3" stroke-opacity="0.35"/>'
        )
        yield f'<circle cx="{_x(middle, low, high)}" cy="{y:.1f}" r="5" fill="{colour}"/>'
    label = shown(claim, ours.median)
    if "greenroom" in positions:
        label += f", {times(positions['greenroom'][0])}"
    yield _text(LEFT + PLOT + 14, y + 4, label, colour=COLOURS["greenroom"])


def _x(value: float, low: int, high: int) -> str:
    return f"{LEFT + PLOT * (log10(value) - low) / (high - low):.1f}"


def _text(
    x: float | str, y: float, text: str, *, anchor: str = "start", weight: str = "normal", colour: str = "#1f2328"
) -> str:
    return (
        f'<text x="{x}" y="{y:g}" text-anchor="{anchor}" font-weight="{weight}" fill="{colour}">{escape(text)}</text>'
    )
