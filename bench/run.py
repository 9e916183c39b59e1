"""One run: data, servers, rounds, table, JSON."""

import argparse
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from django.conf import settings

from bench import data, measure, operations, report, servers
from bench.addresses import Addresses
from bench.operations import Row
from kpis import aggregating

Say = Callable[[str], None]


def run(options: argparse.Namespace, say: Say) -> int:
    """Returns: the exit code."""
    started = time.perf_counter()
    say(f"Data set: scale {options.scale:g}, seed {options.seed}, database {options.database}")
    data.ensure(options.seed, options.scale, say)
    if {"insight", "freshness"} & set(options.only):
        say("aggregates: following the log")
        aggregating.follow()
    folder = Path(settings.STATE_DIR) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    asked = operations.measures(Addresses(options.seed, options.scale), options.only)
    needed = {*(one.server for one in asked), "portal"}
    environment = {**os.environ, "LOG_LEVEL": "INFO"}
    with servers.running(needed, folder, environment) as running:
        results = measure.rounds(asked, running, count=options.rounds, seconds=options.seconds, say=say)
        if late := data.stale():
            say(f"Not valid: documents of {', '.join(late)} have become stale meanwhile.")
        rows = list(operations.rows(results, options.only))
        rows += _others(options, running["portal"], say)
        if "freshness" in options.only:
            rows += operations.freshness_rows(running["portal"], folder=folder, environment=environment, say=say)
        if "together" in options.only:
            rows += operations.together_rows(
                running["portal"], folder=folder, environment=environment, seconds=options.seconds, say=say
            )
    told = {
        **report.machine(),
        "scale": options.scale,
        "seed": options.seed,
        "rounds": options.rounds,
        "window_seconds": options.seconds,
        "rows_of": data.Size(options.scale).counts(),
    }
    measured = report.measured(results)
    path = options.output or settings.BASE_DIR / ".local" / "bench" / "latest.json"
    report.write(path, told=told, rows=rows, measures=measured)
    say("")
    report.show(rows, measured, say)
    say(f"\n{time.perf_counter() - started:.0f} s in all; as JSON in {path}")
    return verdict(rows, check=options.check)


def verdict(rows: Iterable[Row], *, check: bool) -> int:
    """The exit code: 1 when a goal is missed and that is asked for."""
    return 1 if check and any(row.is_reached is False for row in rows) else 0


def _others(options: argparse.Namespace, portal: servers.Server, say: Say) -> list[Row]:
    """The rows that are not made of requests a second. Memory comes after the exports: at its largest."""
    found: list[Row] = []
    if "exports" in options.only:
        found += operations.export_rows(portal, count=options.rounds, say=say)
    if "memory" in options.only:
        found += operations.memory_rows(portal)
    if "writes" in options.only:
        found += operations.write_rows(count=options.rounds, say=say)
    if "import" in options.only:
        found += operations.import_rows(count=options.rounds, say=say)
    if "aggregates" in options.only:
        found += operations.aggregate_rows(count=options.rounds, folder=Path(settings.STATE_DIR) / "bench", say=say)
    if "synthesis" in options.only:
        found += operations.synthesis_rows(seed=options.seed, scale=options.scale, count=options.rounds, say=say)
    return found
