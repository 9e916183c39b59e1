"""Indicators that are the same are put together when asked for, in the unit of the one asked for, and it is said."""

import pytest
from django.urls import reverse

from kpis import aggregating
from kpis.aggregate_family import family_of
from kpis.aggregates import cell
from kpis.models import Kpi, KpiLink, Measure, Result
from tests.kpis import recipes

pytestmark = pytest.mark.django_db
API = "/api/v1/aggregates/"


def link(kpi: Kpi, other: Kpi) -> KpiLink:
    return KpiLink.objects.create(kpi=kpi, other=other, relation="exact", reason="Both count it.", said_by="Editors")


@pytest.fixture
def pair():
    minutes, hours = recipes.kpi(unit="minute"), recipes.kpi(unit="hour")
    link(minutes, hours)
    for value in (30, 60):
        recipes.result(kpi=minutes, result_value=value, unit="minute", relative_change_percent=-10)
    recipes.result(kpi=hours, result_value=2, unit="hour", relative_change_percent=-40)
    aggregating.rebuild()
    return minutes, hours


def whole(kpi: Kpi, measure: str = "value"):
    return next(one for one in family_of(kpi).cells if one.key == f"{kpi.slug}.all.all.all.{measure}.exact")


def test_values_are_in_the_unit_of_the_one_asked_for(pair):
    minutes, hours = pair
    assert (whole(minutes).minimum, whole(minutes).maximum) == (30.0, 120.0)
    assert (whole(hours).minimum, whole(hours).maximum) == (0.5, 2.0)
    assert (whole(minutes, "change").median, whole(minutes, "change").n) == (10.0, 3)
    assert family_of(minutes).counted() == [(minutes, 2), (hours, 1)]


def test_its_own_cells_stay_as_they_are(pair):
    minutes, _hours = pair
    assert cell(minutes, measure=Measure.VALUE).points == [30.0, 60.0]
    assert family_of(recipes.kpi()) is None


def test_a_link_that_goes_and_a_result_that_comes_are_known_at_once(pair):
    minutes, hours = pair
    recipes.result(kpi=hours, result_value=3, unit="hour")
    assert whole(minutes).maximum == 180.0
    KpiLink.objects.all().delete()
    assert family_of(minutes) is None


def test_one_member_alone_gives_the_cells_that_are_stored(pair):
    minutes, hours = pair
    Result.objects.filter(kpi=hours).update(state="withdrawn")
    stored = cell(minutes)
    aggregating.rebuild()
    for name in ("results", "n", "points", "inputs_hash", "as_of", "rule"):
        assert getattr(whole(minutes, "change"), name) == getattr(stored, name), name


def test_the_page_names_what_flows_in(client, pair):
    minutes, hours = pair
    address = f"{reverse('kpis:computed', args=[minutes.slug])}?family=exact&measure=value"
    assert (
        f"{reverse('kpis:computed', args=[minutes.slug])}?family=exact"
        in client.get(minutes.get_absolute_url()).content.decode()
    )
    page = client.get(address)
    body = page.content.decode()
    assert "are put together here" in body
    assert hours.get_absolute_url() in body
    assert len(page.context["inputs"]) == 3
    assert "are put together here" not in client.get(cell(minutes).get_absolute_url()).content.decode()
    alone = recipes.result().kpi
    assert client.get(f"{reverse('kpis:computed', args=[alone.slug])}?family=exact").status_code == 404


def test_the_api_gives_the_same_cells_and_names_the_indicators(client, pair):
    minutes, hours = pair
    asked = {"kpi": minutes.slug, "family": "exact", "vertical": "all", "region": "all", "design": "all"}
    found = {one["measure"]: one for one in client.get(API, asked).json()["results"]}
    assert found["value"]["kpis"] == [minutes.slug, hours.slug]
    assert (found["value"]["n"], found["value"]["maximum"], found["value"]["unit"]) == (3, 120.0, "minute")
    assert client.get(f"{API}{found['value']['key']}/").json() == found["value"]
    listed = client.get(found["value"]["inputs"].split("://")[1].partition("/")[2].join(["/", ""])).json()
    assert len(listed["results"]) == 3
    own = client.get(f"{API}{minutes.slug}.all.all.all.value/").json()
    assert own["kpis"] == [minutes.slug]


@pytest.mark.parametrize("query", ["family=exact", "family=close&kpi={0}", "family=exact&kpi={0}&as_of=2026-01-01"])
def test_what_cannot_be_put_together_is_refused(client, pair, query):
    assert client.get(f"{API}?{query.format(pair[0].slug)}").status_code == 400
    assert client.get(f"/api/v1/aggregates.csv?family=exact&kpi={pair[0].slug}").status_code == 400
