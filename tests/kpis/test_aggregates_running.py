"""Cells that count what came and went say what all their inputs say; what they keep for that is proven and mended."""

import random
from itertools import pairwise

import pytest
from django.db import connection

from kpis import aggregate_running_sql as running
from kpis import aggregate_sql as sql
from kpis import aggregating, tasks
from kpis.models import Aggregate, AggregateInput, CellSums, SortedValues, UncountedInput

pytestmark = pytest.mark.django_db

#: Neither an indicator nor a result of the reference data has such a number.
OWN = 1_000_000_000
PIECES = 3


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Pieces of a few values, and no indicator is computed whole."""
    monkeypatch.setattr(running, "PIECE", PIECES)
    monkeypatch.setattr(aggregating, "WHOLE_FROM", 0)


class Inputs:
    """Inputs of one indicator that come, go and change at random."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.next = OWN

    def new(self) -> AggregateInput:
        pick = self.chance.choice
        self.next += 1
        return AggregateInput(
            result_id=self.next,
            kpi_id=OWN,
            vertical_id=pick([1, 2, 3]),
            region_id=pick([1, 2]),
            design=pick(["control", "trend", "stated"]),
            use_case_id=self.chance.randrange(12),
            city_id=self.chance.randrange(5),
            year=pick([None, 1999, 2010, 2024]),
            is_directed=True,
            # Few values, so that many are equal, beside some that no other is.
            change=pick([None, 0.0, 5.0, 5.0, -2.5, self.chance.gauss(0, 40)]),
            value=pick([None, 7.0, 1e12 + self.chance.random(), self.chance.gauss(1e-7, 1e-8)]),
            changed_at=f"2026-01-{self.chance.randrange(1, 29):02}T00:00:00Z",
            print_high=self.chance.randrange(-(2**63), 2**63),
            print_low=self.chance.randrange(-(2**63), 2**63),
        )

    def come(self, count: int) -> None:
        rows = AggregateInput.objects.bulk_create([self.new() for _ in range(count)])
        UncountedInput.objects.bulk_create([UncountedInput(kpi_id=OWN, result_id=row.result_id) for row in rows])

    def go(self, count: int) -> None:
        rows = self._some(count)
        self._note(rows)
        AggregateInput.objects.filter(pk__in=[row.pk for row in rows]).delete()

    def change(self, count: int) -> None:
        """Some become others, elsewhere."""
        rows = self._some(count)
        self._note(rows)
        for row in rows:
            other = self.new()
            other.result_id = row.result_id
            other.save(force_update=True)

    def _some(self, count: int) -> list[AggregateInput]:
        return self.chance.sample(list(AggregateInput.objects.filter(kpi=OWN).order_by("pk")), count)

    @staticmethod
    def _note(rows: list[AggregateInput]) -> None:
        """Those that are not counted yet stay as they are noted."""
        UncountedInput.objects.bulk_create(
            [
                UncountedInput(
                    kpi_id=OWN,
                    result_id=row.result_id,
                    is_counted=True,
                    **{name: getattr(row, name) for name in sql.WAS},
                )
                for row in rows
            ],
            ignore_conflicts=True,
        )


def count() -> None:
    while aggregating._one_batch():
        pass


def differing() -> int:
    """Cells of which the sums, the pieces or the numbers are not what all inputs say."""
    with connection.cursor() as cursor:
        cursor.execute(running.whole_state(f"kpi_id = {OWN}", repair=False))
        return cursor.fetchone()[1]


@pytest.mark.parametrize("seed", range(6))
def test_counting_the_difference_says_what_all_inputs_say(seed, monkeypatch):
    monkeypatch.setattr(aggregating, "_look_at", None)  # nothing is computed whole
    inputs = Inputs(seed)
    inputs.come(60)
    count()
    assert differing() == 0
    for _round in range(6):
        inputs.come(inputs.chance.randrange(9))
        inputs.change(inputs.chance.randrange(6))
        inputs.go(inputs.chance.randrange(6))
        count()
        assert differing() == 0
    inputs.go(AggregateInput.objects.filter(kpi=OWN).count())
    count()
    for model in (Aggregate, CellSums, SortedValues):
        assert not model.objects.filter(kpi_id=OWN).exists()


def test_pieces_stay_small_and_equal_values_stay_together():
    inputs = Inputs(1)
    for _round in range(30):
        inputs.come(3)
        count()
    pieces = SortedValues.objects.filter(kpi_id=OWN, vertical_id=0, region_id=0, design="", measure="change")
    held = [piece.sorted for piece in pieces.order_by("bound")]
    assert len(held) > 5
    assert all(len(set(piece)) <= 2 * PIECES for piece in held)
    assert [value for piece in held for value in piece] == sorted(
        AggregateInput.objects.filter(kpi=OWN, change__isnull=False).values_list("change", flat=True)
    )
    assert all(one[-1] < other[0] for one, other in pairwise(held))


@pytest.mark.parametrize(
    ("model", "wrong"),
    [(CellSums, {"use_cases": 99}), (CellSums, {"change_total": 1}), (SortedValues, {"sorted": [1.0], "n": 1})],
)
def test_what_is_kept_wrongly_is_found_and_mended(model, wrong):
    inputs = Inputs(2)
    inputs.come(40)
    count()
    found = model.objects.filter(kpi_id=OWN, design="").order_by("vertical_id", "region_id", "pk").first()
    model.objects.filter(pk=found.pk).update(**wrong)
    assert differing() == 1
    assert tasks.rebuild().differing_cells >= 1
    # The records know of no such indicator: a rebuild takes its inputs away, and all that is kept of them.
    assert not model.objects.filter(kpi_id=OWN).exists()


def test_what_does_not_fit_what_was_counted_is_computed_from_all_inputs():
    inputs = Inputs(3)
    inputs.come(40)
    count()
    SortedValues.objects.filter(kpi_id=OWN, vertical_id=0, region_id=0, design="").delete()
    inputs.go(5)
    count()
    assert differing() == 0
    assert not UncountedInput.objects.exists()
