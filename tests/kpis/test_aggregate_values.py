"""What the database computes of a cell is what `kpis.statistics` says of its values, to 1e-9."""

import hashlib
import random
import struct

import pytest
from django.db import connection

from kpis import aggregate_sql as sql
from kpis import aggregating
from kpis.aggregates import cell, inputs_of
from kpis.aggregating import know_sizes
from kpis.models import Aggregate, AggregateInput, Result
from kpis.statistics import summarise
from tests.kpis import recipes

pytestmark = pytest.mark.django_db

#: Neither an indicator nor a result of the reference data has such a number.
OWN = 1_000_000_000
NUMBERS = ("mean", "median", "lower_quartile", "upper_quartile", "minimum", "maximum")


def random_inputs(chance: random.Random, count: int) -> list[AggregateInput]:
    scale = 10 ** chance.uniform(-6, 9)
    values = [None, 0.0, *(round(chance.gauss(chance.uniform(-2, 2), 1) * scale, 6) for _ in range(count))]
    return [
        AggregateInput(
            result_id=OWN + number,
            kpi_id=OWN,
            vertical_id=chance.choice([1, 2, 3]),
            region_id=chance.choice([1, 2]),
            design=chance.choice(["control", "trend", "before-after", "stated"]),
            use_case_id=chance.randrange(count),
            city_id=chance.randrange(5),
            year=chance.choice([None, 2001, 2020]),
            is_directed=True,
            change=chance.choice(values),
            value=chance.choice(values),
            changed_at="2026-01-01T00:00:00Z",
        )
        for number in range(1, count + 1)
    ]


def cells(select: str) -> dict[tuple, dict]:
    with connection.cursor() as cursor:
        cursor.execute(select)
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {(row["vertical_id"], row["region_id"], row["design"], row["measure"]): row for row in rows}


@pytest.mark.parametrize("seed", range(12))
def test_every_cell_has_the_statistics_of_its_values(seed):
    chance = random.Random(seed)
    rows = random_inputs(chance, chance.choice([1, 2, 5, 6, 40, 400]))
    AggregateInput.objects.bulk_create(rows)
    know_sizes(500)
    found = cells(sql.every_cell(sql.INPUT, f"f.kpi_id = {OWN}"))
    wanted = set()
    for vertical in (None, 1, 2, 3):
        for region in (None, 1, 2):
            for design in ("", "control", "trend", "before-after", "stated"):
                inside = [
                    row
                    for row in rows
                    if vertical in (None, row.vertical_id)
                    and region in (None, row.region_id)
                    and design in ("", row.design)
                ]
                for measure in ("change", "value"):
                    values = [getattr(row, measure) for row in inside if getattr(row, measure) is not None]
                    if inside and (values or measure == "change"):
                        wanted.add((vertical, region, design, measure))
                        assert_summarised(found[vertical, region, design, measure], inside, values, measure)
    assert set(found) == wanted


def assert_summarised(cell: dict, inside: list[AggregateInput], values: list[float], measure: str) -> None:
    assert (cell["results"], cell["n"]) == (len(inside), len(values))
    assert cell["use_cases"] == len({row.use_case_id for row in inside})
    assert cell["cities"] == len({row.city_id for row in inside})
    years = [row.year for row in inside if row.year]
    assert (cell["oldest_year"], cell["newest_year"]) == ((min(years), max(years)) if years else (None, None))
    if len(values) < 3:
        assert cell["points"] == sorted(values)
        assert all(cell[name] is None for name in (*NUMBERS, "median_low", "mean_low", "improved"))
        return
    summary, scale = summarise(values), max(map(abs, values)) or 1.0
    assert cell["points"] == []
    for name in NUMBERS:
        assert abs(cell[name] - getattr(summary, name)) <= 1e-9 * scale, name
    assert abs(cell["mean_low"] - summary.mean_interval.low) <= 1e-9 * scale
    assert abs(cell["mean_high"] - summary.mean_interval.high) <= 1e-9 * scale
    interval = summary.median_interval
    told = (cell["median_low"], cell["median_high"], cell["median_coverage"])
    assert told == ((interval.low, interval.high, interval.coverage) if interval else (None, None, None))
    counted = (cell["improved"], cell["unchanged"], cell["worsened"])
    assert counted == ((summary.improved, summary.unchanged, summary.worsened) if measure == "change" else (None,) * 3)


def fingerprint(row: AggregateInput, slug: str) -> tuple[int, int]:
    """As docs/kpis.md describes it."""
    sent = [b"\0" if value is None else b"\1" + struct.pack(">d", value) for value in (row.change, row.value)]
    return struct.unpack(">qq", hashlib.sha256(slug.encode() + b"".join(sent)).digest()[:16])


def test_anyone_can_compute_the_hash_from_what_is_published():
    kpi = recipes.kpi()
    for number, change in enumerate((-10, None, 33, 5)):
        recipes.result(
            kpi=kpi, slug=f"öffentlich-{number}", relative_change_percent=change, result_value="1.5", unit="hour"
        )
    aggregating.rebuild()
    found = cell(kpi)
    prints = [fingerprint(row, row.result.slug) for row in inputs_of(found)]
    assert {row.value for row in inputs_of(found)} == {90.0}
    told = f"{len(prints)} {sum(high for high, _low in prints)} {sum(low for _high, low in prints)}"
    assert found.inputs_hash == hashlib.sha256(told.encode()).hexdigest()
    Result.objects.filter(kpi=kpi, relative_change_percent=33).update(relative_change_percent=34)
    aggregating.rebuild()
    assert cell(kpi).inputs_hash != found.inputs_hash


def test_no_cell_is_kept_twice():
    values = {"kpi_id": OWN, "measure": "change", "results": 0, "use_cases": 0, "cities": 0, "n": 0}
    values["as_of"] = "2026-01-01T00:00:00Z"
    Aggregate.objects.create(**values)
    with pytest.raises(Exception, match="kpis_aggregate_once"):
        Aggregate.objects.create(**values)
