"""All facets of a list in one statement; the same counts for programs."""

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from alliance.api import filterset_of
from alliance.core.facets import Facet
from alliance.core.filters import MOST_COUNTED, PortalFilterSet
from alliance.events.documents import kinds
from alliance.events.reading import visible_documents
from alliance.events.states import current_state
from tests.alliance.api_cases import BY_NAME
from tests.usecases import recipes
from usecases.models import UseCase

pytestmark = [pytest.mark.usefixtures("reference_data", "no_quota")]

LISTS = sorted(kinds)
QUERIES = {
    "use-cases": ["", "vertical=water", "q=water&region=europe", "kpi=all-trv-time&stage=pilot", "year_min=2015"],
    "results": ["", "vertical=water", "design=control&region=europe", "q=water", "year_min=2015"],
    "standards": ["", "layer=semantic&vertical=water", "q=data"],
    "kpis": ["", "set=U4SSC", "q=water"],
    "cities": ["", "region=europe&active=yes", "q=san"],
    "organisations": ["", "vertical=water", "q=city"],
}
CASES = [(name, query) for name, queries in QUERIES.items() for query in queries]


@pytest.fixture
def no_quota(settings):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"client": "100000/min"}}


def chosen(name: str, query: str) -> PortalFilterSet:
    return filterset_of(BY_NAME[name])(QueryDict(query), visible_documents(kinds[name], None))


def counted_in_python(filterset: PortalFilterSet, facet_name: str) -> dict[str, int]:
    """What the facet must say, row by row."""
    facet = filterset.filters[facet_name]
    found: dict[str, int] = {}
    for value in filterset.filtered(without=facet_name).values_list(facet.value, flat=True):
        for one in value if facet.is_list else [value]:
            found[one] = found.get(one, 0) + 1
    return found


@pytest.mark.parametrize(("name", "query"), CASES)
@pytest.mark.parametrize("is_stale", [False, True])
def test_every_count_is_that_of_the_rows(name, query, is_stale):
    if is_stale:
        UseCase.objects.filter(slug="sfpark-san-francisco").update(stage="ended", title="Water and parking")
        recipes.use_case(title="Water for all", vertical="water")
    filterset = chosen(name, query)
    names = [*filterset.facet_filters]
    counts = filterset.count(names, limits={}, for_page=True)
    assert counts.total == filterset.filtered().count()
    assert counts.everything == filterset.queryset.count()
    if counts.sum is not None:
        assert counts.sum == sum(filterset.filtered().values_list(filterset.summed, flat=True))
    for facet in names:
        assert counts.by_value[facet] == counted_in_python(filterset, facet), facet
        assert counts.known[facet] == len(counts.by_value[facet])


@pytest.mark.parametrize(("name", "query"), CASES)
def test_one_statement_whatever_is_asked(name, query):
    filterset = chosen(name, query)
    assert filterset.form.is_valid()
    filterset.search  # noqa: B018  (a question of its own)
    with CaptureQueriesContext(connection) as captured:
        filterset.counts  # noqa: B018
    assert len(captured) == 1


def test_long_facets_come_short_with_what_is_chosen():
    everything = chosen("use-cases", "").count(["city"], limits={}).by_value["city"]
    rare = max(slug for slug, n in everything.items() if n == min(everything.values()))
    filterset = chosen("use-cases", f"city={rare}")
    found = filterset.counts
    assert len(everything) > MOST_COUNTED + 1 == len(found.by_value["city"])
    assert found.by_value["city"][rare] == everything[rare]
    assert found.known["city"] == len(everything)
    assert sorted(found.by_value["city"].values()) <= sorted(everything.values())[-MOST_COUNTED - 1 :]


def test_names_are_looked_up_once_and_follow_a_change(client):
    def name_of_first() -> tuple[str, int]:
        request = RequestFactory().get("/")
        request.portal_data = current_state()
        filterset = filterset_of(BY_NAME["use-cases"])(
            QueryDict(), visible_documents(kinds["use-cases"], None, request.portal_data), request=request
        )
        counts = filterset.count(["region"], limits={})
        with CaptureQueriesContext(connection) as captured:
            view = filterset.facet_view("region", counts)
        return view.options[0].value, view.options[0].label, len(captured)

    slug, name, looked_up = name_of_first()
    assert looked_up == 1
    assert name_of_first() == (slug, name, 0)
    recipes.use_case()
    assert name_of_first()[2] <= 2  # whether regions have changed
    city = UseCase.objects.filter(city__country__region__slug=slug).first().city
    facet = filterset_of(BY_NAME["use-cases"])(QueryDict()).filters["city"]
    type(city).objects.filter(pk=city.pk).update(name="Elsewhere")
    assert facet.labels([city.slug]) == {city.slug: "Elsewhere"}


# --- for programs


@pytest.mark.parametrize(("name", "query"), CASES)
def test_programs_get_the_counts_of_the_page(client, name, query):
    answer = client.get(f"/api/v1/facets/{name}/?{query}").json()
    filterset = chosen(name, query)
    assert answer["count"] == filterset.filtered().count()
    assert list(answer["facets"]) == [*filterset.facet_filters]
    for facet, values in answer["facets"].items():
        # A code that means "not known" has no name and is no choice.
        expected = {value: n for value, n in counted_in_python(filterset, facet).items() if value}
        got = {one["value"]: one["count"] for one in values if one["count"]}
        assert got == expected if len(expected) <= 200 else got.items() <= expected.items()
        assert all(one["name"] for one in values)


def test_facets_are_chosen_by_name(client):
    for query in ("facet=stage,vertical", "facet=stage&facet=vertical", "facet=stage,&facet=stage,vertical"):
        assert list(client.get(f"/api/v1/facets/use-cases/?{query}").json()["facets"]) == ["stage", "vertical"]


@pytest.mark.parametrize(
    ("query", "parameter", "words"),
    [
        ("facet=stagee", "facet", "Did you mean “stage”?"),
        ("facet=zzzz", "facet", "Known are: vertical"),
        ("vertical=watr", "vertical", "Did you mean “water”?"),
        ("cursor=x", "cursor", "There is no parameter “cursor”"),
        ("page_size=5", "page_size", "There is no parameter “page_size”"),
    ],
)
def test_what_is_unknown_is_refused_and_named(client, query, parameter, words):
    answer = client.get(f"/api/v1/facets/use-cases/?{query}")
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["parameter"] == parameter
    assert words in error["detail"]


@pytest.mark.parametrize("name", LISTS)
def test_unchanged_counts_are_not_sent_again(client, name):
    first = client.get(f"/api/v1/facets/{name}/")
    again = client.get(f"/api/v1/facets/{name}/", headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304
    assert not again.content
    recipes.use_case()
    assert client.get(f"/api/v1/facets/{name}/", headers={"if-none-match": "x"}).status_code == 200


def test_names_are_english_whatever_the_reader_speaks(client):
    answer = client.get("/api/v1/facets/use-cases/?facet=region", headers={"accept-language": "ar"}).json()
    assert "Europe" in [one["name"] for one in answer["facets"]["region"]]


@pytest.mark.parametrize("name", LISTS)
def test_the_root_leads_there(client, name):
    links = client.get("/api/v1/").json()["resources"]
    assert links[name]["facets"].endswith(f"/api/v1/facets/{name}/")
    assert "facets" not in links["countries"]


def test_every_facet_of_a_document_list_reads_one_column():
    for name in LISTS:
        columns = set(kinds[name].names)
        facets = [one for one in filterset_of(BY_NAME[name]).base_filters.values() if isinstance(one, Facet)]
        assert facets
        assert {one.value for one in facets} <= columns
