"""From measurements to figures: percentiles, medians with their range, tables, and the file of results."""

import json
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from os import cpu_count, getloadavg
from pathlib import Path
from statistics import median
from typing import Any

from bench.processes import ROOT
from worker.demo.valkey import find_program

Figures = Mapping[str, float]

RESULTS = ROOT / "bench" / "results"


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which a share of them lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summary(runs: Sequence[Figures]) -> dict[str, dict[str, float]]:
    """Give median, least and most of each figure over the runs."""
    return {
        name: {
            "median": median(run[name] for run in runs),
            "min": min(run[name] for run in runs),
            "max": max(run[name] for run in runs),
        }
        for name in runs[0]
    }


def table(results: Mapping[str, Sequence[Figures]]) -> str:
    """Make a Markdown table, one row for each system: median [min-max] of its runs."""
    names = list(next(iter(results.values()))[0])
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for system, runs in results.items():
        cells = (_cell(figure) for figure in summary(runs).values())
        lines.append(f"| {system} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(figure: Figures) -> str:
    middle, least, most = (_number(figure[name]) for name in ("median", "min", "max"))
    return middle if least == most else f"{middle} [{least}-{most}]"


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.3g}"


def keep(name: str, setting: Mapping[str, Any], results: Mapping[str, Sequence[Figures]]) -> None:
    """Print the table, and write everything to `results/<name>.json`."""
    print(f"\n{name}: median [min-max], {', '.join(f'{key} {value}' for key, value in setting.items())}\n")
    print(table(results))
    systems = {system: {"runs": list(runs), "summary": summary(runs)} for system, runs in results.items()}
    document = {
        "name": name,
        "setting": dict(setting),
        "machine": machine(),
        "versions": versions(),
        "systems": systems,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")


def machine() -> dict[str, Any]:
    """Describe what was measured on; `load` is the machine's load average at the end, which shows other work."""
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": model[1] if model else platform.processor(),
        "cores": cpu_count(),
        "kernel": platform.release(),
        "load": [round(each, 2) for each in getloadavg()],
    }


def versions() -> dict[str, str]:
    """Tell what was measured."""
    ours = {name: version(name) for name in ("celery", "redis", "kombu", "httpx", "aiohttp")}
    return {
        "python": platform.python_version(),
        **ours,
        "server": _said([find_program(), "--version"]),
        "zenbeat": _said(["git", "-C", str(ROOT), "describe", "--always", "--dirty"]),
        "peers": " ".join(
            line for line in (ROOT / "bench" / "requirements.txt").read_text().splitlines() if "==" in line
        ),
    }


def _said(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
