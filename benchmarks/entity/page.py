"""The results as a table and as a picture."""

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from math import ceil, floor, log10
from statistics import median
from typing import Literal

HEAD = ["work", "aim", "Greenroom", "least .. most", "one transaction each", "times", "by SQLAlchemy", "times"]
GREEN, GREY, BROWN = "#1a7f37", "#6e7781", "#9a6700"
LEFT, PLOT, RIGHT, TOP, ROW = 380, 420, 160, 70, 26


@dataclass(frozen=True)
class Row:
    """What was measured in some rounds, and beside it, in the same rounds, one transaction for each change.

    In two ways: as fast as the driver can, and as applications do it, by SQLAlchemy's asyncio.
    """

    title: str
    unit: Literal["1/s", "B", "×"]
    aim: float | None = None
    """What must be reached: how many times as many as one transaction each, or else the figure itself."""
    ours: list[float] = field(default_factory=list[float])
    usual: list[float] = field(default_factory=list[float])
    mapped: list[float] = field(default_factory=list[float])

    @property
    def times(self) -> float | None:
        """How many times as many as the driver can."""
        return self._times(self.usual)

    @property
    def times_mapped(self) -> float | None:
        """How many times as many as SQLAlchemy can."""
        return self._times(self.mapped)

    @property
    def is_met(self) -> bool:
        """Whether the aim is reached, if there is one."""
        if self.aim is None:
            return True
        reached = median(self.ours) if self.times is None else self.times
        return reached <= self.aim if self.unit == "B" else reached >= self.aim

    def _times(self, others: Sequence[float]) -> float | None:
        return median(self.ours) / median(others) if others else None


def as_text(rows: Sequence[Row]) -> str:
    """The table in columns."""
    lines = [HEAD, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def as_markdown(rows: Sequence[Row], method: str) -> str:
    """The same for a page."""
    lines = [f"| {' | '.join(cells)} |" for cells in (HEAD, ["---", *["---:"] * (len(HEAD) - 1)], *map(_cells, rows))]
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return "\n".join([*lines, "", f"- {machine}, load {os.getloadavg()[0]:.1f}", f"- {method}"]) + "\n"


def as_svg(rows: Sequence[Row]) -> str:
    """Whatever is done in a second, on a logarithmic axis."""
    shown = [row for row in rows if row.unit == "1/s"]
    logarithms = [log10(value) for row in shown for value in (*row.ours, *row.usual, *row.mapped)]
    low, high = floor(min(logarithms)), ceil(max(logarithms))
    height = TOP + ROW * len(shown) + 40
    parts = [*_frame(height), *_axis(low, high, len(shown))]
    for number, row in enumerate(shown):
        y = TOP + ROW * number + ROW / 2
        parts.append(_text(LEFT - 16, y + 4, row.title, anchor="end"))
        for values, colour in ((row.mapped, BROWN), (row.usual, GREY), (row.ours, GREEN)):
            parts += _spread(values, colour, y, low, high) if values else []
        parts.append(_text(LEFT + PLOT + 14, y + 4, _label(row), colour=GREEN))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _cells(row: Row) -> list[str]:
    return [
        row.title,
        _aim(row),
        _number(median(row.ours), row.unit) + ("" if row.is_met else " (missed)"),
        f"{_number(min(row.ours), row.unit)} .. {_number(max(row.ours), row.unit)}",
        *_beside(row.usual, row.times, row.unit),
        *_beside(row.mapped, row.times_mapped, row.unit),
    ]


def _beside(values: Sequence[float], times: float | None, unit: str) -> Sequence[str]:
    return ["", ""] if times is None else [_number(median(values), unit), f"{times:.1f} ×"]


def _aim(row: Row) -> str:
    if row.aim is None:
        return ""
    if row.usual:
        return f"≥ {row.aim:g} ×"
    return f"{'≤' if row.unit == 'B' else '≥'} {_number(row.aim, row.unit)}"


def _number(value: float, unit: str) -> str:
    figure = f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
    return f"{figure}/s" if unit == "1/s" else f"{figure} {unit}"


def _label(row: Row) -> str:
    times = "" if row.times is None else f", {row.times:.1f} ×"
    return _number(median(row.ours), row.unit) + times


def _frame(height: int) -> Iterator[str]:
    width = LEFT + PLOT + RIGHT
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="13">'
    )
    yield "<title>What entities do in a second</title>"
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield _text(16, 24, "What entities do in a second", weight="bold")
    legend = ((0, "entities", GREEN), (120, "one transaction each", GREY), (300, "the same by SQLAlchemy", BROWN))
    for at, title, colour in legend:
        yield f'<circle cx="{LEFT + at}" cy="{TOP - 27}" r="5" fill="{colour}"/>'
        yield _text(LEFT + at + 10, TOP - 22, title)


def _axis(low: int, high: int, rows: int) -> Iterator[str]:
    bottom = TOP + ROW * rows
    for exponent in range(low, high + 1):
        x = _x(10.0**exponent, low, high)
        yield f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{bottom}" stroke="#d0d7de"/>'
        yield _text(x, bottom + 20, f"{10**exponent:,}", anchor="middle")


def _spread(values: Sequence[float], colour: str, y: float, low: int, high: int) -> Iterator[str]:
    ends = [_x(value, low, high) for value in (min(values), max(values))]
    yield (
        f'<line x1="{ends[0]}" y1="{y:.1f}" x2="{ends[1]}" y2="{y:.1f}" '
        f'stroke="{colour}" stroke-width="3" stroke-opacity="0.35"/>'
    )
    yield f'<circle cx="{_x(median(values), low, high)}" cy="{y:.1f}" r="5" fill="{colour}"/>'


def _x(value: float, low: int, high: int) -> str:
    return f"{LEFT + PLOT * (log10(value) - low) / max(1, high - low):.1f}"


def _text(
    x: float | str, y: float, text: str, *, anchor: str = "start", weight: str = "normal", colour: str = "#1f2328"
) -> str:
    return (
        f'<text x="{x}" y="{y:g}" text-anchor="{anchor}" font-weight="{weight}" fill="{colour}">{escape(text)}</text>'
    )
