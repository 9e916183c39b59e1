"""Aggregates follow the results: only touched cells change, and following equals computing everything anew."""

import random
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from alliance.events.models import Cursor, Run
from kpis import aggregate_running_sql, aggregating, tasks
from kpis.aggregate_sql import RULE
from kpis.aggregates import cell, cells_for, inputs_of
from kpis.models import Aggregate, AggregateInput, Kpi, Measure, Result, UncountedInput
from kpis.standing import changes_of
from tests.events.documents_cases import settle
from tests.kpis import recipes
from tests.usecases import recipes as use_case_recipes
from usecases.models import City, Country, Region, UseCase, Vertical

pytestmark = pytest.mark.django_db(transaction=True)

COLUMNS = [field.attname for field in Aggregate._meta.concrete_fields if field.name != "id"]


def stored() -> dict[tuple, tuple]:
    """All cells, each column of them."""
    return {row[:5]: row for row in Aggregate.objects.values_list(*COLUMNS)}


def follow() -> int:
    settle()
    changed = aggregating.follow()
    assert changed is not None
    assert not UncountedInput.objects.exists()
    return changed


def assert_rebuild_changes_nothing() -> None:
    before = stored()
    report = tasks.rebuild()
    assert report.is_clean, report.sentences()
    assert stored() == before
    Aggregate.objects.all().delete()
    AggregateInput.objects.all().delete()
    assert tasks.rebuild().differing_cells == len(before)
    assert {key: tuple(map(str, row)) for key, row in stored().items()} == {
        key: tuple(map(str, row)) for key, row in before.items()
    }


def test_a_result_counts_from_its_acceptance_to_its_withdrawal():
    kpi = recipes.kpi()
    result = recipes.result(kpi=kpi, state="draft")
    follow()
    assert cell(kpi) is None
    Result.objects.filter(pk=result.pk).update(state="accepted")
    follow()
    assert cell(kpi).points == [10.0], "less is better here, so a fall of 10 percent is an improvement"
    assert cells_for(kpi).count() == 8
    UseCase.objects.filter(pk=result.use_case_id).update(status="draft", published_at=None)
    follow()
    assert not cells_for(kpi).exists()
    assert not AggregateInput.objects.filter(kpi=kpi).exists()


def test_the_cells_before_and_after_a_move_are_touched_and_no_others():
    kpi, other = recipes.kpi(), recipes.kpi()
    moved = recipes.result(kpi=kpi, use_case=use_case_recipes.use_case(vertical="mobility"))
    recipes.result(kpi=kpi, use_case=use_case_recipes.use_case(vertical="energy"))
    recipes.result(kpi=other)
    follow()
    before = stored()
    water, _made = Vertical.objects.get_or_create(code="water")
    mobility = moved.use_case.vertical
    UseCase.objects.filter(pk=moved.use_case_id).update(vertical=water)
    follow()
    after = stored()
    assert {key for key in before if key[1] == mobility.pk and key[0] == kpi.pk} == set(before) - set(after)
    assert {key[1] for key in set(after) - set(before)} == {water.pk}
    untouched = {key for key in before if key[0] == other.pk or key[1] not in (None, mobility.pk)}
    assert {key: before[key] for key in untouched} == {key: after[key] for key in untouched}
    assert_rebuild_changes_nothing()


def test_a_correction_counts_once():
    kpi = recipes.kpi()
    first = recipes.result(kpi=kpi)
    follow()
    second = recipes.result(kpi=kpi, use_case=first.use_case, relative_change_percent=-30)
    Result.objects.filter(pk=first.pk).update(state="superseded", superseded_by=second)
    follow()
    assert (cell(kpi).n, cell(kpi).points) == (1, [30.0])


def test_what_was_shown_at_entry_is_what_the_aggregate_later_says():
    kpi = recipes.kpi()
    for change in (-40, -10, 5, 0):
        recipes.result(kpi=kpi, relative_change_percent=change)
    recipes.result(kpi=kpi, relative_change_percent=None, result_value=4, unit="minute")
    follow()
    shown, found = changes_of(kpi, None), cell(kpi)
    assert (found.n, found.cities) == (len(shown), 5)
    assert found.median == -float(shown.median)
    assert found.undefined == 1
    assert [row.change for row in inputs_of(found) if row.change is not None] == sorted(-float(v) for v in shown.values)


def test_a_baseline_of_nought_or_less_keeps_the_value_alone():
    kpi = recipes.kpi()
    for baseline in (0, -4):
        recipes.result(kpi=kpi, relative_change_percent=None, baseline_value=baseline, result_value=7, unit="minute")
    follow()
    assert (cell(kpi).results, cell(kpi).n) == (2, 0)
    assert cell(kpi, measure=Measure.VALUE).points == [7.0, 7.0]


def test_values_are_converted_exactly_or_not_at_all():
    kpi = recipes.kpi(unit="minute")
    for unit in ("hour", "kWh", "parrots", "USD"):
        recipes.result(kpi=kpi, relative_change_percent=None, result_value=Decimal("1.5"), unit=unit)
    money = recipes.kpi(unit="USD")
    recipes.result(kpi=money, relative_change_percent=None, result_value=5, unit="CLP")
    follow()
    assert cell(kpi, measure=Measure.VALUE).points == [90.0]
    assert cell(money, measure=Measure.VALUE) is None
    Kpi.objects.filter(pk=kpi.pk).update(unit="second")
    follow()
    assert cell(kpi, measure=Measure.VALUE).points == [5400.0]


def test_without_a_direction_nothing_improves():
    kpi = recipes.kpi(direction="none")
    for change in (-20, 10, 30):
        recipes.result(kpi=kpi, relative_change_percent=change)
    follow()
    found = cell(kpi)
    assert (found.median, found.improved, found.improved_share) == (10.0, None, None)
    Kpi.objects.filter(pk=kpi.pk).update(direction="increase")
    follow()
    assert (cell(kpi).improved, cell(kpi).worsened) == (2, 1)
    Kpi.objects.filter(pk=kpi.pk).update(direction="decrease")
    follow()
    assert (cell(kpi).improved, cell(kpi).median) == (1, -10.0)


def test_a_country_that_moves_to_another_region_takes_its_cells_along():
    kpi = recipes.kpi()
    result = recipes.result(kpi=kpi)
    follow()
    region = Region.objects.create(slug="new-region", name="New region")
    Country.objects.filter(pk=result.use_case.city.country_id).update(region=region)
    follow()
    assert cell(kpi, region=region).n == 1
    assert {row.region_id for row in cells_for(kpi)} == {None, region.pk}


def test_a_clock_that_steps_back_changes_no_number():
    kpi = recipes.kpi()
    result = recipes.result(kpi=kpi)
    follow()
    Result.objects.filter(pk=result.pk).update(
        updated_at=timezone.now() - timedelta(days=400), relative_change_percent=-20, version=9
    )
    follow()
    assert cell(kpi).points == [20.0]
    assert_rebuild_changes_nothing()


def test_an_emptied_table_empties_the_aggregates():
    recipes.result()
    follow()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE kpis_result CASCADE")
    follow()
    assert not Aggregate.objects.exists()


def test_another_rule_or_other_units_compute_everything_anew():
    kpi = recipes.kpi()
    recipes.result(kpi=kpi)
    follow()
    Aggregate.objects.update(rule="0")
    Cursor.objects.filter(reader=aggregating.READER).update(schemas={"software": "0 other"})
    follow()
    assert set(Aggregate.objects.values_list("rule", flat=True)) == {RULE}


def test_a_cursor_of_another_life_of_the_database_begins_anew():
    kpi = recipes.kpi()
    recipes.result(kpi=kpi)
    follow()
    Cursor.objects.filter(reader=aggregating.READER).update(transaction=2**60)
    recipes.result(kpi=kpi)
    follow()
    assert cell(kpi).n == 2


def test_an_examination_finds_what_the_log_does_not_tell_and_a_rebuild_repairs_it():
    kpi = recipes.kpi()
    recipes.result(kpi=kpi)
    follow()
    assert tasks.examine().is_clean
    Aggregate.objects.update(n=7)
    AggregateInput.objects.update(change=99)
    found = tasks.examine()
    assert (found.differing_inputs > 0, found.differing_cells > 0) == (True, True)
    assert Run.objects.filter(task=tasks.EXAMINE).first().figures["differing"] == (
        found.differing_inputs + found.differing_cells
    )
    tasks.rebuild()
    assert cell(kpi).points == [10.0]
    assert tasks.examine().is_clean


class World:
    """Records to which random things happen."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.kpis = [recipes.kpi(direction=way, unit=unit) for way, unit in
                     (("decrease", "minute"), ("increase", "kWh"), ("none", "USD"))]  # fmt: skip
        self.cases = [use_case_recipes.use_case(vertical=code) for code in ("mobility", "water", "energy", "water")]
        self.regions = [Region.objects.create(slug=f"r{n}", name=f"Region {n}") for n in range(2)]
        self.count = 0

    def add(self) -> None:
        self.count += 1
        pick = self.chance.choice
        baseline, value = pick([None, 0, -3, 5, "0.000001"]), pick([None, 0, 7, "99999999999", "-2.5"])
        change = pick([None, -120, 0, "33.25"]) if value is not None else -5
        recipes.result(
            slug=f"random-{self.count}",
            kpi=pick(self.kpis),
            use_case=pick(self.cases) if UseCase.objects.filter(pk=self.cases[0].pk).exists() else None,
            state=pick(["accepted", "accepted", "draft", "withdrawn"]),
            baseline_value=baseline,
            result_value=value,
            relative_change_percent=change,
            unit=pick(["minute", "hour", "parrots", "MWh", "CLP", "USD"]) if (baseline, value) != (None, None) else "",
            method=pick(["control group", "before-after", "model"]),
            measured_year=pick([None, 1999, 2024]),
        )

    def one(self) -> Result | None:
        return Result.objects.order_by("?").first() if self.count else None

    def step(self) -> None:
        pick = self.chance.choice
        rows = list(Result.objects.order_by("pk").values_list("pk", flat=True))
        some = Result.objects.filter(pk=pick(rows)) if rows else Result.objects.none()
        match self.chance.randrange(12):
            case 0 | 1 | 2:
                self.add()
            case 3:
                some.exclude(state="superseded").update(state=pick(["accepted", "withdrawn", "draft"]))
            case 4:
                some.update(kpi=pick(self.kpis))
            case 5:
                UseCase.objects.filter(pk=pick(self.cases).pk).update(vertical=pick(Vertical.objects.all()))
            case 6:
                UseCase.objects.filter(pk=pick(self.cases).pk).update(status="withdrawn")
            case 7:
                UseCase.objects.filter(pk=pick(self.cases).pk).update(status="published")
            case 8:
                Country.objects.filter(pk=pick(Country.objects.all()).pk).update(region=pick(self.regions))
            case 9:
                kpi = pick(self.kpis)
                Kpi.objects.filter(pk=kpi.pk).update(
                    direction=pick(["increase", "decrease", "none"]), unit=pick(["minute", "second", "kWh", "CLP"])
                )
            case 10:
                some.filter(superseded_by=None, supersedes=None).delete()
            case 11:
                City.objects.filter(pk=pick(City.objects.all()).pk).update(country=pick(Country.objects.all()))


@pytest.fixture(params=["by the difference", "whole"])
def way(request, monkeypatch) -> str:
    """How cells follow: by what came and went, in pieces of two values, or by computing indicators whole."""
    monkeypatch.setattr(aggregating, "WHOLE_FROM", 0 if request.param == "by the difference" else 1_000_000)
    monkeypatch.setattr(aggregate_running_sql, "PIECE", 2)
    return request.param


@pytest.mark.parametrize("seed", range(8))
def test_after_any_history_following_equals_computing_anew(seed, way):
    world = World(seed)
    for _round in range(5):
        for _step in range(world.chance.randrange(1, 10)):
            world.step()
        follow()
    recipes.result(kpi=world.kpis[0], relative_change_percent=-1)
    follow()
    assert AggregateInput.objects.exists()
    assert_rebuild_changes_nothing()


def test_what_is_accepted_while_others_wait_is_computed_before_them(monkeypatch):
    """Also where its cell was among those that wait: nobody waits for an import to be computed."""
    kpis = [recipes.kpi() for _n in range(3)]
    for kpi in kpis:
        recipes.result(kpi=kpi)
    late = recipes.result(kpi=kpis[0], state="draft")
    counted, one_batch = [], aggregating._one_batch

    def batch():
        if len(counted) == 1:
            Result.objects.filter(pk=late.pk).update(state="accepted")
            settle()
            assert aggregating.has_unread()
            aggregating._take_all()
            assert not aggregating.has_unread()
        found = one_batch()
        known = cell(kpis[0])
        counted.append(known.results if known else 0)
        return found

    monkeypatch.setattr(aggregating, "KPIS_AT_ONCE", 1)
    monkeypatch.setattr(aggregating, "_one_batch", batch)
    follow()
    assert counted[:2] == [0, 2]


def test_entries_are_taken_between_two_batches(monkeypatch):
    kpi, other = recipes.kpi(), recipes.kpi()
    for one in (kpi, other):
        recipes.result(kpi=one)
    late = recipes.result(kpi=kpi, state="draft")
    one_batch, batches = aggregating._one_batch, []

    def batch():
        found = one_batch()
        batches.append(found)
        if len(batches) == 1:
            Result.objects.filter(pk=late.pk).update(state="accepted")
            settle()
        return found

    monkeypatch.setattr(aggregating, "KPIS_AT_ONCE", 1)
    monkeypatch.setattr(aggregating, "_one_batch", batch)
    follow()
    assert cell(kpi).results == 2


def test_many_stale_cells_are_computed_by_whole_indicators(monkeypatch):
    kpis = [recipes.kpi() for _ in range(3)]
    for one in kpis:
        for change in (-10, -20, -30):
            recipes.result(kpi=one, relative_change_percent=change)
    monkeypatch.setattr(aggregating, "KPIS_AT_ONCE", 2)
    follow()
    assert [cell(one).median for one in kpis] == [20.0, 20.0, 20.0]
    assert not UncountedInput.objects.exists()
    assert tasks.examine().is_clean
    Result.objects.filter(kpi=kpis[0]).update(state="withdrawn")
    follow()
    assert cell(kpis[0]) is None
    assert tasks.examine().is_clean
