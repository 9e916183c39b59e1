"""Requests that are read without their form mean the same as with it; SQL that they share gives each its own rows."""

import json

import pytest
from django.core.cache import cache
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings

from alliance.api import filterset_of
from alliance.core.filters import PortalFilterSet
from alliance.core.plain import Marks, Written
from alliance.events import api, planning
from alliance.events.documents import kinds
from alliance.events.reading import visible_documents
from tests.alliance import api_cases
from tests.usecases import recipes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data", "no_quota")]

PLAIN = [
    "",
    "vertical=water&vertical=energy&sort=title",
    "vertical=&q=&year_min=&stage=pilot",
    "q=water+leak&region=europe",
    "q=%22smart+meters%22+-solar&city=bogota-co",
    "year_min=2015&year_max=2019",
    "page=3&cursor=x&vertical=water",
]
UNSURE = ["vertical=watr", "year_min=1900", "year_min=two", "year_min=2015.0", "sort=best", "q=%00", "q=a&q=b"]


@pytest.fixture
def no_quota(settings):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"client": "100000/min"}}


def chosen(query: str, name: str = "use-cases") -> PortalFilterSet:
    return filterset_of(api_cases.BY_NAME[name])(QueryDict(query), visible_documents(kinds[name], None))


# --- reading
@pytest.mark.parametrize("query", PLAIN)
def test_the_form_would_say_the_same(query):
    plain, by_form = chosen(query), chosen(query)
    by_form.plain_values = None
    assert plain.plain_values is not None
    assert plain.values == by_form.values
    assert not by_form.form.errors
    assert plain.sort_name == by_form.sort_name
    assert plain.search == by_form.search


@pytest.mark.parametrize("query", UNSURE)
def test_what_is_not_certain_is_left_to_the_form(query):
    assert chosen(query).plain_values is None


def test_what_only_the_form_understands_is_answered(client):
    spaced, plain = (
        [row["slug"] for row in client.get(f"/api/v1/use-cases/?year_min={year}").json()["results"]]
        for year in ("%202015", "2015")
    )
    assert spaced == plain != []


# --- shared SQL
@pytest.mark.parametrize("name", sorted(kinds))
def test_pages_are_those_that_are_written_for_one_request(client, name):
    """Each after another of the same shape, whose SQL it shares."""

    @given(api_cases.queries(name))
    @settings(max_examples=25, deadline=None)
    def every(query):
        path = f"/api/v1/{name}/?{query}&page_size=3&count=true"
        shared = [client.get(path).content for path in followed(client, path)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(api, "planned_page", lambda *_, **__: None)
            patch.setattr(api, "_plans", {})
            cache.clear()  # searches are kept
            assert shared == [client.get(path).content for path in followed(client, path)]

    every()


def followed(client, path: str) -> list[str]:
    """The addresses of the first pages, and of the way back."""
    found, link = [path], path
    for direction in ("next", "next", "previous"):
        link = json.loads(client.get(link).content).get(direction)
        if link is None:
            break
        found.append(link)
    return found


def test_values_of_every_request_are_its_own():
    first, second = chosen("vertical=water&region=europe"), chosen("vertical=energy&region=northern-america")
    assert first.shape == second.shape
    for one in (first, second, first):
        total = one.filtered().count()
        assert one.count(["stage"], limits={}).total == total > 0


def test_other_numbers_of_values_are_other_shapes():
    shapes = {chosen(query).shape for query in ("", "stage=pilot", "stage=pilot&stage=scaled", "q=water", "sort=title")}
    assert len(shapes) == 5


def test_marks_are_told_from_all_that_stands_beside_them():
    marks = Marks()
    text, number, texts = marks.of("a"), marks.of(7), marks.of(["b", "c"])
    written = Written.of(("…", ["a", text, number, 7, [*texts, "b"]]), marks)
    assert written.filled(["A", 8, "B", "C"]) == ["a", "A", 8, 7, ["B", "C", "b"]]


# --- words
def statements(client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


@pytest.mark.parametrize("path", ["/api/v1/use-cases/?q=", "/api/v1/facets/use-cases/?facet=stage&q="])
def test_words_that_are_found_as_they_stand_cost_no_question(client, path):
    client.get(f"{path}water")  # names of values
    assert statements(client, f"{path}sensors") == 2  # the state of the data, and the rows


@pytest.mark.parametrize(
    ("asked", "as_if"), [("snsors", "sensors"), ("sewer+snsors", "sewer+sensors"), ("snsors+or+zzzzqq", "sensors")]
)
def test_slips_are_forgiven_everywhere(client, asked, as_if):
    for path in ("/api/v1/use-cases/?q=", "/api/v1/facets/use-cases/?q="):
        wrong, right = client.get(path + asked).json(), client.get(path + as_if).json()
        assert wrong.get("results") == right.get("results")
        assert wrong.get("facets") == right.get("facets")


def test_stop_words_alone_are_looked_for_as_written(client):
    recipes.use_case(title="The Who")
    planning.forget()
    for _ in range(2):
        found = client.get("/api/v1/use-cases/?q=the&sort=added").json()["results"]
        assert "The Who" in [one["title"] for one in found]
