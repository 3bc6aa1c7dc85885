"""The results as a table and as a picture."""

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.booking.servers import TITLES
from benchmarks.booking.verdict import Verdict

HEAD = ["database", "server", "bookings/s", "times as many", "requests/s", "p50", "p99", "refused", "conflicts lost"]
COLOURS = {"gigbook": "#1a7f37", "fastapi": "#6e7781"}
LEFT, PLOT, ROW = 270, 420, 34


@dataclass(frozen=True)
class Cell:
    """One server on one database: the median of the rounds, but every fault of any round."""

    system: str
    database: str
    bookings: float
    requests: float
    p50: float
    p99: float
    refused: float
    """The share of wishes that somebody else had before."""
    verdicts: Sequence[Verdict]

    @property
    def faults(self) -> str:
        return "; ".join(sorted({str(verdict) for verdict in self.verdicts} - {"none"})) or "none"


def as_text(cells: Sequence[Cell]) -> str:
    rows = [HEAD, *_rows(cells)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def as_markdown(cells: Sequence[Cell], method: str) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (HEAD, ["---", "---", *["---:"] * 6, "---"], *_rows(cells))]
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return "\n".join([*lines, "", f"- {machine}, load {os.getloadavg()[0]:.1f}", f"- {method}"]) + "\n"


def as_svg(cells: Sequence[Cell]) -> str:
    most = max(cell.bookings for cell in cells)
    height = 60 + ROW * len(cells) + 20
    return "\n".join([*_frame(height), *_bars(cells, most), "</svg>"]) + "\n"


def _rows(cells: Sequence[Cell]) -> Iterator[list[str]]:
    usual = {cell.database: cell.bookings for cell in cells if cell.system == "fastapi"}
    for cell in cells:
        yield [
            cell.database,
            TITLES[cell.system],
            f"{cell.bookings:,.0f}",
            f"{cell.bookings / usual[cell.database]:.1f} ×",
            f"{cell.requests:,.0f}",
            f"{cell.p50 * 1000:.1f} ms",
            f"{cell.p99 * 1000:.1f} ms",
            f"{cell.refused:.0%}",
            cell.faults,
        ]


def _frame(height: int) -> Iterator[str]:
    width = LEFT + PLOT + 110
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="13">'
    )
    yield "<title>Bookings a second through HTTP</title>"
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield '<text x="16" y="28" font-weight="bold">Bookings a second: 64 clients, 100 venues, three requests each</text>'


def _bars(cells: Sequence[Cell], most: float) -> Iterator[str]:
    for number, cell in enumerate(cells):
        y, length = 50 + ROW * number, PLOT * cell.bookings / most
        label = escape(f"{TITLES[cell.system]}, {cell.database}")
        yield f'<text x="{LEFT - 10}" y="{y + 17}" text-anchor="end">{label}</text>'
        yield f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="24" fill="{COLOURS[cell.system]}"/>'
        yield f'<text x="{LEFT + length + 8:.1f}" y="{y + 17}">{cell.bookings:,.0f}/s</text>'
