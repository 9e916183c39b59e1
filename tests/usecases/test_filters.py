"""Filters of the use cases: facets that say what a click would give, ranges, order, advice."""

import itertools

import pytest
from django.http import QueryDict

from alliance.events.reading import visible_documents
from kpis.models import Result
from kpis.use_case_filters import MeasuredUseCaseFilter
from usecases.kinds import USE_CASES
from usecases.models import UseCase

pytestmark = pytest.mark.usefixtures("reference_data")


def filtered(query: str = "") -> MeasuredUseCaseFilter:
    return MeasuredUseCaseFilter(QueryDict(query), visible_documents(USE_CASES, None))


def slugs(query: str) -> set[str]:
    return set(filtered(query).qs.values_list("slug", flat=True))


def test_values_of_one_facet_widen_and_facets_narrow():
    water, waste = slugs("vertical=water"), slugs("vertical=waste")
    assert water
    assert waste
    assert not water & waste
    assert slugs("vertical=water&vertical=waste") == water | waste
    africa = slugs("region=sub-saharan-africa")
    assert slugs("vertical=water&region=sub-saharan-africa") == water & africa != set()


@pytest.mark.parametrize(
    "chosen", ["", "vertical=water", "region=europe&kpi=all-trv-time", "design=control", "q=water"]
)
def test_a_count_says_what_a_click_would_give(chosen):
    """For every value of every facet: its count is the length of the list with that value instead of the choice."""
    filterset = filtered(chosen)
    checked = 0
    for facet in filterset.facets():
        for option in itertools.islice(facet.options, 12):
            data = QueryDict(chosen, mutable=True)
            data.setlist(facet.name, [option.value])
            assert filtered(data.urlencode()).qs.count() == option.count, (facet.name, option)
            checked += 1
    assert checked > 40


def test_nothing_is_listed_twice_however_many_values_match():
    rows = list(filtered("technology=gis&technology=open-data&kpi=all-trv-time&kpi=all-trv-vol").qs)
    assert len(rows) == len(set(rows))
    every_technology = QueryDict(mutable=True)
    facet = next(facet for facet in filtered().facets() if facet.name == "technology")
    every_technology.setlist("technology", [option.value for option in facet.options[:60]])
    rows = list(filtered(every_technology.urlencode()).qs)
    assert rows
    assert len(rows) == len(set(rows))


def test_unknown_values_are_named_with_the_closest_known_one():
    errors = filtered("vertical=watr&stage=pilott&kpi=nope&sort=tilte&year_min=abc").form.errors
    assert set(errors) == {"vertical", "stage", "kpi", "sort", "year_min"}
    assert "“water”" in errors["vertical"][0]
    assert "“pilot”" in errors["stage"][0]
    assert "evidence, results, title" in errors["sort"][0]


def test_an_invalid_value_leaves_the_valid_rest_in_force():
    assert slugs("vertical=water&stage=nonsense") == slugs("vertical=water")


@pytest.mark.parametrize("value", ["1949", "2101", "2015.5", "-1", "1e9", "abc"])
def test_years_outside_the_calendar_are_refused(value):
    assert "year_min" in filtered(f"year_min={value}").form.errors


def test_years_bound_the_start():
    found = filtered("year_min=2015&year_max=2017").qs.values_list("started_year", flat=True)
    assert set(found) == {2015, 2016, 2017}


def test_drafts_are_counted_nowhere_for_others(django_user_model):
    case = UseCase.objects.get(slug="sfpark-san-francisco")
    case.status, case.published_at = "draft", None
    case.save()
    assert case.slug not in slugs("")
    assert "sfpark-san-francisco" not in slugs("q=SFpark")
    control = next(facet for facet in filtered().facets() if facet.name == "design").options[0]
    assert control.count == len(slugs("design=control"))
    editor = django_user_model(is_staff=True)
    assert UseCase.objects.visible_to(editor).filter(pk=case.pk).exists()


def test_an_unaccepted_result_is_no_result():
    Result.objects.filter(use_case__slug="sfpark-san-francisco").update(state="draft")
    assert "sfpark-san-francisco" not in slugs("has_results=yes")
    assert "sfpark-san-francisco" not in slugs("kpi=all-prk-search")


@pytest.mark.parametrize("sort", list(MeasuredUseCaseFilter.sorts))
def test_every_order_has_keys_that_are_never_null(sort):
    filterset = filtered(f"q=water&sort={sort}")
    keys = [key.removeprefix("-") for key in filterset.sort.keys]
    rows = list(filterset.qs)
    assert rows
    assert all(getattr(row, key) is not None for row in rows for key in keys)


def test_strongest_evidence_comes_first_and_cases_without_results_last():
    rows = list(filtered().qs)
    grades = [row.strongest_grade for row in rows]
    assert grades == sorted(grades, reverse=True)
    assert grades[0] == 4
    assert grades[-1] == 0


def test_an_empty_list_says_which_filter_to_loosen():
    filterset = filtered("vertical=water&kpi=all-cov-r")
    assert not filterset.qs.exists()
    advice = {chip.name: count for chip, count in filterset.loosened()}
    assert advice == {"kpi": len(slugs("vertical=water")), "vertical": len(slugs("kpi=all-cov-r"))}


def test_a_chip_takes_away_its_own_value_only():
    chips = {chip.value: chip.query for chip in filtered("vertical=water&vertical=waste&page=3").chips()}
    assert chips == {"Water": "vertical=waste", "Waste": "vertical=water"}


def test_the_number_of_queries_does_not_grow_with_the_rows(django_assert_max_num_queries):
    with django_assert_max_num_queries(60):
        filterset = filtered("vertical=water")
        filterset.facets()
        list(filterset.qs)
