"""The catalogue of standards in the browser: list, one standard, what points to it."""

import json
import re

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from standards.models import Edition, Standard
from tests.standards import recipes
from tests.usecases import recipes as use_cases
from usecases.models import StandardUse

pytestmark = pytest.mark.usefixtures("reference_data")


def html_of(client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status
    return response.content.decode()


def test_the_list_holds_every_standard(client):
    html = html_of(client, "/standards/?page_size=200")
    assert "215 standards" in html
    assert len(re.findall(r'class="std"', html)) == 200


def test_a_row_says_what_the_standard_is(client):
    html = html_of(client, "/standards/?q=%22TS+103+264%22")
    row = html.split('class="layers')[1]
    assert "ETSI TS 103 264 V4.1.1 (2025-03)" in row
    assert "Do we mean the same thing?" in row
    assert "Ontology" in row
    assert "Fields: Energy, Buildings" in row


def test_superseded_and_draft_editions_are_marked(client):
    assert '<span class="tag">Superseded</span>' in html_of(client, "/standards/?status=superseded")
    html = html_of(client, "/standards/?status=draft")
    assert html.count('<span class="tag">Draft</span>') == 2


def test_filters_narrow_and_facets_leave_their_own_choice_out(client):
    response = client.get("/standards/?layer=legal&layer=semantic&body=iso")
    iso = Standard.objects.filter(body__slug="iso")
    assert response.context["total"] == iso.filter(layer__in=["legal", "semantic"]).count()
    layers = next(facet for facet in response.context["facets"] if facet.name == "layer")
    assert {option.value: option.count for option in layers.options}["technical"] == iso.filter(
        layer="technical"
    ).count()


def test_a_search_marks_what_it_found(client):
    html = html_of(client, "/standards/?q=parking")
    assert "<mark>parking</mark> lots in smart cities" in html
    assert html_of(client, "/standards/?q=prking").count("Searched for <b>parking</b>") == 1


def test_used_standards_come_with_the_number_of_their_cases(client):
    html = html_of(client, "/standards/?used=yes&sort=uses")
    counts = [int(n) for n in re.findall(r"named by (\d+) use cases?", html)]
    assert counts
    assert counts == sorted(counts, reverse=True)


def test_drafts_of_use_cases_are_not_counted(client):
    standard = recipes.standard()
    draft = use_cases.use_case(status="draft", title="Secret plan")
    StandardUse.objects.create(use_case=draft, standard=standard)
    page = html_of(client, standard.get_absolute_url())
    assert "Secret plan" not in page
    assert "No source of the recorded use cases names it." in page
    assert "named by" not in html_of(client, "/standards/?q=%22" + standard.title.replace(" ", "+") + "%22")
    client.force_login(use_cases.visitor_of_staff())
    assert "Secret plan" in html_of(client, standard.get_absolute_url())


def test_the_page_of_a_standard_says_what_to_ask_for(client):
    standard = Standard.objects.get(slug="itu-t-y-4903")
    html = html_of(client, standard.get_absolute_url())
    assert standard.rfp_use in html
    assert standard.summary in html
    assert "ITU-T Y.4903 (03/2022)" in html
    assert "Do we mean the same thing?" in html
    assert "Price not known" in html
    assert "Not known" in html


def test_a_superseded_standard_leads_to_the_one_to_use(client):
    edition = Edition.objects.get(status="superseded")
    html = html_of(client, edition.standard.get_absolute_url())
    successor = edition.superseded_by.get()
    assert f'Use <a href="{successor.standard.get_absolute_url()}">{successor.designation}</a> instead.' in html


def test_editions_are_listed_newest_first_and_the_one_in_force_heads_the_page(client):
    standard = recipes.standard(editions=((2012, "withdrawn"), (2018, "published"), (2024, "draft")))
    html = html_of(client, standard.get_absolute_url())
    assert f"<h1>{standard.designation}:2018</h1>" in html
    years = re.findall(r"<td>(\d{4})</td>", html)
    assert years == ["2024", "2018", "2012"]


def test_who_uses_it_with_state_edition_and_problems(client):
    standard = recipes.standard()
    case = use_cases.use_case(title="A case that names it")
    StandardUse.objects.create(
        use_case=case, standard=standard, state="required", problems_met="Two readings of clause 5."
    )
    html = html_of(client, standard.get_absolute_url())
    assert "1 use case names it, by a public source." in html
    assert "A case that names it" in html
    assert "Required" in html
    assert "edition not stated" in html
    assert "Two readings of clause 5." in html


def test_cases_of_the_same_field_are_said_not_to_name_it(client):
    standard = recipes.standard(verticals=["waste"])
    html = html_of(client, standard.get_absolute_url())
    assert "No source says that they used this standard." in html
    assert 'href="/use-cases/?vertical=waste"' in html
    everywhere = recipes.standard(verticals=["waste", "water", "energy", "health", "mobility"])
    assert "Cases in the same field" not in html_of(client, everywhere.get_absolute_url())


def test_a_standard_that_defines_indicators_leads_to_them(client):
    html = html_of(client, "/standards/iso-37120/")
    assert '<a href="/kpis/?set=ISO%2037120">42 indicators are in the catalogue</a>' in html
    assert client.get("/kpis/?set=ISO%2037120").context["total"] == 42


def test_structured_data_cannot_be_broken_out_of(client):
    standard = recipes.standard(title="</script><script>alert(1)</script>")
    html = html_of(client, standard.get_absolute_url())
    assert "<script>alert" not in html
    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', html)
    data = json.loads(block[1])
    assert data["@type"] == "CreativeWork"
    assert data["name"] == standard.title
    assert "isAccessibleForFree" not in data


def test_an_unknown_standard_is_not_found(client):
    assert "There is no such page" in html_of(client, "/standards/no-such-standard/", 404)


def test_queries_do_not_grow_with_the_rows(client):
    def queries(path: str) -> int:
        client.get(path)
        cache.clear()  # made anew, but for what is looked up once a process
        with CaptureQueriesContext(connection) as captured:
            client.get(path)
        return len(captured)

    assert queries("/standards/?page_size=2") == queries("/standards/?page_size=200")
    few = queries("/standards/iso-37120/")
    standard = Standard.objects.get(slug="iso-37120")
    for _n in range(4):
        StandardUse.objects.create(use_case=use_cases.use_case(), standard=standard)
    some = queries("/standards/iso-37120/")
    for _n in range(4):
        StandardUse.objects.create(use_case=use_cases.use_case(), standard=standard)
    assert queries("/standards/iso-37120/") == some <= few + 1
