"""Every number says how it was computed, and the API gives the same ones, as they are and as they were."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from kpis import aggregating
from kpis.aggregates import cell
from kpis.models import Aggregate, Result
from tests.kpis import recipes
from tests.usecases import recipes as use_case_recipes

API = "/api/v1/aggregates/"


@pytest.fixture
def kpi(db):
    made = recipes.kpi()
    for change in (-40, -30, -20, -10, 0, 5):
        recipes.result(kpi=made, relative_change_percent=change)
    recipes.result(kpi=made, relative_change_percent=None, result_value="1234.5", unit="minute")
    aggregating.rebuild()
    return made


def test_the_page_lists_inputs_rule_and_numbers(client, kpi):
    page = client.get(cell(kpi).get_absolute_url())
    body = page.content.decode()
    assert [one.change for one in page.context["inputs"]] == [-5.0, 0.0, 10.0, 20.0, 30.0, 40.0, None]
    for told in ("+15%", "4 / 1 / 1", cell(kpi).inputs_hash, reverse("api:aggregate-detail", args=[cell(kpi).key])):
        assert told in body
    assert "1 result has no relative change" in body
    other = client.get(page.context["measures"][1][1]).content.decode()
    assert "Fewer than three results" in other
    assert "1,234.5 minutes" in other


@pytest.mark.parametrize("query", ["vertical=zz", "region=zz", "design=zz", "measure=zz", "vertical=water"])
def test_a_cell_that_is_none_is_not_found(client, kpi, query):
    assert client.get(f"{reverse('kpis:computed', args=[kpi.slug])}?{query}").status_code == 404


def test_the_page_asks_as_often_however_many_inputs(client, kpi, django_assert_max_num_queries):
    address = cell(kpi).get_absolute_url()
    client.get(address)
    with django_assert_max_num_queries(20):
        client.get(address)


def test_drafts_stand_in_no_cell(client, kpi):
    case = use_case_recipes.use_case(status="draft", title="Secret pilot")
    recipes.result(kpi=kpi, use_case=case)
    recipes.result(kpi=kpi, state="draft")
    aggregating.rebuild()
    assert cell(kpi).results == 7
    assert "Secret pilot" not in client.get(cell(kpi).get_absolute_url()).content.decode()


def test_the_api_gives_the_cell_with_its_intervals_and_inputs(client, kpi):
    found, told = cell(kpi), client.get(f"{API}{cell(kpi).key}/").json()
    assert (told["n"], told["results"], told["undefined"]) == (6, 7, 1)
    assert told["median"] == found.median == 15.0
    assert told["median_interval"] == {"low": -5.0, "high": 40.0, "coverage": 0.96875}
    assert told["mean_interval"] == {"low": found.mean_low, "high": found.mean_high}
    assert (told["improved"], told["unchanged"], told["worsened"]) == (4, 1, 1)
    assert told["rule"] == found.rule
    inputs = client.get(told["inputs"].partition("//")[2].partition("/")[2].join(["/", ""])).json()
    assert len(inputs["results"]) == told["results"]


def test_every_dimension_filters_with_all_as_one_of_its_values(client, kpi):
    def keys(query):
        return {one["key"] for one in client.get(f"{API}?kpi={kpi.slug}&page_size=200&{query}").json()["results"]}

    slug = kpi.slug
    assert keys("vertical=all&region=all&design=all&measure=change") == {f"{slug}.all.all.all.change"}
    assert keys("vertical=mobility&region=all&design=all&measure=change") == {f"{slug}.mobility.all.all.change"}
    both = keys("vertical=all&vertical=mobility&region=all&design=before-after&measure=change")
    assert both == {f"{slug}.all.all.before-after.change", f"{slug}.mobility.all.before-after.change"}
    assert len(keys("")) == Aggregate.objects.filter(kpi=kpi).count()
    assert client.get(f"{API}?vertical=zz").status_code == 400


def test_pages_hold_each_cell_once_and_an_unchanged_answer_is_304(client, kpi):
    seen, address = [], f"{API}?kpi={kpi.slug}&page_size=3&sort=results"
    while address:
        answer = client.get(address)
        seen += [one["key"] for one in answer.json()["results"]]
        address = (answer.json()["next"] or "").replace("http://testserver", "")
    assert len(seen) == len(set(seen)) == Aggregate.objects.filter(kpi=kpi).count()
    assert client.get(f"{API}?page_size=3", headers={"if-none-match": "*"}).status_code == 304


@pytest.mark.django_db(transaction=True)
def test_as_of_gives_the_cells_as_they_were(client):
    kpi = recipes.kpi()
    result = recipes.result(kpi=kpi)
    between = timezone.now()
    Result.objects.filter(pk=result.pk).update(relative_change_percent=-50)
    recipes.result(kpi=kpi, use_case=use_case_recipes.use_case(vertical="water"))
    aggregating.rebuild()

    def at(moment):
        asked = {"kpi": kpi.slug, "as_of": moment.isoformat(), "region": "all", "design": "all", "measure": "change"}
        return {one["key"]: one["points"] for one in client.get(API, asked).json()["results"]}

    mobility, water, everything = (f"{kpi.slug}.{code}.all.all.change" for code in ("mobility", "water", "all"))
    assert at(between) == {everything: [10.0], mobility: [10.0]}
    assert at(timezone.now()) == {everything: [10.0, 50.0], mobility: [50.0], water: [10.0]}
    assert at(between - timedelta(days=1)) == {}


@pytest.mark.parametrize("query", ["as_of=2026-01-01T00:00:00Z", "kpi={slug}&as_of=2999-01-01", "kpi={slug}&as_of=x"])
def test_a_past_that_cannot_be_told_is_refused(client, kpi, query):
    assert client.get(f"{API}?{query.format(slug=kpi.slug)}").status_code == 400
    assert client.get(f"/api/v1/aggregates.csv?{query.format(slug=kpi.slug)}").status_code == 400
