"""The cities in the browser: list, one city, cities of its size."""

import json
import re

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.kpis import recipes as kpis
from tests.usecases import recipes
from usecases.models import City, UseCase

pytestmark = pytest.mark.usefixtures("reference_data")


def html_of(client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status
    return response.content.decode()


def queries(client, path: str) -> int:
    client.get(path)
    cache.clear()  # made anew, but for what is looked up once a process
    with CaptureQueriesContext(connection) as captured:
        client.get(path)
    return len(captured)


def test_the_list_names_population_and_use_cases(client):
    html = html_of(client, "/cities/?q=%22Cape+Town%22")
    assert "1 city" in html
    assert "4,772,846 people" in html
    assert "<b>3 use cases</b>" in html
    assert "no use case yet" in html_of(client, "/cities/?active=no")


def test_an_unknown_population_is_said(client):
    town = recipes.city(population=None)
    assert "population not known" in html_of(client, f"/cities/?q=%22{town.name.replace(' ', '+')}%22")
    page = html_of(client, town.get_absolute_url())
    assert "not stated" in page
    assert "Not known" in page


def test_cities_are_found_without_their_accents_and_with_a_slip(client):
    assert "<mark>São</mark> <mark>Paulo</mark>" in html_of(client, "/cities/?q=sao+paulo")
    assert "<mark>Pittsburgh</mark>" in html_of(client, "/cities/?q=pitsburgh")


def test_filters(client):
    def total(query: str) -> int:
        return client.get(f"/cities/?{query}").context["total"]

    assert total("") == City.objects.count()
    assert total("active=yes") == UseCase.objects.values("city").distinct().count() == 81
    assert (
        total("size=over-5m&region=europe")
        == City.objects.filter(population__gte=5_000_000, country__region__slug="europe").count()
    )


def test_the_page_of_a_city(client):
    city = City.objects.get(name="Cape Town")
    html = html_of(client, city.get_absolute_url())
    for words in ("3 use cases are on record.", "South Africa", "Sub-Saharan Africa", "4,772,846", "1 to 5 million"):
        assert words in html
    assert "Dropula smart water meters in schools" in html
    assert "81% less" in html
    assert "GeoNames" in html
    assert 'aria-label="Cape Town on the map of the world"' in html


def test_cities_of_the_same_size_and_region_with_a_use_case(client):
    city = City.objects.get(name="Cape Town")
    response = client.get(city.get_absolute_url())
    alike = response.context["alike"]
    assert alike
    for other in alike:
        assert other.pk != city.pk
        assert other.size_band == city.size_band
        assert other.country.region == city.country.region
        assert other.visible_use_cases > 0
    counts = [other.visible_use_cases for other in alike]
    assert counts == sorted(counts, reverse=True)
    assert "Nothing else about them was compared." in response.content.decode()


def test_a_city_without_a_use_case_leads_to_those_of_its_size(client):
    html = html_of(client, City.objects.get(name="Brisbane").get_absolute_url())
    assert "No use case of this city is on record yet." in html
    assert 'href="/use-cases/?size=1m-5m"' in html
    assert 'href="/use-cases/?region=australia-and-new-zealand"' in html


def test_drafts_leave_no_trace_on_city_pages(client):
    city = recipes.city(population=700_000)
    neighbour = recipes.city(population=600_000)
    kpis.result(use_case=recipes.use_case(status="draft", title="Secret plan", city=city), relative_change_percent=-77)
    recipes.use_case(status="draft", title="Another secret", city=neighbour)
    html = html_of(client, city.get_absolute_url())
    assert "Secret plan" not in html
    assert "77%" not in html
    assert "No use case of this city is on record yet." in html
    assert neighbour.name not in html
    assert client.get("/cities/?active=yes&country=XA").context["total"] == 0
    assert "no use case yet" in html_of(client, "/cities/?country=XA")
    client.force_login(recipes.visitor_of_staff())
    html = html_of(client, city.get_absolute_url())
    assert "Secret plan" in html
    assert neighbour.name in html


def test_structured_data_of_a_city(client):
    html = html_of(client, City.objects.get(name="Cape Town").get_absolute_url())
    data = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', html)[1])
    assert data["@type"] == "City"
    assert data["containedInPlace"] == {"@type": "Country", "name": "South Africa", "identifier": "ZA"}
    assert data["geo"]["latitude"] == pytest.approx(-33.9, abs=0.1)


def test_an_unknown_city_is_not_found(client):
    html_of(client, "/cities/atlantis/", 404)


def test_queries_do_not_grow_with_the_rows(client):
    assert queries(client, "/cities/?page_size=2") == queries(client, "/cities/?page_size=200")
    city = recipes.city()
    kpis.result(use_case=recipes.use_case(city=city))
    few = queries(client, city.get_absolute_url())
    for _n in range(6):
        kpis.result(use_case=recipes.use_case(city=city))
    assert queries(client, city.get_absolute_url()) == few
