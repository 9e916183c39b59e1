"""The page of one indicator: its headings, its formula to calculate by, the years, fields, regions, and other sets."""

import re
from html import escape, unescape

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alliance.core.fields import decimal_text
from kpis.aggregates import cells_for
from kpis.aggregating import rebuild
from kpis.crosswalk_api import EXAMPLE as CROSSWALK_EXAMPLE
from kpis.formula_api import EXAMPLE as CALCULATED
from kpis.models import Kpi
from tests.kpis import recipes
from tests.usecases import recipes as use_cases

pytestmark = pytest.mark.usefixtures("reference_data")
CROSSWALK = "/api/v1/kpis/ec-p-in-2c/crosswalk/"


def html_of(client, path, status=200):
    response = client.get(path)
    assert response.status_code == status
    return response.content.decode()


def text_of(html):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_headings(client):
    text = text_of(html_of(client, "/kpis/ec-ict-ict-1c/"))
    assert "Households with internet access, divided by all households, times 100." in text
    assert "connection goes with prosperity" in text
    assert "Possible values from 0 to 100" in text
    assert "Level of analysis Infrastructure service" in text
    assert "Sustainable Development Goals 17.8.1" in text


def test_what_is_not_known_is_not_shown(client):
    text = text_of(html_of(client, "/kpis/all-prk-search/"))
    assert "Possible values from 0" in text
    assert "Sustainable Development Goals" not in text
    assert "How and why it is measured" not in text
    assert "Calculate it from its parts" not in text


def test_browse_by_level(client):
    page = client.get("/kpis/?level=technology")
    assert page.context["total"] == Kpi.objects.filter(level="technology").count() > 20
    assert client.get("/api/v1/kpis/?level=technology&page_size=1").status_code == 200


def test_parts_give_the_indicator_without_a_script(client):
    html = html_of(client, "/kpis/ec-ict-ict-1c/?numerator=41200&denominator=52000")
    assert "<b>79.230769%</b>" in html
    html = html_of(client, "/kpis/ec-ict-ict-1c/?numerator=60000&denominator=52000")
    assert "This is impossible by the range of the indicator" in html


def test_wrong_parts_are_explained_at_their_field(client):
    html = html_of(client, "/kpis/ec-ict-ict-1c/?numerator=forty&denominator=52000")
    assert "“forty” is no number" in html
    assert 'href="#id_numerator"' in html
    assert "divided by zero" in html_of(client, "/kpis/ec-ict-ict-1c/?numerator=1&denominator=0")
    assert "<script>" not in html_of(client, "/kpis/ec-ict-ict-1c/?numerator=<script>&denominator=2").split("<main")[1]


def test_other_sets_with_who_says_so(client):
    text = text_of(html_of(client, "/kpis/ec-p-em-1c/"))
    assert "The same City's unemployment rate" in text
    assert "Editors of the Alliance" in text
    assert "Narrower than Traffic accidents" in text_of(html_of(client, "/kpis/sc-sh-sa-9c/"))
    assert "Broader than Traffic Fatalities" in text_of(html_of(client, "/kpis/ck-peo-02/"))


def test_years_fields_and_regions_say_n_as_of_and_how(client):
    html = html_of(client, "/kpis/all-trv-time/")
    numbers = client.get("/api/v1/kpis/all-trv-time/distribution/?group_by=year").json()
    years = html.split('id="years"')[1].split('id="groups"')[0]
    for group in numbers["groups"]:
        assert f'<th scope="row"><bdi>{group["name"]}</bdi></th>' in years
    assert "<desc" in years
    assert "n = 4" in years
    assert "How this was computed" in years


def test_fields_and_regions_are_the_cells_that_the_worker_keeps(client):
    rebuild()
    kpi = Kpi.objects.get(slug="all-trv-time")
    text = html_of(client, "/kpis/all-trv-time/").split('id="groups"')[1]
    cells = cells_for(kpi).filter(design="")
    shown = [one for one in cells if bool(one.vertical_id) != bool(one.region_id)]
    assert shown
    for one in shown:
        assert escape(one.get_absolute_url()) in text
    assert "as of" in text
    assert f"{cells.get(vertical=None, region=None).results} results" in text


def test_queries_do_not_grow_with_the_results(client):
    def queries():
        client.get("/kpis/all-trv-time/")
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            client.get("/kpis/all-trv-time/")
        return len(captured)

    kpi = Kpi.objects.get(slug="all-trv-time")
    before = queries()
    for year in range(2001, 2009):
        recipes.result(kpi=kpi, use_case=use_cases.use_case(status="published"), measured_year=year)
    assert queries() == before


# --- for programs
def test_calculate_by_slug_and_by_code(client):
    for code in ("ec-ict-ict-1c", "EC: ICT: ICT: 1C"):
        answer = client.get(f"/api/v1/kpis/{code}/calculate/", {"numerator": "41200", "denominator": "52000"})
        assert answer.json() == CALCULATED
    assert client.get("/api/v1/kpis/ISO37120:2014/5.1/calculate/?numerator=1&denominator=4").json()["value"] == "25"


@pytest.mark.parametrize(
    ("query", "parameter", "code"),
    [
        ("numerator=1&denominator=0", "denominator", "division-by-zero"),
        ("numerator=-1&denominator=2", "numerator", "negative"),
        ("numerator=NaN&denominator=2", "numerator", "not-finite"),
        ("numerator=1e400&denominator=2", "numerator", "too-large"),
        ("numerator=x&denominator=2", "numerator", "not-a-number"),
        ("denominator=2", "numerator", "required"),
        ("numerator=1&numerator=2&denominator=2", "numerator", "repeated"),
        ("numerator=1&denominator=2&scale=5", "scale", "unknown_parameter"),
    ],
)
def test_calculate_refuses_with_the_reason(client, query, parameter, code):
    answer = client.get(f"/api/v1/kpis/ec-ict-ict-1c/calculate/?{query}")
    assert answer.status_code == 400
    assert [(error["parameter"], error["code"]) for error in answer.json()["errors"]] == [(parameter, code)]


def test_calculate_without_formula_or_indicator(client):
    answer = client.get("/api/v1/kpis/all-prk-search/calculate/?numerator=1&denominator=2")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "no-formula")
    assert client.get("/api/v1/kpis/nothing/calculate/?numerator=1&denominator=2").status_code == 404


def test_crosswalk_is_that_of_its_example(client, settings):
    answer = client.get(CROSSWALK).json()
    shown = CROSSWALK_EXAMPLE
    assert answer["kpi"] == shown["kpi"]
    assert answer["same"] == shown["same"]
    address = {"kpi_api_url": answer["links"][0]["kpi_api_url"]}
    assert answer["links"] == [{**shown["links"][0], **address}]
    assert address["kpi_api_url"] == f"{settings.PORTAL_ORIGIN}/api/v1/kpis/iso37120-2014-5-7/"


def test_the_record_has_its_headings(client):
    record = client.get("/api/v1/kpis/ec-ict-ict-1c/").json()
    kpi = Kpi.objects.get(slug="ec-ict-ict-1c")
    assert {name: record[name] for name in ("formula", "numerator", "denominator", "scale", "valid_max", "level")} == {
        "formula": kpi.formula,
        "numerator": kpi.numerator,
        "denominator": kpi.denominator,
        "scale": decimal_text(kpi.scale),
        "valid_max": decimal_text(kpi.valid_max),
        "level": kpi.level,
    }
    assert client.get("/api/v1/kpis/all-prk-search/").json()["formula"] is None
