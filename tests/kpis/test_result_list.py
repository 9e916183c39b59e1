"""The list of all results: filters, order, sources, what an editor sees, and a number of queries that does not grow."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kpis.models import Result
from tests.kpis import recipes
from tests.usecases import recipes as use_cases

pytestmark = pytest.mark.usefixtures("reference_data")


def rows(html: str) -> list[str]:
    """The findings on the page, in order."""
    found = re.findall(r'<th scope="row"><a href="[^"]+#result-[^"]+">(.*?)</a>', html)
    return [re.sub("<[^>]+>", "", text) for text in found]


def test_all_results_are_there_the_surest_first(client):
    response = client.get("/results/?page_size=100")
    assert response.status_code == 200
    html = response.content.decode()
    assert f"{Result.objects.count()} results" in html
    found = rows(html)
    assert len(found) == Result.objects.count()
    assert found[0] == "62% fewer people infected by one case"
    assert "Compared with a control group" in html


def test_filters_narrow_and_can_be_taken_off(client):
    html = client.get("/results/?kpi=all-trv-time&design=before-after").content.decode()
    assert "4 of 86 results match" in html
    assert rows(html) == [
        "32% less travel time",
        "26% less travel time",
        "22% less travel time",
        "10% less travel time",
    ]
    assert 'href="?design=before-after"' in html
    assert 'href="?kpi=all-trv-time"' in html


def test_one_scale_for_the_page_with_zero(client):
    html = client.get("/results/?kpi=all-trv-time").content.decode()
    zeros = set(re.findall(r'<line class="zero" x1="([\d.]+%)"', html))
    assert len(zeros) == 1
    assert "no change" in html


def test_nothing_found_says_which_filter_to_loosen(client):
    html = client.get("/results/?vertical=education&effect=worse").content.decode()
    assert "No result matches all that you chose" in html
    html = client.get("/results/?vertical=water&method=control+group").content.decode()
    assert 'Without <a href="?vertical=water">Method: control group</a> there are 12.' in html


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("kpi=all-trv-tme", 400, "Did you mean “all-trv-time”?"),
        ("sort=size", 400, "There is no order “size”."),
        ("page_size=0", 400, "A page holds 1 to 200 rows."),
        ("page=99", 404, "There is only 1 page."),
        ("view=map", 200, ""),
        ("year_min=abc", 400, "Measured in or after"),
    ],
)
def test_a_bad_parameter_is_named_and_the_rest_applies(client, query, status, words):
    response = client.get(f"/results/?{query}&vertical=water")
    html = response.content.decode()
    assert response.status_code == status
    assert words in html
    assert "12 of 86 results match" in html
    assert rows(html)


def test_saving_names_the_filters_and_the_order(client):
    html = client.get("/results/?vertical=water&page_size=50&page=1").content.decode()
    for extension in ("csv", "xlsx"):
        assert f'href="/api/v1/results.{extension}?vertical=water&amp;sort=evidence"' in html
    assert 'href="/api/v1/results/?vertical=water&amp;sort=evidence"' in html


def test_drafts_are_not_listed_for_visitors(client):
    hidden = recipes.result(state="draft", use_case=use_cases.use_case(title="Not ready yet"))
    assert "Not ready yet" not in client.get("/results/?page_size=100").content.decode()
    client.force_login(use_cases.visitor_of_staff())
    assert hidden.get_absolute_url() in client.get("/results/?page_size=100").content.decode()


def test_htmx_gets_the_list_alone(client):
    response = client.get("/results/", headers={"HX-Request": "true"})
    assert response.content.lstrip().startswith(b'<div id="list"')
    assert "HX-Request" in response["Vary"]
    whole = client.get("/results/").content.decode()
    assert whole.count('<div id="list"') == 1
    assert response.content.decode().strip() in whole


def test_the_number_of_queries_does_not_grow_with_the_rows(client):
    recipes.result()
    client.get("/results/")  # warms what is looked up once a state of the data
    with CaptureQueriesContext(connection) as few:
        client.get("/results/?page_size=2")
    for _ in range(20):
        recipes.result()
    client.get("/results/")
    with CaptureQueriesContext(connection) as many:
        client.get("/results/?page_size=100")
    assert len(many) == len(few)
