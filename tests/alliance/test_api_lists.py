"""Lists and single records of the API: shape, values, pages, fields, who sees what, and what it costs."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alliance.events.documents import kinds
from alliance.members.models import User
from kpis.insight.keeping import KeptAnswers
from kpis.models import Result
from tests.alliance.api_cases import BY_NAME, NAMES, detail_address, key_of, list_address, path_of, walk
from usecases.models import Status, UseCase

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data", "no_quota")]


@pytest.mark.parametrize("name", NAMES)
def test_a_list_holds_what_single_records_hold(client, name):
    answer = client.get(list_address(name, "page_size=3"))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    body = answer.json()
    assert list(body) == ["next", "previous", "results"]
    assert body["previous"] is None
    assert len(body["results"]) == 3
    for record in body["results"]:
        single = client.get(path_of(record["api_url"]))
        assert single.status_code == 200
        assert single.json() == record


@pytest.mark.parametrize("name", NAMES)
def test_a_list_is_complete_and_counted_only_when_asked(client, name):
    total = client.get(list_address(name, "count=true&page_size=1")).json()["count"]
    keys = [key_of(name, record) for record in walk(client, name, "", 150)]
    assert len(keys) == len(set(keys)) == total > 10
    assert "count" not in client.get(list_address(name, "count=false")).json()


@pytest.mark.parametrize("name", NAMES)
def test_addresses_in_records_lead_somewhere(client, name, settings):
    record = client.get(detail_address(name)).json()
    links = [value for value in record.values() if isinstance(value, str) and value.startswith(settings.PORTAL_ORIGIN)]
    assert len(links) >= 2
    for link in links:
        assert client.get(path_of(link)).status_code == 200, link


@pytest.mark.parametrize("name", NAMES)
def test_fields_and_omit_choose_top_level_names(client, name):
    whole = client.get(detail_address(name)).json()
    first, *others = list(whole)
    assert client.get(f"{detail_address(name)}?fields={first}").json() == {first: whole[first]}
    assert client.get(f"{detail_address(name)}?omit={first}").json() == {key: whole[key] for key in others}
    listed = client.get(list_address(name, f"page_size=2&fields={others[0]},{first}")).json()["results"]
    assert [list(record) for record in listed] == [[first, others[0]]] * 2


def test_next_and_previous_keep_the_query_and_are_told_as_links(client):
    query = "vertical=water&vertical=energy&sort=title&page_size=2&fields=slug"
    first = client.get(list_address("use-cases", query))
    following = first.json()["next"]
    assert parse_qs(urlsplit(following).query) | {"cursor": None} == parse_qs(query) | {"cursor": None}
    assert first["Link"] == f'<{following}>; rel="next"'
    second = client.get(path_of(following))
    previous = second.json()["previous"]
    assert f'<{previous}>; rel="prev"' in second["Link"]
    assert client.get(path_of(previous)).json()["results"] == first.json()["results"]


def test_the_page_size_and_fields_may_change_on_the_way(client):
    first = client.get(list_address("cities", "page_size=2")).json()
    whole = [record["slug"] for record in walk(client, "cities", "", 200)]
    changed = path_of(first["next"]).replace("page_size=2", "page_size=5&fields=slug&count=true")
    assert [record["slug"] for record in client.get(changed).json()["results"]] == whole[2:7]


def test_what_is_not_known_is_null_and_never_an_empty_text(client):
    def empties(value, path=""):
        if isinstance(value, dict):
            return [hit for key, inner in value.items() for hit in empties(inner, f"{path}.{key}")]
        if isinstance(value, list):
            return [hit for inner in value for hit in empties(inner, path)]
        return [path] if value in ("", "unknown") else []

    for name in NAMES:
        found = {path for record in walk(client, name, "", 200) for path in empties(record)}
        assert found == set(), name


def test_a_use_case_has_everything_that_is_known_of_it(client):
    UseCase.objects.filter(slug="smart-sewers-south-bend").update(cost_amount="6000000.50", cost_currency="USD")
    body = client.get(detail_address("use-cases")).json()
    assert body["city"]["name"] == "South Bend"
    assert body["city"]["country"] == {"code": "US", "name": "United States"}
    assert body["city"]["region"]["slug"] == "northern-america"
    assert (body["latitude"], body["longitude"]) == (41.68338, -86.25001)
    assert body["vertical"] == {"code": "water", "name": "Water"}
    assert [one["slug"] for one in body["technologies"]] == [
        "automated-valves",
        "level-sensors",
        "real-time-decision-support",
    ]
    assert body["organisations"][0]["name"] == "City of South Bend"
    assert body["lessons"][0]["advice"].startswith("Control software can replace")
    assert body["cost"] == {"amount": "6000000.5", "currency": "USD"}
    assert body["results"].endswith("/api/v1/results/?use_case=smart-sewers-south-bend")


def test_the_standards_of_a_use_case_name_edition_and_layer(client):
    named = client.get(list_address("use-cases", "fields=standards&page_size=200")).json()["results"]
    uses = [use for record in named for use in record["standards"]]
    assert len(uses) == 17
    assert {"slug", "designation", "edition", "state", "title", "layer"} <= set(uses[0])
    assert {use["layer"] for use in uses} <= {"legal", "organisational", "semantic", "technical"}


def test_a_result_tells_what_was_reported_and_what_follows_from_it(client):
    bodies = {record["slug"]: record for record in walk(client, "results", "", 100)}
    assert len(bodies) == Result.objects.count()
    for result in Result.objects.select_related("kpi"):
        body = bodies[result.slug]
        assert body["effect"] == result.effect
        assert body["grade"] == result.grade
        if result.relative_change_percent is not None:
            assert float(body["relative_change_percent"]) == float(result.relative_change_percent)
            assert body["change_percent"] == body["relative_change_percent"]
        elif result.baseline_value and result.result_value is not None:
            change = (result.result_value - result.baseline_value) / result.baseline_value * 100
            assert float(body["change_percent"]) == pytest.approx(float(change), abs=0.00006)
        else:
            assert body["change_percent"] is None


def test_countries_are_found_in_either_case_and_indicators_by_slug_only(client):
    assert client.get("/api/v1/countries/co/").json() == client.get("/api/v1/countries/CO/").json()
    kpi = client.get(list_address("kpis", "q=household+internet")).json()["results"][0]
    assert kpi["code"] == "EC: ICT: ICT: 1C"
    assert client.get(f"/api/v1/kpis/{kpi['slug']}/").json() == kpi


@pytest.mark.parametrize("language", ["ar", "fr", "en"])
def test_the_language_of_the_reader_changes_nothing(client, language):
    answer = client.get(list_address("use-cases", "page_size=3"), headers={"accept-language": language})
    assert answer.content == client.get(list_address("use-cases", "page_size=3")).content
    assert answer["Content-Language"] == "en"
    assert "Accept-Language" not in answer["Vary"]
    refused = client.get(list_address("use-cases", "stage=pilto"), headers={"accept-language": language})
    assert "Did you mean “pilot”?" in refused.json()["errors"][0]["detail"]


def test_search_forgives_typing_errors_and_puts_the_best_match_first(client):
    found = client.get(list_address("use-cases", "q=sewer+snsors")).json()["results"]
    assert found[0]["slug"] == "smart-sewers-south-bend"


# --- who sees what ---------------------------------------------------------------------------------------------------
@pytest.fixture
def draft(db):
    use_case = UseCase.objects.get(slug="smart-sewers-south-bend")
    UseCase.objects.filter(pk=use_case.pk).update(status=Status.DRAFT, published_at=None)
    return use_case


@pytest.mark.parametrize(("who", "sees"), [("anonymous", False), ("reader", False), ("editor", True)])
def test_drafts_and_their_results_are_for_editors(client, draft, who, sees):
    if who != "anonymous":
        client.force_login(User.objects.create_user("a@example.org", "long password", is_staff=who == "editor"))
    for name in ("use-cases", "results"):
        assert client.get(detail_address(name)).status_code == (200 if sees else 404)
    listed = {record["slug"] for record in walk(client, "use-cases", "", 200)}
    exported = client.get("/api/v1/use-cases.csv?fields=slug").getvalue().decode()
    assert (draft.slug in listed, draft.slug in exported) == (sees, sees)
    # A filter by its slug tells no more than the list does.
    assert client.get(list_address("results", f"use_case={draft.slug}")).status_code == 400


# --- cost ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_queries_does_not_grow_with_the_rows(client, name):
    def queries(query: str) -> int:
        client.get(list_address(name, query))
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            assert client.get(list_address(name, query)).status_code == 200
        return len(captured)

    few, many = queries("page_size=5"), queries("page_size=100")
    # One for the rows; then the state of the documents, or one for each kind of nested rows; or the states of the log
    # and of what follows it. No session, user, count.
    states = 2 if issubclass(BY_NAME[name], KeptAnswers) else 1 if name in kinds else 0
    assert few == many == 1 + (states or len(BY_NAME[name].serializer_class.relations))
    assert queries("page_size=100&count=true") == many + 1


def test_fields_that_are_left_out_are_not_fetched(client):
    """Of a list, all fields are one text."""
    with CaptureQueriesContext(connection) as captured:
        client.get(detail_address("use-cases") + "?fields=slug,title,city")
    assert len(captured) == 1
    with CaptureQueriesContext(connection) as captured:
        client.get(detail_address("use-cases") + "?omit=standards,organisations")
    assert len(captured) == 3
    with CaptureQueriesContext(connection) as captured:
        client.get(list_address("use-cases", "fields=slug,title,city"))
    assert len(captured) == 2


def test_a_deep_page_reads_no_more_than_the_first(client):
    for _ in range(2):
        answer = client.get(list_address("kpis", "page_size=20")).json()
        while answer["next"]:
            with CaptureQueriesContext(connection) as captured:
                answer = client.get(path_of(answer["next"])).json()
            state, rows = captured
            assert "events_state" in state["sql"]
            assert "OFFSET" not in rows["sql"]
            assert "LIMIT 21" in rows["sql"]
