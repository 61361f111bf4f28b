"""What a benchmark reports, and how it is shown."""

from __future__ import annotations

import math
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = ("banyan-agents", "mcp", "sqlalchemy", "onnxruntime", "numpy", "pydantic", "fastmcp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """One number that was promised, and what it is."""

    text: str
    value: float
    limit: float
    unit: str = ""
    at_most: bool = True
    """The value should be at most the limit; else at least."""

    @property
    def met(self) -> bool:
        """Whether the promise holds."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def __str__(self) -> str:
        """Return the aim as one line."""
        sign = "≤" if self.at_most else "≥"
        verdict = "met" if self.met else "MISSED"
        return f"{self.text}: {shown(self.value)} {self.unit} (aim {sign} {shown(self.limit)}): {verdict}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one benchmark measured: a table, the aims it speaks to, and how it was measured."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    aims: tuple[Aim, ...] = ()
    notes: tuple[str, ...] = ()
    """N, what was interleaved, which settings: what a reader needs to repeat it."""

    def to_json(self) -> dict[str, Any]:
        """Return the report as a JSON object."""
        data = asdict(self)
        data["aims"] = [asdict(aim) | {"met": aim.met} for aim in self.aims]
        return data

    def to_markdown(self) -> str:
        """Return the report as a section of a Markdown page."""
        lines = [f"## {self.title}", "", "| " + " | ".join(self.columns) + " |"]
        lines.append("|" + "|".join(["---", *["--:" for _ in self.columns[1:]]]) + "|")
        lines += ["| " + " | ".join(shown(cell) for cell in row) + " |" for row in self.rows]
        lines += ["", *[f"- {aim}" for aim in self.aims]] if self.aims else []
        lines += ["", *self.notes] if self.notes else []
        return "\n".join(lines) + "\n"


@dataclass(slots=True)
class Timings:
    """Durations of one thing measured again and again."""

    seconds: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        """The middle one."""
        return statistics.median(self.seconds) * 1_000

    @property
    def p95_ms(self) -> float:
        """The one that 95 in 100 do not exceed (nearest rank)."""
        ordered = sorted(self.seconds)
        return ordered[max(0, math.ceil(0.95 * len(ordered)) - 1)] * 1_000


def shown(value: Any) -> str:
    """Return a cell as people read it: three significant digits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or value >= 1_000:
        return f"{round(value):,}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def machine() -> dict[str, Any]:
    """Return what the numbers depend on: processor, cores, memory, Python and libraries."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
        "libraries": versions,
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or sys.platform


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return statistics.median(values)
