"""The list of use cases: search, filters, chips, order, views, pages, saving, comparing; with and without htmx."""

import csv
import gzip
import html as html_module
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from alliance.events.reading import visible_documents
from kpis.use_case_filters import MeasuredUseCaseFilter
from tests.kpis import recipes as kpis
from tests.usecases import recipes
from usecases.kinds import USE_CASES
from usecases.models import UseCase

pytestmark = pytest.mark.usefixtures("reference_data")

LIST = "/use-cases/"


def page(client, query: str = "", status: int = 200, path: str = LIST, **headers) -> str:
    response = client.get(f"{path}?{query}" if query else path, headers=headers)
    assert response.status_code == status
    return response.content.decode()


def titles(html: str) -> list[str]:
    """Titles of the cards or rows, in order, without marks."""
    found = re.findall(r'<(?:h3|th scope="row")><a href="[^"]+"><bdi>(.*?)</bdi></a>', html)
    return [html_module.unescape(re.sub("<[^>]+>", "", text)) for text in found]


def links(html: str) -> list[str]:
    return [html_module.unescape(link) for link in re.findall(r'href="([^"]+)"', html)]


# --- what is found


def test_the_first_page_shows_what_there_is_and_the_surest_first(client):
    html = page(client)
    assert "90 use cases, with 86 results from 81 cities" in html
    found = titles(html)
    assert len(found) == 10
    assert found[0] == "SFpark demand-responsive parking"
    assert "<strong>43% less</strong> time searching for parking" in html
    assert "Compared with a control group" in html


def test_filters_widen_within_a_facet_and_narrow_among_each_other(client):
    html = page(client, "vertical=water&vertical=waste&region=sub-saharan-africa&page_size=100")
    expected = UseCase.objects.filter(
        vertical__code__in=["water", "waste"], city__country__region__slug="sub-saharan-africa"
    )
    assert sorted(titles(html)) == sorted(case.title for case in expected)
    assert re.search(r'value="water" checked', html)
    assert re.search(r'value="sub-saharan-africa" checked', html)
    assert not re.search(r'value="europe" checked', html)


def test_a_facets_count_is_what_a_click_gives(client):
    html = page(client, "vertical=mobility")
    field = html.split('id="filter-vertical"')[1].split("</details>")[0]
    health = int(re.search(r'value="health".*?<span class="n">(\d+)</span>', field)[1])
    assert f"{health} of 90 use cases match" in page(client, "vertical=health")


@pytest.mark.parametrize(
    "query",
    [
        "kpi=all-trv-time",
        "design=control",
        "has_results=yes",
        "covid=direct",
        "size=over-5m",
        "stage=pilot",
        "period=2020",
        "year_min=2010&year_max=2012",
        "technology=led-luminaires",
        "standard=oasc-mim1",
        "organisation=carnegie-mellon-university",
        "country=BR",
        "city=cape-town-za",
    ],
)
def test_every_filter_of_the_address_is_in_force_and_is_a_chip(client, query):
    html = page(client, query + "&page_size=100")
    found = titles(html)
    assert 0 < len(found) < 90
    assert found == list(chosen(query).values_list("title", flat=True))
    name = query.split("=")[0]
    chips = html.split('<ul class="chips plain"')[1].split("</ul>")[0]
    assert chips.count('class="chip"') == query.count("=")
    assert "Clear all" in chips
    without = parse_qs(urlsplit(links(chips)[0]).query)
    assert name not in without
    assert without["page_size"] == ["100"]


def chosen(query: str):
    """What everybody may see through the filters of the address."""
    return MeasuredUseCaseFilter(QueryDict(query), visible_documents(USE_CASES, None)).qs


def test_a_chip_takes_off_its_value_alone(client):
    html = page(client, "vertical=water&vertical=waste&q=sensors")
    chips = html.split('<ul class="chips plain"')[1].split("</ul>")[0]
    assert "?vertical=waste&q=sensors" in links(chips)
    assert "?vertical=water&q=sensors" in links(chips)
    assert "?vertical=water&vertical=waste" in links(chips)
    assert links(chips)[-1] == LIST


# --- search


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("sewer snsors", "Sensor-controlled combined sewers"),
        ("sensor sewers", "Sensor-controlled combined sewers"),
        ('"congestion tax"', "Stockholm congestion tax trial"),
        ("parking -bins", "SFpark demand-responsive parking"),
    ],
)
def test_search_forgives_and_understands(client, query, first):
    assert titles(page(client, f"q={query}"))[0] == first


def test_a_typing_error_is_said(client):
    html = page(client, "q=sewer+snsors")
    assert "Searched for <b>sewer sensors</b>" in html
    assert "“sewer snsors”" in html
    assert "Searched for <b>" not in page(client, "q=sewer+sensors")


def test_words_with_a_minus_are_left_out(client):
    with_word = titles(page(client, "q=water+meters&page_size=100"))
    without = titles(page(client, "q=water+meters+-schools&page_size=100"))
    assert "Dropula smart water meters in schools" in with_word
    assert "Dropula smart water meters in schools" not in without
    assert without


def test_a_phrase_is_not_its_words(client):
    loose = titles(page(client, "q=congestion+charge&page_size=100"))
    phrase = titles(page(client, 'q="congestion charge"&page_size=100'))
    assert "Area C congestion charge" in phrase
    assert set(phrase) < set(loose)


@pytest.mark.parametrize("query", ["bogota", "Bogotá", "BOGOTA"])
def test_accents_do_not_matter(client, query):
    place = recipes.city(name="Bogotá del Norte")
    recipes.use_case(title="A case with an accent", city=place)
    assert "A case with an accent" in titles(page(client, f"q={query}"))


def test_matches_are_marked_and_nothing_else_is_html(client):
    recipes.use_case(
        title='<script>alert("x")</script> zebra crossings',
        solution="Painted zebras & <img src=x onerror=alert(1)> lamps.",
        city=recipes.city(name="<b>Zebra</b> town"),
    )
    html = page(client, "q=zebra")
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; <mark>zebra</mark> crossings" in html
    assert "Painted <mark>zebras</mark> &amp; &lt;img" in html
    for evil in ("<script>alert", "<img src=x", "<b>Zebra"):
        assert evil not in html
    assert "<mark>" not in page(client, "vertical=water")


def test_the_snippet_shows_where_the_match_stands(client):
    recipes.use_case(title="One", problem="Buses were late because of hedgehogs.", solution="Something else.")
    recipes.use_case(title="Two", lessons=["Never disturb hedgehogs."], solution="Something else.")
    html = page(client, "q=hedgehogs")
    assert set(titles(html)) == {"One", "Two"}
    assert "What was wrong:</span> <bdi>Buses were late because of <mark>hedgehogs</mark>." in html
    assert "What others can learn:</span> <bdi>Never disturb <mark>hedgehogs</mark>." in html


def test_a_search_ranks_by_match_unless_an_order_is_asked_for(client):
    by_match = titles(page(client, "q=parking+sensors"))
    by_title = titles(page(client, "q=parking+sensors&sort=title"))
    assert by_match[0] == "SFpark demand-responsive parking"
    assert by_title == sorted(by_title, key=str.casefold)
    html = page(client, "q=parking")
    # The form sends the order in force by itself as none, so that a later search can change it.
    assert re.search(r'<option value="" selected>Best match</option>', html)


# --- order, pages, views


@pytest.mark.parametrize("sort", [name for name in MeasuredUseCaseFilter.sorts if name != "relevance"])
def test_every_order_is_that_of_the_filterset(client, sort):
    html = page(client, f"sort={sort}&page_size=100")
    assert titles(html) == list(chosen(f"sort={sort}").values_list("title", flat=True))
    assert re.search(rf'<option value="{sort}" selected>', html)


def test_pages_are_addresses_and_hold_every_case_once(client):
    found: list[str] = []
    for number in range(1, 5):
        html = page(client, f"page={number}&page_size=25")
        found += re.findall(r'<h3><a href="([^"]+)"', html)
    assert len(found) == len(set(found)) == 90
    assert "?page_size=25&page=2" in links(page(client, "page_size=25"))


def test_the_table_and_the_map_show_the_same_set(client):
    table = page(client, "vertical=water&view=table&page_size=100")
    cards = page(client, "vertical=water&page_size=100")
    assert titles(table) == titles(cards) != []
    assert '<th scope="col">Headline result</th>' in table
    drawn = page(client, "vertical=water&view=map")
    cities = set(UseCase.objects.filter(vertical__code="water").values_list("city__name", flat=True))
    beside = drawn.split('<ul class="cities')[1].split("</ul>")[0]
    assert set(re.findall(r"<bdi>(.*?)</bdi></a>", beside)) == cities
    assert drawn.count('class="city"') + drawn.count('class="city none"') == len(cities)
    assert "?vertical=water&city=cape-town-za" in links(beside)


def test_all_cards_of_a_page_share_one_scale(client):
    html = page(client, "vertical=mobility&has_results=yes")
    zeros = set(re.findall(r'<line class="zero" x1="([\d.]+%)"', html))
    assert len(zeros) == 1
    assert 'class="axis-row"' in html


def test_long_facets_show_the_most_frequent_and_the_chosen_and_open_by_a_link(client):
    def technologies(query):
        facet = page(client, query).split('id="filter-technology"')[1].split("</details>")[0]
        return re.findall(r'name="technology" value="([^"]+)"', facet), facet

    short, facet = technologies("technology=toll-tag-readers")
    assert "toll-tag-readers" in short
    assert len(short) < 15
    more = next(link for link in links(facet) if "more=technology" in link)
    everything, opened = technologies(more.lstrip("?"))
    assert len(everything) > 100
    assert opened.startswith(" open")
    assert "Fewer" in opened


# --- nothing found, bad values


def test_nothing_found_says_which_filter_to_loosen(client):
    html = page(client, "vertical=lighting&region=sub-saharan-africa&covid=direct")
    assert "0 of 90 use cases match" in html
    assert "No use case matches all that you chose" in html
    advice = html.split('class="empty"')[1].split("</div>")[0]
    assert "Clear all filters" in advice
    for name in ("vertical", "region", "covid"):
        left = QueryDict("vertical=lighting&region=sub-saharan-africa&covid=direct").copy()
        del left[name]
        query = left.urlencode()
        assert (f'href="?{html_module.escape(query)}"' in advice) == chosen(query).exists()


@pytest.mark.parametrize(
    ("query", "status", "anchor", "words"),
    [
        ("vertical=mobilty", 400, "filter-vertical", "Did you mean “mobility”?"),
        ("region=atlantis", 400, "filter-region", "There is no “atlantis” here."),
        ("year_min=abc", 400, "filter-year_min", "Enter a number."),
        ("year_max=99999", 400, "filter-year_max", ""),
        ("sort=biggest", 400, "filter-sort", "There is no order “biggest”."),
        ("page_size=0", 400, "filter-page_size", "A page holds 1 to 200 rows."),
        ("page_size=-1", 400, "filter-page_size", "A page holds 1 to 200 rows."),
        ("page_size=1000000000", 400, "filter-page_size", "A page holds 1 to 200 rows."),
        ("page_size=abc", 400, "filter-page_size", "A page holds 1 to 200 rows."),
        ("page=x", 400, "filter-page", "A page is a whole number from 1."),
        ("page=1000", 404, "filter-page", "There is only 1 page."),
        ("view=globe", 400, "filter-view", "Choose one of: cards, table, map."),
        ("q=" + "a" * 301, 400, "filter-q", ""),
    ],
)
def test_a_bad_value_is_named_with_a_way_to_it_and_the_rest_applies(client, query, status, anchor, words):
    html = page(client, query + "&stage=pilot", status=status)
    summary = html.split('class="summary"')[1].split("</div>")[0]
    assert f'href="#{anchor}"' in summary
    assert words in summary
    assert f'id="{anchor}"' in html
    assert re.search(r'value="pilot" checked', html)
    assert titles(html)


def test_several_bad_values_are_all_named_and_escaped(client):
    html = page(client, "vertical=<script>&sort=%22onload%3D&page_size=x", status=400)
    summary = html.split('class="summary"')[1].split("</div>")[0]
    assert summary.count("<li>") == 3
    assert "<script>" not in summary
    assert titles(html)


# --- saving


def test_saving_names_filters_and_order_and_nothing_of_the_page(client):
    html = page(client, "vertical=water&q=meters&view=table&page_size=25&page=1&more=technology&u=sfpark-san-francisco")
    assert re.search(r"Save all \d+", html)
    found = [link for link in links(html) if link.startswith("/api/v1/use-cases")]
    query = "?q=meters&vertical=water&sort=relevance"
    assert found == [
        f"/api/v1/use-cases.csv{query}",
        f"/api/v1/use-cases.xlsx{query}",
        f"/api/v1/use-cases.geojson{query}",
        f"/api/v1/use-cases/{query}",
    ]
    asked = [link for link in links(page(client, "sort=title")) if link.startswith("/api/v1/use-cases.csv")]
    assert asked == ["/api/v1/use-cases.csv?sort=title"]


@pytest.mark.parametrize("query", ["vertical=water", "q=parking", "sort=title&region=europe", "view=map&stage=pilot"])
def test_what_is_saved_is_complete_and_in_the_order_of_the_page(client, query):
    html = page(client, query + "&page_size=100")
    saved = next(link for link in links(html) if link.startswith("/api/v1/use-cases.csv"))
    answer = client.get(saved)
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = [row["slug"] for row in csv.DictReader(text.splitlines())]
    shown = page(client, query.replace("view=map&", "") + "&page_size=100")
    assert rows == re.findall(r'<h3><a href="/use-cases/([^"/]+)/"', shown) != []


# --- comparing


def test_cases_to_compare_are_ticked_on_the_cards_and_need_no_script(client):
    html = page(client, "vertical=water")
    assert '<form class="compare-ticked row" id="compare" action="/use-cases/compare/">' in html
    assert len(re.findall(r'name="u" value="[^"]+" form="compare"', html)) == 10
    assert html.count('form="compare"') == 10


def test_a_choice_to_compare_stays_through_filters_pages_and_views(client):
    html = page(client, "vertical=mobility&u=sfpark-san-francisco&u=surtrac-pittsburgh&u=no-such-case")
    assert "To compare" in html
    assert "/use-cases/compare/?u=sfpark-san-francisco&u=surtrac-pittsburgh" in links(html)
    assert html.count('name="u" value="sfpark-san-francisco" form="filters"') == 1
    # Not to be ticked twice.
    assert 'value="sfpark-san-francisco" form="compare"' not in html
    following = [link for link in links(html) if link.startswith("?") and ("page=2" in link or "view=" in link)]
    assert following
    assert all("u=sfpark-san-francisco" in link for link in following)
    assert "/use-cases/?u=sfpark-san-francisco&u=surtrac-pittsburgh" in links(html)


def test_with_four_chosen_no_more_can_be_ticked(client):
    chosen = UseCase.objects.filter(status="published").values_list("slug", flat=True)[:4]
    html = page(client, "&".join(f"u={slug}" for slug in chosen))
    assert 'id="compare"' not in html
    assert "Compare these" in html


# --- htmx, caches, languages, who sees what, weight


def test_htmx_gets_the_changing_part_alone_and_a_clean_address(client):
    response = client.get(LIST + "?q=&vertical=water&year_min=&sort=", headers={"HX-Request": "true"})
    html = response.content.decode()
    assert html.lstrip().startswith('<div id="list"')
    assert "<!doctype" not in html
    assert "HX-Request" in response["Vary"]
    assert response["HX-Push-Url"] == "/use-cases/?vertical=water"
    assert "data-announce" in html
    whole = page(client, "vertical=water")
    assert html.strip() in whole
    assert "HX-Request" in client.get(LIST)["Vary"]


@pytest.mark.parametrize("header", ["HX-History-Restore-Request", "HX-Boosted"])
def test_a_page_that_htmx_restores_is_whole(client, header):
    html = page(client, **{"HX-Request": "true", header: "true"})
    assert html.lstrip().lower().startswith("<!doctype html>")


def test_without_script_one_form_holds_search_filters_and_order(client):
    html = page(client, "vertical=water&view=table&page_size=25")
    form = html.split('<form id="filters"')[1].split("</form>")[0]
    assert 'action="/use-cases/"' in form
    assert '<button class="sr-go">' in form
    assert 'name="view" value="table"' in form
    assert 'name="page_size" value="25"' in form
    assert re.search(r'<input id="q" name="q" type="search" form="filters"', html)
    assert re.search(r'<select id="sort" name="sort" form="filters"', html)


def test_the_address_that_search_engines_should_keep(client):
    html = page(client, "vertical=water&view=table&page_size=25&u=sfpark-san-francisco")
    assert '/use-cases/?vertical=water">' in html.split('rel="canonical"')[1][:200]


def test_drafts_and_withdrawn_cases_are_not_listed(client):
    recipes.use_case(title="A draft of mine", status="draft")
    recipes.use_case(title="A withdrawn one", status="withdrawn")
    for query in ("page_size=100&sort=title", "q=draft+of+mine", "q=withdrawn"):
        found = titles(page(client, query))
        assert "A draft of mine" not in found
        assert "A withdrawn one" not in found
    client.force_login(recipes.visitor_of_staff())
    html = page(client, "page_size=100&sort=title")
    assert {"A draft of mine", "A withdrawn one"} <= set(titles(html))
    assert '<span class="tag">Draft</span>' in html


def test_in_arabic_the_page_runs_from_right_to_left(client):
    html = page(client, "vertical=water", path="/ar/use-cases/")
    assert '<html lang="ar" dir="rtl">' in html
    assert 'href="/ar/use-cases/' in html
    assert "الولايات المتحدة" in page(client, "country=US", path="/ar/use-cases/")
    # Texts of the data keep their own direction.
    assert "<bdi>Sensor-controlled combined sewers</bdi>" in page(client, "q=sewers", path="/ar/use-cases/").replace(
        "<mark>", ""
    ).replace("</mark>", "")


def test_unknown_is_said(client):
    recipes.use_case(title="Nothing known", started_year=None)
    html = page(client, "q=Nothing+known")
    assert "year not stated" in html
    assert "No measured result is published yet." in html


def test_a_result_without_a_value_from_before_is_told_and_not_drawn(client):
    html = page(client, "city=montevideo-uy")
    assert "<strong>6.2</strong> road deaths per 100,000 people a year" in html
    assert "no change can be drawn" in html
    assert '<svg class="strip"' not in html


@pytest.mark.parametrize("query", ["", "q=water", "vertical=water&view=table", "view=map"])
def test_the_number_of_queries_does_not_grow_with_the_rows(client, query):
    place = recipes.city()
    recipes.use_case(title="Water, in between")
    page(client, query)  # warms what is looked up once a state of the data
    with CaptureQueriesContext(connection) as few:
        page(client, f"{query}&page_size=2")
    for number in range(30):
        case = recipes.use_case(
            title=f"More water {number}", vertical="water", city=place, technologies=[f"thing {number}", "water pump"]
        )
        kpis.result(use_case=case)
        kpis.result(use_case=case)
    page(client, query)
    with CaptureQueriesContext(connection) as many:
        page(client, f"{query}&page_size=100")
    assert len(many) == len(few)


@pytest.mark.parametrize("query", ["", "view=table", "view=map", "q=water&vertical=water"])
def test_the_page_is_light(client, query):
    assert len(gzip.compress(page(client, query).encode(), 6)) < 30_000
