"""Where a change stands among the published ones, and whom to ask: the same numbers as everywhere else."""

from decimal import Decimal

import pytest
from django.urls import reverse

from kpis.models import Direction
from kpis.standing import change_percent, changes_of, effect_of, standing
from tests.kpis import recipes
from tests.usecases import recipes as use_case_recipes
from usecases.models import Country, Region

pytestmark = pytest.mark.django_db


def place(population: int, region: str, **fields):
    area, _made = Region.objects.get_or_create(slug=region, defaults={"name": region})
    country, _made = Country.objects.get_or_create(
        code="X" + region[-1].upper(), defaults={"name": f"Land of {region}", "region": area}
    )
    return use_case_recipes.city(population=population, country=country, **fields)


def result(kpi, change, city, **fields):
    return recipes.result(
        kpi=kpi, relative_change_percent=change, use_case=use_case_recipes.use_case(city=city), **fields
    )


@pytest.mark.parametrize(
    ("baseline", "after", "reported"),
    [
        ("18", "3.4", None),
        ("3", "1", None),
        ("0.000003", "7", None),
        ("0", "7", None),
        ("-4", "7", None),
        ("12", "9", "-20"),
        (None, None, "35.5"),
        (None, "9", None),
    ],
)
def test_a_change_is_the_one_that_the_database_computes(baseline, after, reported):
    values = [None if text is None else Decimal(text) for text in (baseline, after, reported)]
    row = recipes.result(
        baseline_value=values[0],
        result_value=values[1],
        relative_change_percent=values[2],
        unit="minute" if after else "",
    )
    mine = change_percent(*values)
    if row.change_percent is None:
        assert mine is None
    else:
        # The column has twelve decimals; the quotient of a very large one has fewer.
        assert abs(mine - row.change_percent) <= max(Decimal("1e-12"), abs(mine) * Decimal("1e-15"))
        assert effect_of(mine, row.kpi) == row.effect


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("change", [-5, 0, 5])
def test_an_effect_is_that_of_the_result(direction, change):
    row = recipes.result(kpi=recipes.kpi(direction=direction), relative_change_percent=change)
    assert effect_of(row.change_percent, row.kpi) == row.effect


def test_published_changes_alone_count():
    kpi = recipes.kpi()
    shown = recipes.result(kpi=kpi, relative_change_percent=-30)
    recipes.result(kpi=kpi, relative_change_percent=-40, state="draft")
    recipes.result(kpi=kpi, relative_change_percent=-50, use_case=use_case_recipes.use_case(status="draft"))
    recipes.result(kpi=kpi, relative_change_percent=None, result_value=4, unit="minute")
    recipes.result(relative_change_percent=-60)
    assert [row.pk for row in changes_of(kpi, None).results] == [shown.pk]


def test_a_change_is_counted_among_the_others():
    kpi = recipes.kpi()
    for change in (-40, -30, -30, -10):
        recipes.result(kpi=kpi, relative_change_percent=change)
    found = standing(kpi=kpi, change=Decimal(-30), city=None, user=None)
    assert (found.less, found.equal, found.more) == (1, 2, 1)
    assert found.others.median == -30
    assert found.others.cities == 4
    assert found.scale.minimum <= -40


def test_without_a_change_there_is_no_place():
    kpi = recipes.kpi()
    recipes.result(kpi=kpi)
    found = standing(kpi=kpi, change=None, city=None, user=None)
    assert (found.less, found.more, len(found.others)) == (0, 0, 1)


def test_before_and_after_acceptance_the_numbers_are_the_same():
    """What the member saw: the others; once the result is public, the others and it."""
    kpi = recipes.kpi()
    for change in (-40, -10):
        recipes.result(kpi=kpi, relative_change_percent=change)
    before = standing(kpi=kpi, change=Decimal(-30), city=None, user=None)
    own = recipes.result(kpi=kpi, relative_change_percent=-30)
    after = changes_of(kpi, None)
    assert after.values == sorted([*before.others.values, before.change])
    again = standing(kpi=kpi, change=Decimal(-30), city=None, user=None, besides=own)
    assert again.others.values == before.others.values


def test_the_page_of_the_indicator_draws_the_same_dots(client):
    kpi = recipes.kpi()
    for change, grade in ((-40, "control group"), (20, "before-after"), (0, "survey")):
        recipes.result(kpi=kpi, relative_change_percent=change, method=grade)
    page = client.get(reverse("kpis:detail", args=[kpi.slug])).content.decode()
    drawn = changes_of(kpi, None)
    for point in drawn.points:
        css = {"better": "b", "worse": "w", "neutral": "x"}[point.effect]
        assert f'<use class="{css}" href="#g{point.grade}"/>' in page
    assert "3 results from −40% to +20%" in page


def test_whom_to_ask_is_in_the_same_region_and_of_similar_size():
    kpi = recipes.kpi()
    mine = place(900_000, "north-a")
    far = result(kpi, -10, place(900_000, "south-b"))
    near_small = result(kpi, -10, place(20_000, "north-a"))
    near_same = result(kpi, -10, place(800_000, "north-a"))
    unknown = result(kpi, -10, place(None, "south-b"))
    result(kpi, -10, mine)  # oneself is not to be asked
    asked = standing(kpi=kpi, change=None, city=mine, user=None).asked
    assert [row.pk for row in asked] == [near_same.pk, far.pk, near_small.pk]
    assert unknown.pk not in [row.pk for row in asked]


def test_the_surest_result_stands_for_a_city():
    kpi = recipes.kpi()
    city = place(100_000, "north-a")
    result(kpi, -50, city, method="self-reported")
    sure = result(kpi, -5, city, method="control group")
    asked = standing(kpi=kpi, change=None, city=place(100_000, "north-a"), user=None).asked
    assert [row.pk for row in asked] == [sure.pk]


def test_one_query_however_many(django_assert_num_queries):
    kpi = recipes.kpi()
    city = place(100_000, "north-a")
    for _n in range(5):
        recipes.result(kpi=kpi)
    with django_assert_num_queries(1):
        found = standing(kpi=kpi, change=Decimal(-3), city=city, user=None)
        assert found.others.points
        assert [row.use_case.city.country.region_id for row in found.asked]
