"""Aggregates beside the least that could compute them: one GROUP BY over a narrow table, polars over a Parquet file.

All three compute the same cells with count, mean, deviation, quartiles, extremes, both measures. What is written is
taken back. The table and the file are made anew from the inputs, so that all read the same values.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import polars
from django.db import connection, transaction

from alliance.core.postgresql import statement_timeout
from kpis import aggregate_running_sql as running
from kpis import aggregate_sql as sql
from kpis import aggregating

#: New results at once.
NEW = 100
#: What an update is timed by, beside all of it: its inputs apart, then the statements that count them.
STEPS = ("_inputs", "_values", "_sums", "_cells")
_WORK_MEM = "SET LOCAL work_mem = '256MB'"
_NARROW = "bench_narrow"
#: What is kept of results: inputs, sums, values, cells.
_KEPT = (sql.INPUT, sql.SUMS, running.SORTED, sql.CELL)
_STATED = """count(*) AS results, count({0}) AS n, avg({0}) AS mean, stddev_samp({0}) AS deviation,
  percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY {0}) AS quartiles, min({0}) AS low, max({0}) AS high"""
_BARE = f"count(DISTINCT use_case_id), count(DISTINCT city_id), {_STATED.format('change')}, {_STATED.format('value')}"
_COLUMNS = ("result_id", "kpi_id", "vertical_id", "region_id", "design", "use_case_id", "city_id", "change", "value")


@dataclass
class Found:
    """Seconds of each way, one value a round."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    rows: int = 0
    cells: int = 0

    def add(self, way: str, seconds: float) -> None:
        self.seconds.setdefault(way, []).append(seconds)

    def ratio(self, way: str, other: str) -> float:
        return statistics.median(self.seconds[way]) / statistics.median(self.seconds[other])

    def told(self, *ways: str) -> dict[str, float]:
        return {f"{way}_ms": statistics.median(self.seconds[way]) * 1_000 for way in ways}


@contextmanager
def _taken_back() -> Iterator[None]:
    """A transaction that leaves nothing."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_WORK_MEM)
        yield
        transaction.set_rollback(True)


@contextmanager
def _by_the_difference() -> Iterator[None]:
    """Indicators count what differs, as large ones do, however small the data set is."""
    usual = aggregating.WHOLE_FROM
    aggregating.WHOLE_FROM = 0
    try:
        yield
    finally:
        aggregating.WHOLE_FROM = usual


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _run(statement: str) -> Callable[[], None]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return run


def measure(*, count: int, folder: Path, say: Callable[[str], None]) -> Found:
    """Every way in turn, `count` times."""
    found, file = Found(), folder / "aggregates.parquet"
    with statement_timeout(0):
        say("aggregates: following the log")
        aggregating.follow()
        aggregating.rebuild()
        _prepare(file, found)
        for _round in range(count):
            _full(found, file)
            for way, share in (("update", 1), ("update_of_a_tenth", 10)):
                _update(found, way, share)
    return found


def _prepare(file: Path, found: Found) -> None:
    names = ", ".join(_COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {_NARROW}")
        cursor.execute(f"CREATE UNLOGGED TABLE {_NARROW} AS SELECT {names} FROM {sql.INPUT}")
        cursor.execute(
            f"CREATE INDEX ON {_NARROW} (kpi_id, vertical_id, region_id, design) "
            "INCLUDE (use_case_id, city_id, change, value)"
        )
        cursor.execute(f"VACUUM ANALYZE {_NARROW}")
        for table in _KEPT:
            cursor.execute(f"VACUUM ANALYZE {table}")
        cursor.execute(f"SELECT {names} FROM {_NARROW}")
        rows = cursor.fetchall()
        cursor.execute(f"SELECT count(*) FROM {sql.CELL}")
        found.rows, found.cells = len(rows), cursor.fetchone()[0]
    polars.DataFrame(rows, schema=list(_COLUMNS), orient="row", infer_schema_length=None).write_parquet(file)


def _full(found: Found, file: Path) -> None:
    every = sql.every_cell(sql.INPUT)
    dimensions = "vertical_id, region_id, design"
    bare = f"SELECT kpi_id, {dimensions}, {_BARE} FROM {_NARROW} GROUP BY kpi_id, CUBE ({dimensions})"
    with _taken_back():
        found.add(
            "full", _timed(_run(f"SELECT count(*), max(median), max(mean_high), max(inputs_hash) FROM ({every}) c"))
        )
    with _taken_back():
        named = "k, v, r, d, u, c, a1, a2, a3, a4, a5, a6, a7, b1, b2, b3, b4, b5, b6, b7"
        asked = "count(*), max(a5), max(b5), max(a4), max(b4), max(u), max(c)"
        found.add("group_by", _timed(_run(f"SELECT {asked} FROM ({bare}) x({named})")))
    found.add("polars", _timed(lambda: _in_polars(file)))
    found.add("rebuild", _timed(aggregating.rebuild))


def _in_polars(file: Path) -> None:
    frame = polars.read_parquet(file)
    stated = [polars.len().alias("results"), polars.col("use_case_id").n_unique(), polars.col("city_id").n_unique()]
    for name in ("change", "value"):
        one = polars.col(name)
        stated += [
            one.count().alias(f"{name}_n"),
            one.mean().alias(f"{name}_mean"),
            one.std().alias(f"{name}_deviation"),
            one.min().alias(f"{name}_low"),
            one.max().alias(f"{name}_high"),
            *(one.quantile(share, "linear").alias(f"{name}_{share}") for share in (0.25, 0.5, 0.75)),
        ]
    for size in range(4):
        for dimensions in combinations(("vertical_id", "region_id", "design"), size):
            frame.group_by("kpi_id", *dimensions).agg(stated)


def _update(found: Found, way: str, share: int) -> None:
    """New results become inputs and cells; beside a bare pass over the same cells. Share 10: with a tenth of all."""
    with _taken_back(), _by_the_difference(), connection.cursor() as cursor:
        if share > 1:
            _make_smaller(share)
        # Those that are new are taken out first, of the cells too: what follows puts them in again.
        was = ", ".join(sql.WAS)
        cursor.execute(
            f"WITH gone AS (DELETE FROM {sql.INPUT} WHERE result_id IN (SELECT result_id FROM {sql.INPUT} "
            f"ORDER BY hashint8(result_id), result_id LIMIT {NEW}) RETURNING *) "
            f"INSERT INTO {sql.UNCOUNTED} (kpi_id, result_id, is_counted, {was}) "
            f"SELECT kpi_id, result_id, true, {was} FROM gone RETURNING result_id"
        )
        ids = [row[0] for row in cursor.fetchall()]
        _count()
        listed = f"SELECT unnest(ARRAY[{', '.join(map(str, ids))}]::bigint[])"
        found.add(f"{way}_inputs", _timed(lambda: aggregating._follow_inputs(listed, everything=False)))
        cursor.execute(
            "CREATE TEMP TABLE bench_touched ON COMMIT DROP AS SELECT kpi_id, vertical_id, region_id, "
            f"coalesce(design, '') AS design FROM {sql.INPUT} WHERE result_id IN ({listed}) "
            "GROUP BY kpi_id, CUBE (vertical_id, region_id, design)"
        )
        cursor.execute("ANALYZE bench_touched")

        def bare(vertical: str) -> str:
            return (
                f"SELECT t.kpi_id, t.vertical_id, t.region_id, t.design, {_BARE} FROM bench_touched t "
                f"JOIN {sql.INPUT} f ON f.kpi_id = t.kpi_id AND {vertical} "
                "AND (t.region_id IS NULL OR f.region_id = t.region_id) AND (t.design = '' OR f.design = t.design) "
                "GROUP BY t.kpi_id, t.vertical_id, t.region_id, t.design"
            )

        both = f"{bare('f.vertical_id = t.vertical_id')} UNION ALL {bare('t.vertical_id IS NULL')}"
        found.add(f"{way}_bare", _timed(_run(both)))
        texts = (running.count_values(), running.count_sums(), running.count_cells())
        steps = dict(zip(texts, STEPS[1:], strict=True))

        def timed(execute: Any, statement: Any, *rest: Any) -> Any:
            begun = time.perf_counter()
            try:
                return execute(statement, *rest)
            finally:
                if statement in steps:
                    found.add(f"{way}{steps[statement]}", time.perf_counter() - begun)

        with connection.execute_wrapper(timed):
            found.add(way, _timed(_count))


def _count() -> None:
    while aggregating._one_batch():
        pass


def _make_smaller(share: int) -> None:
    """Tables of this session, which stand before the real ones, with a part of the inputs and their cells."""
    with connection.cursor() as cursor:
        for table in _KEPT:
            cursor.execute(f"CREATE TEMP TABLE {table} (LIKE public.{table} INCLUDING ALL) ON COMMIT DROP")
        cursor.execute(f"INSERT INTO {sql.INPUT} SELECT * FROM public.{sql.INPUT} WHERE result_id % {share} = 0")
        cursor.execute(f"ANALYZE {sql.INPUT}")
        cursor.execute(running.whole_state("kpi_id > 0", repair=True))
        for table in _KEPT:
            cursor.execute(f"ANALYZE {table}")
