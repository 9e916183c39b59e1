"""One query, every door: page, API and exports give the same rows in the same order."""

import json

import pytest
from django.core.cache import cache
from django.http import Http404
from django.test import RequestFactory
from django.urls import resolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alliance.api import filterset_of
from alliance.members.models import User
from tests.alliance.api_cases import (
    BY_NAME,
    NAMES,
    body_of,
    csv_rows,
    key_of,
    ndjson_rows,
    queries,
    sheet_rows,
    walk,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data", "no_quota")]

#: Lists that have a page for people; the others are lists of names that pages offer as filters.
PAGES = ["use-cases", "results", "standards", "kpis", "cities", "organisations"]


def page_filter(name: str, query: str):
    """The filterset as the page makes it."""
    request = RequestFactory().get(f"/{name}/?{query}")
    request.user = User()
    request.htmx = False
    match = resolve(f"/{name}/")
    view = match.func.view_class(**match.func.view_initkwargs)
    view.setup(request)
    return view.filter


@pytest.mark.parametrize("name", PAGES)
def test_page_and_api_know_the_same_parameters_and_orders(name):
    page, api = type(page_filter(name, "")), filterset_of(BY_NAME[name])
    assert page is api


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(PAGES), page_size=st.integers(7, 200))
def test_the_page_and_the_api_give_the_same_rows_in_the_same_order(client, data, name, page_size):
    query = data.draw(queries(name))
    shown = page_filter(name, query)
    assert not shown.form.errors
    slugs = [row.slug for row in shown.qs]
    assert [record["slug"] for record in walk(client, name, query, page_size)] == slugs


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(NAMES))
def test_the_api_and_every_export_give_the_same_rows_in_the_same_order(client, data, name):
    query = data.draw(queries(name))
    keys = [key_of(name, record) for record in walk(client, name, query, 200)]
    key = BY_NAME[name].lookup_field

    def export(ending: str) -> bytes:
        response = client.get(f"/api/v1/{name}.{ending}?{query}")
        assert response.status_code == 200
        return body_of(response)

    assert [row[key] for row in csv_rows(export("csv"))] == keys
    assert [record[key] for record in ndjson_rows(export("ndjson"))] == keys
    assert [row[0] for row in sheet_rows(export("xlsx"))] == [key, *keys]
    if "geojson" in BY_NAME[name].formats():
        assert [feature["id"] for feature in json.loads(export("geojson"))["features"]] == keys


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(PAGES))
def test_what_the_page_shows_is_what_the_api_begins_with(client, data, name):
    query = data.draw(queries(name))
    cache.clear()  # a page that was made before has no context
    page = client.get(f"/{name}/?{query}&page_size=20")
    if page.status_code == 404:
        raise Http404(page.content)
    assert page.status_code == 200
    shown = [row.slug for row in page.context["page_obj"].object_list]
    answer = client.get(f"/api/v1/{name}/?{query}&page_size=20&count=true").json()
    assert [record["slug"] for record in answer["results"]] == shown
    assert answer["count"] == page.context["total"]


@pytest.mark.parametrize("name", ["use-cases", "results"])
def test_the_links_on_the_page_lead_to_these_rows(client, name):
    page = client.get(f"/{name}/?vertical=water&vertical=energy")
    text = page.content.decode()
    for ending in BY_NAME[name].formats():
        if ending != "ndjson":
            assert f'href="/api/v1/{name}.{ending}?vertical=water&amp;vertical=energy' in text
