"""One search over everything: groups, marks, typing errors read the same in every list, help when nothing is found."""

import re

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.usecases import recipes as use_cases

pytestmark = pytest.mark.usefixtures("reference_data")


def groups(client, query: str) -> dict[str, int]:
    cache.clear()  # a page that was made before has no context
    response = client.get("/search/", {"q": query})
    assert response.status_code == 200
    return {group.source.kind.name: group.total for group in response.context["groups"]}


def test_without_a_query_it_says_what_is_searched(client):
    response = client.get("/search/")
    assert response.status_code == 200
    assert "What is searched" in response.content.decode()
    assert client.get("/search/?q=+++").content.count(b"What is searched") == 1


def test_hits_are_grouped_counted_and_marked(client):
    response = client.get("/search/?q=parking")
    html = response.content.decode()
    assert groups(client, "parking") == {"use-cases": 4, "standards": 2, "kpis": 4, "organisations": 1}
    assert "11 hits for “parking”" in html
    assert "SFpark demand-responsive <mark>parking</mark>" in html
    assert "43% less time searching for parking" in html
    assert "Average <mark>parking</mark> search time" in html
    assert 'href="#use-cases"' in html
    assert 'id="use-cases"' in html


@pytest.mark.parametrize("query", ["parking", "water", '"street lighting"', "data -privacy", "snsors", "Bogotá"])
def test_the_lists_behind_the_groups_hold_as_many(client, query):
    response = client.get("/search/", {"q": query})
    assert response.context["groups"]
    for group in response.context["groups"]:
        assert client.get(group.url).context["total"] == group.total, group.source.kind.name


def test_more_hits_than_are_shown_lead_to_the_list(client):
    response = client.get("/search/?q=water")
    html = response.content.decode()
    cases = response.context["groups"][0]
    assert len(cases.rows) == 5 < cases.total
    assert f'<a href="/use-cases/?q=water">All use cases that match: {cases.total}</a>' in html


def test_a_slip_is_forgiven_and_said(client):
    html = client.get("/search/?q=sewer+snsors").content.decode()
    assert "Searched for <b>sewer sensors</b>" in html
    assert "South Bend" in html


def test_a_word_that_one_list_knows_is_not_bent_for_another(client):
    """Pittsburgh is a word of use cases and cities; no standard knows it, and none is shown for something like it."""
    response = client.get("/search/?q=Pittsburgh")
    assert response.context["search"].corrections == ()
    assert set(groups(client, "Pittsburgh")) == {"use-cases", "cities", "organisations"}


def test_the_closest_word_of_any_list_wins(client):
    response = client.get("/search/?q=Pitsburgh")
    assert response.context["search"].corrections == (("Pitsburgh", "pittsburgh"),)


def test_accents_do_not_matter(client):
    assert groups(client, "Sao Paulo") == groups(client, "São Paulo")
    assert groups(client, "Sao Paulo")["cities"] == 1


def test_nothing_found_helps_on(client):
    html = client.get("/search/?q=zzzzq+parking").content.decode()
    assert "0 hits" in html
    assert 'href="/search/?q=zzzzq%20OR%20parking"' in html
    assert client.get("/search/?q=zzzzq%20OR%20parking").context["total"] > 0
    assert "OR" not in client.get("/search/?q=zzzzqq").content.decode().split('class="empty"')[1].split("</div>")[0]


def test_drafts_are_neither_found_nor_help_to_correct(client):
    use_cases.use_case(status="draft", title="Xylophonic tramways")
    assert groups(client, "Xylophonic") == {}
    assert client.get("/search/?q=Xylophonik").context["search"].corrections == ()
    client.force_login(use_cases.visitor_of_staff())
    assert groups(client, "Xylophonic") == {"use-cases": 1}
    assert client.get("/search/?q=Xylophonik").context["search"].corrections == ()


def test_what_was_asked_is_shown_as_text(client):
    html = client.get("/search/", {"q": "<script>alert(1)</script> parking"}).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html


def test_too_long_a_query_is_refused_and_the_form_stands(client):
    response = client.get("/search/", {"q": "w" * 301})
    assert response.status_code == 400
    html = response.content.decode()
    assert "at most 300 characters" in html
    assert 'href="#filter-q"' in html
    assert 'id="filter-q"' in html


def test_search_pages_are_not_for_search_engines(client):
    html = client.get("/search/?q=parking").content.decode()
    assert re.search(r'<meta name="robots" content="noindex', html)


def test_queries_do_not_grow_with_the_hits(client):
    def queries() -> int:
        client.get("/search/?q=tramways")
        cache.clear()  # made anew, but for what is looked up once a process
        with CaptureQueriesContext(connection) as captured:
            client.get("/search/?q=tramways")
        return len(captured)

    use_cases.use_case(title="Tramways one")
    few = queries()
    for n in range(4):
        use_cases.use_case(title=f"Tramways {n}")
    assert queries() == few
