"""Pages and API of practices: who sees what, what a page must say, and a number of queries that does not grow."""

import re

import pytest
from django.urls import reverse
from django.utils.html import escape

from practices import upkeep
from practices.evidence import with_results
from practices.models import FormerAddress, Practice, RankingRun
from practices.rules import rule
from standards.models import Standard
from tests.kpis import recipes as kpi_recipes
from tests.practices import recipes
from usecases.models import Lesson, StandardUse

pytestmark = pytest.mark.django_db


def told(client, address, **more):
    response = client.get(address, **more)
    return response.status_code, response.content.decode()


def test_a_practice_with_enough_evidence_says_effect_certainty_cities_and_why(client):
    practice = recipes.practice([-50, -40, -45], risks="It may rain.")
    upkeep.rebuild()
    status, page = told(client, practice.get_absolute_url())
    assert status == 200
    for words in ("45% lower", "certainty", "3 cities", "Cost unknown", "It may rain.", "Taken together", "Points"):
        assert words in page, words


def test_a_practice_without_enough_evidence_is_told_neutrally_and_asks_for_a_pilot(client):
    practice = recipes.practice([-50])
    upkeep.rebuild()
    page = told(client, practice.get_absolute_url())[1]
    assert "Results of 2 more cities are missing for a finding." in page
    assert "No mean yet" in page
    listed = told(client, "/practices/")[1]
    assert "without enough evidence yet" in listed
    assert "Report a pilot" in listed


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"baseline_value": 5, "result_value": 0, "unit": "minute", "relative_change_percent": None}, "fell to zero"),
        (
            {"baseline_value": 0, "result_value": 5, "unit": "minute", "relative_change_percent": None},
            "before was zero",
        ),
        ({"result_value": 5, "unit": "minute", "relative_change_percent": None}, "no value from before"),
    ],
)
def test_a_result_that_cannot_be_combined_is_shown_with_the_reason(client, values, words):
    practice = recipes.practice()
    recipes.measure(practice, values.pop("relative_change_percent"), **values)
    upkeep.rebuild()
    assert words in told(client, practice.get_absolute_url())[1]


def test_an_indicator_without_direction_gives_no_effect_and_says_so(client):
    practice = recipes.practice([-10, -12, -14], primary_kpi=kpi_recipes.kpi(direction="none"))
    upkeep.rebuild()
    page = told(client, practice.get_absolute_url())[1]
    assert "Neither more nor less of this indicator is better" in page
    assert "Taken together" not in page


def test_ten_results_of_one_city_are_one_city(client):
    practice = recipes.practice([-30])
    city = practice.implementations.get().use_case.city
    for change in range(-40, -31):
        recipes.measure(practice, change, city=city)
    upkeep.rebuild()
    assert practice.evidence.body["families"][0]["missing_cities"] == 2
    body = with_results(practice.evidence.body, practice, rule())
    assert [len(city["results"]) for city in body["families"][0]["cities"]] == [10]
    assert len(body["families"][0]["results"]) == 10


def test_withdrawn_results_and_withdrawn_cases_do_not_count():
    practice = recipes.practice([-30, -31, -32])
    result = recipes.measure(practice, -33)
    type(result).objects.filter(pk=result.pk).update(state="withdrawn")
    hidden = recipes.measure(practice, -34)
    type(hidden.use_case).objects.filter(pk=hidden.use_case.pk).update(status="withdrawn")
    upkeep.rebuild()
    assert practice.evidence.body["families"][0]["pooled"]["cities"] == 3


@pytest.mark.parametrize("state", ["proposed", "withdrawn"])
def test_what_is_not_accepted_is_seen_by_who_proposed_it_and_by_editors_alone(client, state):
    author = recipes.person("Testville")
    practice = recipes.practice([-30, -31, -32], state=state, proposed_by=author)
    upkeep.rebuild()
    assert told(client, practice.get_absolute_url())[0] == 404
    assert client.get(f"/api/v1/practices/{practice.slug}/evidence/").status_code == 404
    assert practice.slug not in client.get("/api/v1/practices/").content.decode()
    for user, expected in ((recipes.person("Elsewhere"), 404), (author, 200), (recipes.person(is_staff=True), 200)):
        client.force_login(user)
        assert told(client, practice.get_absolute_url())[0] == expected
        assert practice.name not in told(client, "/practices/")[1]


def test_an_address_that_a_practice_had_leads_to_it(client):
    practice = recipes.practice()
    FormerAddress.objects.create(slug="what-it-was-called", practice=practice)
    response = client.get("/practices/what-it-was-called/")
    assert response.status_code == 301
    assert response["Location"] == practice.get_absolute_url()
    moved = client.get("/api/v1/practices/what-it-was-called/evidence/")
    assert moved.status_code == 301
    assert moved["Location"].endswith(f"/api/v1/practices/{practice.slug}/evidence/")


def test_weights_in_the_address_order_the_list(client):
    many = recipes.practice([-2, -3, -4, -2, -3, -4, -2, -3, -4], name="Many cities")
    large = recipes.practice([-48, -48, -48, -48], name="Large effect")
    upkeep.rebuild()

    def order(query):
        page = client.get(f"/practices/{query}")
        assert page.status_code == 200
        return [row.practice.name for row in page.context["ranked"] if row.practice in (many, large)]

    assert order("?cities=10") == ["Many cities", "Large effect"]
    assert order("?effect=10") == ["Large effect", "Many cities"]
    page = client.get("/practices/?cities=10&effect=3").content.decode()
    assert page.count("(optional)") == 2, "region and size; a slider always says something"
    assert 'name="cities" value="10"' in page
    assert 'name="certainty" value="0"' in page


@pytest.mark.parametrize("query", ["certainty=99", "effect=x", "region=nowhere", "size=huge", "cities=-1"])
def test_bad_weights_are_refused_and_the_stated_order_stands(client, query):
    recipes.practice([-30, -31, -32])
    upkeep.rebuild()
    response = client.get(f"/practices/?{query}")
    assert response.status_code == 400
    assert response.context["ranked"]


@pytest.mark.parametrize("address", ["/practices/", "/practices/?effect=5", "/api/v1/practices/"])
def test_lists_ask_the_same_number_of_queries_for_more_practices(client, django_assert_max_num_queries, address):
    for _ in range(3):
        recipes.practice([-30, -31, -32])
    upkeep.rebuild()
    with django_assert_max_num_queries(8):
        client.get(address)
    for _ in range(9):
        recipes.practice([-30, -31, -32])
    upkeep.rebuild()
    with django_assert_max_num_queries(8):
        client.get(address)


def test_a_page_asks_the_same_number_of_queries_for_more_cities(client, django_assert_max_num_queries):
    practice = recipes.practice([-30, -31, -32])
    for change in range(-60, -33):
        recipes.measure(practice, change)
    upkeep.rebuild()
    with django_assert_max_num_queries(25):
        page = told(client, practice.get_absolute_url())[1]
    assert "Results around their mean" in page, "from ten results on there is a funnel plot"


def test_other_pages_and_the_api_show_the_practice(client):
    practice = recipes.practice([-50, -40, -45], name="Paint it black")
    upkeep.rebuild()
    case = practice.implementations.first().use_case
    for address in (
        case.get_absolute_url(),
        case.city.get_absolute_url(),
        practice.primary_kpi.get_absolute_url(),
        "/api/v1/practices/",
    ):
        assert "Paint it black" in told(client, address)[1], address
    run = client.get("/api/v1/practices/").json()["ranking"]
    ranking = client.get(run).json()
    score = next(one for one in ranking["scores"] if one["practice"] == practice.slug)
    assert score["total"] == sum(line["points"] for line in score["lines"])
    assert client.get(f"/practices/rankings/{ranking['run']}/").status_code == 200
    assert client.get("/api/v1/practices/?q=x").status_code == 400


def test_the_order_of_the_api_is_the_order_of_the_page(client):
    for changes in ([-50, -51, -52], [-10, -11, -12], [-5]):
        recipes.practice(changes)
    upkeep.rebuild()
    page = client.get("/practices/").context
    shown = [row.practice.slug for row in page["ranked"]]
    programs = client.get("/api/v1/practices/").json()["results"]
    assert [one["slug"] for one in programs if one["place"]] == shown
    assert {one["slug"] for one in programs} == set(Practice.objects.public().values_list("slug", flat=True))


def test_the_page_of_a_standard_shows_the_practices_whose_cases_name_it(client):
    practice = recipes.practice([-50, -40, -45], name="Paint it black")
    case = practice.implementations.first().use_case
    standard = Standard.objects.first()
    StandardUse.objects.create(use_case=case, standard=standard, state="used")
    upkeep.rebuild()
    assert "Paint it black" in told(client, standard.get_absolute_url())[1]
    page = told(client, practice.get_absolute_url())[1]
    assert f'href="{standard.get_absolute_url()}"' in page, "the standards that its cases rely on"


def test_home_shows_the_surest_practices_and_the_newest_evidence(client):
    sure = recipes.practice(name="Paint it black")
    for change in (-50, -51, -49, -50, -52, -48):
        recipes.measure(sure, change, method="control group")
    newest = recipes.practice([-5], name="Benches that count")
    newest.implementations.get().use_case.results.update(measured_year=2026)
    upkeep.rebuild()
    page = told(client, "/")[1]
    works = page[page.index('id="works"') :]
    assert works.index("Paint it black") < works.index("With the newest evidence:")
    assert "Benches that count" in works[works.index("With the newest evidence:") :]


def test_every_real_practice_says_what_a_mayor_asks(client, reference_data):
    upkeep.rebuild()
    for practice in Practice.objects.public():
        status, page = told(client, practice.get_absolute_url())
        assert status == 200
        for words in (
            "What it is", "Conditions of success", "What can go wrong", "Cost", "What would change our mind",
            "Standards that its cases rely on", "Who does it", "Challenge this finding", "brief.pdf", "Points",
        ):  # fmt: skip
            assert words in page, (practice.slug, words)
        for text in (practice.conditions, practice.risks, practice.cost_note):
            assert escape(text) in page, practice.slug
        measured = practice.evidence.body["families"][0]["cities"]
        assert ("Where it did not" in page) == bool(measured), practice.slug


def test_side_effects_and_lessons_are_on_the_page(client):
    practice = recipes.practice([-50, -40, -45])
    case = practice.implementations.first().use_case
    case.results.update(side_effects="negative", side_effects_note="Birds sang at night.")
    Lesson.objects.create(use_case=case, position=0, advice="Begin with the bulbs.")
    upkeep.rebuild()
    page = told(client, practice.get_absolute_url())[1]
    assert "Birds sang at night." in page
    assert "Begin with the bulbs." in page


def test_a_run_names_what_was_withdrawn_since_and_leads_nowhere(client):
    practice = recipes.practice([-50, -40, -45], name="Gone since")
    upkeep.rebuild()
    run = RankingRun.objects.first()
    address = practice.get_absolute_url()
    assert f'href="{address}"' in told(client, reverse("practices:run", args=[run.pk]))[1]
    Practice.objects.filter(pk=practice.pk).update(state="withdrawn")
    status, page = told(client, reverse("practices:run", args=[run.pk]))
    assert status == 200
    assert "Gone since" in page
    assert f'href="{address}"' not in page
    assert told(client, address)[0] == 404


def test_every_page_with_a_finding_says_as_of_when_and_from_how_many_cities(client):
    practice = recipes.practice([-50, -40, -45], name="Told everywhere")
    case = practice.implementations.first().use_case
    StandardUse.objects.create(use_case=case, standard=Standard.objects.first(), state="used")
    upkeep.rebuild()
    as_of = practice.evidence.as_of.isoformat()
    pages_with_it = [practice, case, case.city, practice.primary_kpi, Standard.objects.first()]
    for address in ["/", *(one.get_absolute_url() for one in pages_with_it)]:
        page = told(client, address)[1]
        assert re.search(rf'3 cities measured it( · [^<]*)? · as of <time datetime="{as_of}">', page), address
    assert '<a href="#why">How this was computed</a>' in told(client, practice.get_absolute_url())[1]


def places(client, weights) -> dict[str, int]:
    """As a visitor reads them off the page."""
    response = client.get("/practices/", weights)
    return {row.practice.name: row.place for row in response.context["ranked"]}


def test_what_changes_places_within_a_fifth_is_named(client):
    """Exactly those that change places when a slider is moved by a fifth, in the sentence that says so."""
    kpi = kpi_recipes.kpi()
    recipes.practice([-30, -31, -32, -31, -30, -32], name="Many cities", primary_kpi=kpi)
    recipes.practice([-48, -48, -48, -48], name="Large effect", primary_kpi=kpi)
    recipes.practice([-3, -4, -5], name="Far behind", primary_kpi=kpi)
    upkeep.rebuild()
    usual = {"effect": 5, "cities": 5}
    before = places(client, usual)
    moved = set()
    for name in usual:
        for weight in (4, 6):
            after = places(client, {**usual, name: weight})
            moved |= {practice for practice, place in after.items() if place != before[practice]}
    assert moved == {"Many cities", "Large effect"}
    page = client.get("/practices/", usual).content.decode()
    sentence = page.split("These change places when one of your weights is a fifth larger or smaller:")[1].split(
        "</p>"
    )[0]
    assert {name for name in before if name in sentence} == moved
    calm = client.get("/practices/", {"certainty": 5, "recency": 5}).content.decode()
    assert "No practice changes places when one of your weights is a fifth larger or smaller." in calm
