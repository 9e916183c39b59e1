"""The portal's most frequent queries read no large table from end to end."""

import pytest

from bench.explain import full_scans
from tests.bench.conftest import bench

LARGE = {"usecases_usecase"}


@pytest.mark.services
def test_no_large_table_is_read_to_its_end(whole_run):
    outcome = bench("--explain", "--check")
    assert outcome.returncode == 0, outcome.stdout[-5_000:] + outcome.stderr[-2_000:]
    assert outcome.stdout.count("--- ") == 10


def scan(kind, **more):
    return {"Node Type": kind, "Relation Name": "usecases_usecase", "Index Name": "some", **more}


@pytest.mark.parametrize(
    ("plan", "count"),
    [
        (scan("Seq Scan"), 1),
        (
            {"Node Type": "Hash Join", "Plans": [scan("Seq Scan"), {"Node Type": "Hash", "Plans": [scan("Seq Scan")]}]},
            2,
        ),
        ({"Node Type": "Seq Scan", "Relation Name": "usecases_region"}, 0),
        (scan("Index Scan"), 1),
        (scan("Index Scan", **{"Index Cond": "(id = 1)"}), 0),
        ({"Node Type": "Limit", "Plans": [scan("Index Scan")]}, 0),
        ({"Node Type": "Limit", "Plans": [scan("Seq Scan")]}, 1),
        ({"Node Type": "Limit", "Plans": [{"Node Type": "Sort", "Plans": [scan("Index Scan")]}]}, 1),
    ],
)
def test_a_scan_of_everything_is_found_wherever_it_stands(plan, count):
    assert len(full_scans(plan, LARGE)) == count
