"""What a run of the benchmark found."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.process.claims import CLAIMS, Claim
from benchmarks.process.gauges import Figures


@dataclass(frozen=True)
class Spread:
    """The values of some repetitions, in short."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of these values."""
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True)
class Results:
    """All spreads, by the key of the claim and the system, and where they were measured."""

    machine: Mapping[str, str]
    versions: Mapping[str, str]
    spreads: Mapping[str, Mapping[str, Spread]]

    @property
    def systems(self) -> list[str]:
        """The systems that were measured."""
        return list(self.versions)

    @property
    def claims(self) -> list[Claim]:
        """The claims that were measured."""
        return [claim for claim in CLAIMS if claim.key in self.spreads]

    def write(self, path: Path) -> None:
        """Keep them as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "machine": self.machine,
            "versions": self.versions,
            "results": {
                key: {system: [spread.median, spread.least, spread.most] for system, spread in spreads.items()}
                for key, spreads in self.spreads.items()
            },
        }
        path.write_text(json.dumps(content, indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Results":
        """What `write` has kept."""
        content: dict[str, Any] = json.loads(path.read_text())
        spreads = {
            key: {system: Spread(*values) for system, values in found.items()}
            for key, found in content["results"].items()
        }
        return cls(content["machine"], content["versions"], spreads)


def summarised(found: Mapping[str, Mapping[str, Sequence[Figures]]]) -> dict[str, dict[str, Spread]]:
    """The spreads of all claims, of what each system measured in each workload."""
    return {
        claim.key: {
            system: Spread.of([figures[claim.figure] for figures in repetitions])
            for system, repetitions in found[claim.workload].items()
            if claim.figure in repetitions[0]
        }
        for claim in CLAIMS
        if claim.workload in found
    }


def machine() -> dict[str, str]:
    """What a reader has to know of this machine."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
