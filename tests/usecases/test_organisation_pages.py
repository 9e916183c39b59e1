"""The organisations in the browser: list, one organisation with its roles and results."""

import json
import re

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alliance.members.models import Organisation
from tests.kpis import recipes as kpis
from tests.usecases import recipes

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


def test_the_list_says_kind_and_use_cases(client):
    html = html_of(client, "/organisations/?page_size=200")
    assert f"{Organisation.objects.count()} organisations" in html
    assert "kind not stated" in html
    assert "1 use case" in html


def test_filters_by_kind_and_field(client):
    Organisation.objects.create(slug="uni", name="Test university", kind="academia")
    assert client.get("/organisations/?kind=academia").context["total"] == 1
    water = client.get("/organisations/?vertical=water").context["total"]
    assert 0 < water < Organisation.objects.count()


def test_most_active_first(client):
    html = html_of(client, "/organisations/?sort=cases")
    counts = [int(n) for n in re.findall(r'<p class="small">(\d+) use cases?', html)]
    assert counts[0] > 1
    assert counts == sorted(counts, reverse=True)


def test_the_page_names_roles_cases_and_results(client):
    case = recipes.use_case(title="A case with partners", organisations=["Test water works"])
    case.participations.update(role="supplier")
    kpis.result(use_case=case, relative_change_percent=-33)
    html = html_of(client, "/organisations/test-water-works/")
    assert "Takes part in 1 use case on record." in html
    assert "A case with partners" in html
    assert "Supplies" in html
    assert "−33%" in html
    assert "not stated" in html  # its kind


def test_unknown_roles_are_said(client):
    html = html_of(client, "/organisations/city-of-pittsburgh/")
    assert "role not stated" in html
    assert "Surtrac decentralised adaptive traffic signals" in html
    assert "26% less" in html


def test_a_result_counts_once_whoever_else_takes_part(client):
    case = recipes.use_case(organisations=["Test one", "Test two", "Test three"])
    kpis.result(use_case=case, relative_change_percent=-44)
    assert html_of(client, "/organisations/test-two/").count('<td class="n">−44%</td>') == 1


def test_an_organisation_known_from_drafts_alone_shows_none_of_them(client):
    draft = recipes.use_case(status="draft", title="Secret plan", organisations=["Test ghost"])
    kpis.result(use_case=draft, relative_change_percent=-55)
    html = html_of(client, "/organisations/test-ghost/")
    assert "Secret plan" not in html
    assert "55%" not in html
    assert "No use case on record names it." in html
    row = html_of(client, "/organisations/?q=%22Test+ghost%22").split('class="related')[1].split("</ol>")[0]
    assert "no use case yet" in row
    client.force_login(recipes.visitor_of_staff())
    assert "Secret plan" in html_of(client, "/organisations/test-ghost/")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("", "Organization"), ("municipality", "GovernmentOrganization"), ("individual", "Person")],
)
def test_structured_data_of_an_organisation(client, kind, expected):
    organisation = Organisation.objects.create(slug="test", name="Test", kind=kind, url="https://example.org/")
    html = html_of(client, organisation.get_absolute_url())
    data = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', html)[1])
    assert data["@type"] == expected
    assert data["url"] == "https://example.org/"


def test_an_unknown_organisation_is_not_found(client):
    html_of(client, "/organisations/nobody/", 404)


def test_queries_do_not_grow_with_the_rows(client):
    assert queries(client, "/organisations/?page_size=2") == queries(client, "/organisations/?page_size=200")
    kpis.result(use_case=recipes.use_case(organisations=["Test busy"]))
    few = queries(client, "/organisations/test-busy/")
    for _n in range(6):
        kpis.result(use_case=recipes.use_case(organisations=["Test busy"]))
    assert queries(client, "/organisations/test-busy/") == few
