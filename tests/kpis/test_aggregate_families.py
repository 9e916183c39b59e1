"""Indicators that the crosswalk calls exactly the same can be counted together; whoever asks is told whose results."""

import pytest
from django.urls import reverse

from kpis import aggregating
from kpis.aggregate_families import cell_of, cells_of, family_of
from kpis.aggregates import cell
from kpis.models import KpiLink, Measure
from tests.kpis import recipes
from tests.kpis.test_crosswalk import link

API = "/api/v1/aggregates/"


@pytest.fixture
def pair(db):
    """Minutes and the same in hours: three results of the one, two of the other."""
    one, other = recipes.kpi(unit="minute"), recipes.kpi(unit="hour", kpi_set="U4SSC")
    for change, value in ((-10, "60"), (-20, "90"), (5, "30")):
        recipes.result(kpi=one, relative_change_percent=change, result_value=value, unit="minute")
    for change, value in ((-30, "2"), (-40, "60")):
        recipes.result(kpi=other, relative_change_percent=change, result_value=value, unit="hour")
    link(one, other, "exact").save()
    aggregating.rebuild()
    return one, other


def test_the_family_has_the_results_of_both_in_the_unit_of_the_one_that_is_asked(pair):
    one, other = pair
    assert (cell(one).results, cell(other).results) == (3, 2)
    together = cell_of(family_of(one))
    assert (together.results, together.n, together.median, together.maximum) == (5, 5, 20.0, 40.0)
    values = cell_of(family_of(one), measure=Measure.VALUE)
    assert (values.minimum, values.maximum, values.unit) == (30.0, 3600.0, "minute")
    assert cell_of(family_of(other), measure=Measure.VALUE).maximum == 60.0


def test_alone_it_is_what_is_stored(pair):
    lonely = recipes.kpi()
    recipes.result(kpi=lonely, relative_change_percent=-7)
    recipes.result(kpi=lonely, relative_change_percent=None, result_value="3", unit="minute")
    aggregating.rebuild()
    stored = {(one.vertical_id, one.region_id, one.design, one.measure): one.inputs_hash for one in
              type(cell(lonely)).objects.filter(kpi=lonely)}  # fmt: skip
    found = cells_of(family_of(lonely))
    assert {(one.vertical_id, one.region_id, one.design, one.measure): one.inputs_hash for one in found} == stored


@pytest.mark.parametrize("relation", ["close", "broader", "conflicting"])
def test_no_other_link_puts_results_together(pair, relation):
    one, _other = pair
    third = recipes.kpi()
    recipes.result(kpi=third)
    link(one, third, relation).save()
    aggregating.rebuild()
    assert cell_of(family_of(one)).results == 5


def test_a_link_that_is_gone_leaves_nothing(pair, client):
    one, other = pair
    address = cell_of(family_of(one)).get_absolute_url()
    assert client.get(address).status_code == 200
    KpiLink.objects.filter(kpi=one, other=other).delete()
    assert client.get(address).status_code == 404
    assert "Together with those" not in client.get(one.get_absolute_url()).content.decode()


def test_pages_say_whose_results_they_are(pair, client):
    one, other = pair
    together = cell_of(family_of(one))
    page = client.get(one.get_absolute_url()).content.decode()
    assert together.get_absolute_url().replace("&", "&amp;") in page
    response = client.get(together.get_absolute_url())
    body = response.content.decode()
    assert [row.change for row in response.context["inputs"]] == [-5.0, 10.0, 20.0, 30.0, 40.0]
    assert f'href="{other.get_absolute_url()}"' in body
    assert client.get(response.context["results_url"]).content.decode().count('<th scope="row">') == 5


@pytest.mark.parametrize("query", ["family=exact", "family=close"])
def test_who_has_no_family_has_no_such_page(client, db, query):
    lonely = recipes.kpi()
    recipes.result(kpi=lonely)
    aggregating.rebuild()
    assert client.get(f"{reverse('kpis:computed', args=[lonely.slug])}?{query}").status_code == 404


def test_the_api_gives_the_cells_and_each_of_them(client, pair):
    one, other = pair
    rows = client.get(f"{API}?kpi={one.slug}&family=exact&vertical=all&region=all&design=all&count=true").json()
    assert rows["count"] == 2
    (change, _value) = rows["results"]
    assert (change["n"], change["median"]) == (5, 20.0)
    assert {row["code"] for row in change["counted"]} == {one.code, other.code}
    assert change["key"].endswith(".change.exact")
    assert client.get(f"{API}{change['key']}/").json() == change
    inputs = client.get("/" + change["inputs"].partition("//")[2].partition("/")[2]).json()
    assert len(inputs["results"]) == 5
    own = client.get(f"{API}{cell(one).key}/").json()
    assert [row["code"] for row in own["counted"]] == [one.code]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("family=exact", "kpi"),
        ("kpi={one}&kpi={other}&family=exact", "kpi"),
        ("kpi={one}&family=close", "family"),
        ("kpi={one}&family=exact&as_of=2020-01-01T00:00:00Z", "family"),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_name_of_the_parameter(client, pair, query, name):
    one, other = pair
    answer = client.get(f"{API}?{query.format(one=one.slug, other=other.slug)}")
    assert answer.status_code == 400
    assert [error["parameter"] for error in answer.json()["errors"]] == [name]


def test_a_key_of_a_family_that_is_none_is_not_found(client, pair):
    assert client.get(f"{API}nothing.all.all.all.change.exact/").status_code == 404
    assert client.get(f"{API}{pair[0].slug}.all.all.all.change.close/").status_code == 404


def test_asking_costs_as_many_questions_however_many_results(pair, client, django_assert_max_num_queries):
    address = cell_of(family_of(pair[0])).get_absolute_url()
    client.get(address)
    with django_assert_max_num_queries(30):
        client.get(address)
