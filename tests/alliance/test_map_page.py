"""The world map: the same filters as the list, every place as a link in a list beside it."""

import re

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.kpis import recipes as kpis
from tests.usecases import recipes as use_cases
from usecases.models import UseCase

pytestmark = pytest.mark.usefixtures("reference_data")


def drawn(html: str) -> set[str]:
    return set(re.findall(r'<a href="/cities/([^"]+)/" tabindex="-1">', html))


def listed(html: str) -> list[str]:
    return re.findall(r'<dd><a href="/cities/([^"]+)/">', html)


def test_every_city_is_drawn_and_listed_once_by_region_and_country(client):
    html = client.get("/map/").content.decode()
    cities = set(UseCase.objects.values_list("city__slug", flat=True))
    assert drawn(html) == cities
    assert sorted(listed(html)) == sorted(cities)
    assert "90 use cases in 81 cities" in html
    regions = re.findall(r'<h3 id="cities-[a-z-]+"><bdi>(.*?)</bdi></h3>', html)
    assert len(regions) == 8
    assert regions == sorted(regions)
    countries = re.findall(r"<dt><bdi>(.*?)</bdi></dt>", html.split('id="cities-europe"')[1].split("</section>")[0])
    assert countries == sorted(countries)


def test_the_list_says_how_many_use_cases_and_what_is_not_measured(client):
    html = client.get("/map/").content.decode()
    entry = html.split('<dd><a href="/cities/cape-town-za/">')[1].split("</dd>")[0]
    assert "3 use cases" in entry
    assert "no result published yet" not in entry
    entry = html.split('<dd><a href="/cities/dubai-ae/">')[1].split("</dd>")[0]
    assert "no result published yet" in entry


@pytest.mark.parametrize(
    "query",
    ["vertical=water", "region=europe&has_results=yes", "kpi=all-trv-time", "q=parking", "year_min=2015&year_max=2018"],
)
def test_map_and_list_agree(client, query):
    on_map = client.get(f"/map/?{query}")
    in_list = client.get(f"/use-cases/?{query}")
    assert 0 < on_map.context["total"] == in_list.context["total"] < 90
    slugs = set(in_list.context["filter"].qs.values_list("city", flat=True))
    assert drawn(on_map.content.decode()) == slugs
    assert f'href="/use-cases/?{query.replace("&", "&amp;")}"' in on_map.content.decode()


def test_the_live_map_reads_the_same_rows(client):
    response = client.get("/map/?vertical=water&vertical=waste")
    html = response.content.decode()
    url = re.search(r'data-geojson="([^"]+)"', html)[1].replace("&amp;", "&")
    answer = b"".join(client.get(url)).decode()
    assert answer.count('"Point"') == response.context["total"] == 17


def test_without_a_match_it_says_which_filter_to_loosen(client):
    html = client.get("/map/?vertical=water&region=northern-africa-and-western-asia").content.decode()
    assert "No use case matches all that you chose" in html
    assert "Without" in html
    assert "data-map" not in html


def test_bad_filters_are_refused_and_the_map_stands(client):
    response = client.get("/map/?vertical=watr&year_min=abc")
    assert response.status_code == 400
    html = response.content.decode()
    assert "Did you mean “water”?" in html
    assert len(drawn(html)) == 81


def test_drafts_are_on_nobodys_map_but_the_editors(client):
    draft = use_cases.use_case(status="draft")
    assert draft.city.name not in client.get("/map/").content.decode()
    client.force_login(use_cases.visitor_of_staff())
    assert draft.city.name in client.get("/map/").content.decode()


def test_very_many_cities_are_listed_up_to_a_limit_and_the_rest_is_told(client, monkeypatch):
    monkeypatch.setattr("alliance.views.MOST_PLACES", 10)
    html = client.get("/map/").content.decode()
    assert len(listed(html)) == 10
    assert "cape-town-za" in listed(html)
    assert len(drawn(html)) == 81
    assert "71 more cities with fewer use cases are on the map alone" in html


def test_htmx_gets_the_part_alone(client):
    response = client.get("/map/?vertical=water&q=", headers={"HX-Request": "true"})
    assert response.content.decode().lstrip().startswith('<div id="list">')
    assert response["HX-Push-Url"] == "/map/?vertical=water"


def test_the_filters_keep_no_stray_parameter(client):
    html = client.get("/map/?vertical=water").content.decode()
    form = html.split('<form id="filters"')[1].split("</form>")[0]
    assert 'type="hidden"' not in form


def test_queries_do_not_grow_with_the_places(client):
    def queries() -> int:
        client.get("/map/")
        cache.clear()  # made anew, but for what is looked up once a process
        with CaptureQueriesContext(connection) as captured:
            client.get("/map/")
        return len(captured)

    # Both on top of documents that wait to be made anew.
    kpis.result(use_case=use_cases.use_case(city=use_cases.city()))
    few = queries()
    for _n in range(5):
        kpis.result(use_case=use_cases.use_case(city=use_cases.city()))
    assert queries() == few
