"""What a run found: a table for people, JSON for programs."""

import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from bench import load
from bench.measure import Results
from bench.operations import Row

Say = Callable[[str], None]
#: Units of whole numbers.
_COUNTED = frozenset({"answers", "changes", "documents"})


def machine() -> dict[str, Any]:
    """Where and with what the run was made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('shared_buffers')")
        version, buffers = cursor.fetchone()
    return {
        "date": timezone.now().isoformat(timespec="seconds"),
        "commit": _commit(),
        "processor": _from("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory": _from("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "postgresql": version,
        "shared_buffers": buffers,
        "load": load.generator(),
    }


def _from(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _commit() -> str:
    """With `+` when files differ from it; empty without a git checkout."""
    command = ["git", "-C", str(settings.BASE_DIR), "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty=+"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def measured(results: Results) -> list[dict[str, Any]]:
    """Every measure with the medians of its rounds."""
    return [
        {
            "measure": name,
            "clients": clients,
            "requests_a_second": round(results.rate(name, clients), 1),
            "spread": [round(find(one.window.rate for one in samples), 1) for find in (min, max)],
            "p50_ms": round(results.p50(name, clients), 2),
            "p99_ms": round(results.p99(name, clients), 2),
            "cpu_ms": round(results.cpu(name, clients), 2),
            "kib_an_answer": round(samples[-1].window.bytes / samples[-1].window.requests / 1_024, 1),
        }
        for (name, clients), samples in results.samples.items()
        if name not in results.failed
    ]


def write(path: Path, *, told: dict[str, Any], rows: Iterable[Row], measures: list[dict[str, Any]]) -> None:
    """The whole run as JSON."""
    body = {
        **told,
        "rows": [{**asdict(row), "is_reached": row.is_reached} for row in rows],
        "measures": measures,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n")


# --- tables ----------------------------------------------------------------------------------------------------------
def table(head: Sequence[str], lines: Sequence[Sequence[str]], say: Say) -> None:
    """The first column to the left, the others to the right."""
    widths = [max(len(line[at]) for line in (head, *lines)) for at in range(len(head))]
    for line in (head, ["-" * width for width in widths], *lines):
        cells = [
            f"{line[0]:<{widths[0]}}",
            *(f"{cell:>{width}}" for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        say("  ".join(cells).rstrip())


def show(rows: Sequence[Row], measures: list[dict[str, Any]], say: Say) -> None:
    """Both tables."""
    if measures:
        names = ("requests_a_second", "p50_ms", "p99_ms", "cpu_ms", "kib_an_answer")
        table(
            ("measure", "clients", "requests/s", "p50 ms", "p99 ms", "CPU ms", "KiB"),
            [(one["measure"], str(one["clients"]), *(f"{one[name]:,}" for name in names)) for one in measures],
            say,
        )
        say("")
    reached = {True: "yes", False: "NO", None: ""}
    table(
        ("operation", "goal", "measured", "reached"),
        [(row.operation, _goal(row), _value(row.value, row.unit), reached[row.is_reached]) for row in rows],
        say,
    )
    for row in rows:
        if row.note:
            say(f"{row.operation}: {row.note}")


def _goal(row: Row) -> str:
    if row.goal is None:
        return ""
    return f"{'>=' if row.at_least else '<='} {_value(row.goal, row.unit)}"


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "not measured"
    if unit in _COUNTED:
        return f"{value:,.0f} {unit}"
    number = f"{value:.2f}" if value < 10 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
    return f"{number} {'x' if unit == 'times' else unit}"
