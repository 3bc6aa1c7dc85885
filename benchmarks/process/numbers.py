"""Figures as people read them."""

from math import isnan

from benchmarks.process.claims import Claim

PREFIXES = ((1e6, "M"), (1e3, "k"), (1.0, ""))
TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def shown(claim: Claim, value: float) -> str:
    """The value with its unit."""
    if claim.unit == "s":
        return _scaled(value, TIMES)
    if claim.unit == "B":
        return f"{value:,.0f} B".replace(",", "\u202f")
    return f"{_scaled(value, PREFIXES)}/s"


def target(claim: Claim) -> str:
    """What has to be reached, empty where nothing is promised."""
    if claim.target is None:
        return ""
    return f"{'≥' if claim.better == 'more' else '≤'} {shown(claim, claim.target)}"


def times(ratio: float) -> str:
    """How many times better, empty where there is nothing to compare."""
    if isnan(ratio):
        return ""
    return f"{ratio:.1f} ×" if ratio >= 1 else f"{ratio:.2f} ×"


def _scaled(value: float, scales: tuple[tuple[float, str], ...]) -> str:
    for size, prefix in scales:
        if value >= size:
            return f"{_digits(value / size)} {prefix}".rstrip()
    return f"{_digits(value)} {scales[-1][1]}".rstrip()


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 10 else f"{value:.2f}"
