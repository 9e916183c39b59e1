"""Bad input at the API's door: each is a problem document that names what is wrong; never a 500."""

import json
from urllib.parse import urlencode

import pytest
from django.db import OperationalError
from django.db.backends.utils import CursorWrapper
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alliance.api import filterset_of
from alliance.core.facets import Facet
from alliance.core.filters import SearchFilter
from alliance.core.pagination import Position, read_cursor, write_cursor
from tests.alliance.api_cases import BY_NAME, NAMES, detail_address, list_address, path_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data", "no_quota")]


def problem(response, status: int) -> dict:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert response["Access-Control-Allow-Origin"] == "*"
    body = json.loads(response.content)
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= set(body)
    assert body["status"] == status
    assert body["detail"]
    return body


def named(body: dict) -> set[tuple[str, str]]:
    return {(error["parameter"], error["code"]) for error in body["errors"]}


def doors(name: str) -> list[str]:
    """The list and every export: the same filters refuse the same things."""
    return [f"/api/v1/{name}/", *(f"/api/v1/{name}.{ending}" for ending in BY_NAME[name].formats())]


FACETS = [
    (name, facet)
    for name in NAMES
    for facet, one in filterset_of(BY_NAME[name]).base_filters.items()
    if isinstance(one, Facet)
]


@pytest.mark.parametrize(("name", "facet"), FACETS)
def test_a_filter_value_that_does_not_exist(client, name, facet):
    for door in doors(name):
        body = problem(client.get(f"{door}?{facet}=no-such-value"), 400)
        assert named(body) == {(facet, "unknown_value")}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", ["0", "-1", "1000000000", "abc", "201", "1e3", "%00", "10%20"])
def test_page_sizes(client, name, size):
    response = client.get(list_address(name, f"page_size={size}"))
    body = problem(response, 400)
    if size != "%00":  # refused before the list is asked
        assert named(body) == {("page_size", "out_of_range")}
        assert "from 1 to 200" in body["errors"][0]["detail"]


@pytest.mark.parametrize("name", NAMES)
def test_cursors_that_were_not_written_here(client, name):
    for cursor in ("x", "WyJ4Il0.AAAA", "%FF", "a" * 5000, "null", "../../etc/passwd"):
        body = problem(client.get(list_address(name, f"cursor={cursor}")), 400)
        if "errors" in body:
            assert named(body) == {("cursor", "invalid")}


@pytest.mark.parametrize("name", NAMES)
def test_cursors_of_other_lists_orders_and_filters(client, name):
    other = "cities" if name != "cities" else "kpis"
    foreign = client.get(list_address(other, "page_size=1")).json()["next"].partition("cursor=")[2]
    assert named(problem(client.get(list_address(name, f"cursor={foreign}")), 400)) == {("cursor", "foreign")}

    following = path_of(client.get(list_address(name, "page_size=1")).json()["next"])
    orders = list(filterset_of(BY_NAME[name]).sorts)
    default = filterset_of(BY_NAME[name]).default_sort
    for changed in [
        *(f"sort={order}" for order in orders if order not in (default, "relevance")),
        *(["q=water"] if "q" in filterset_of(BY_NAME[name]).base_filters else []),
        *(["vertical=water"] if "vertical" in filterset_of(BY_NAME[name]).base_filters else []),
    ]:
        assert named(problem(client.get(f"{following}&{changed}"), 400)) == {("cursor", "foreign")}, changed


def test_a_cursor_signed_for_this_list_with_other_keys(client):
    following = client.get(list_address("bodies", "page_size=1")).json()["next"]
    bound_to = read_cursor(following.partition("cursor=")[2])[0]
    for values in ((), (1,), ("a", "b"), ("a", 10**30), ({"x": 1}, 1)):
        cursor = write_cursor(bound_to, Position(False, values))
        response = client.get(list_address("bodies", f"cursor={cursor}"))
        assert response.status_code in (200, 400), values


@pytest.mark.parametrize("name", NAMES)
def test_unknown_parameters_are_refused_with_the_closest_known_one(client, name):
    for door in doors(name):
        body = problem(client.get(f"{door}?sortt=x&zzzzzz=1"), 400)
        assert named(body) == {("sortt", "unknown_parameter"), ("zzzzzz", "unknown_parameter")}
        assert "Did you mean “sort”?" in body["errors"][0]["detail"]
        assert "Known are: " in body["errors"][1]["detail"]
    body = problem(client.get(f"{detail_address(name)}?field=slug"), 400)
    assert named(body) == {("field", "unknown_parameter")}
    assert "Did you mean “fields”?" in body["errors"][0]["detail"]


def test_exports_have_no_pages(client):
    for parameter in ("page_size=5", "cursor=x", "count=true"):
        problem(client.get(f"/api/v1/use-cases.csv?{parameter}"), 400)


def test_everything_that_is_wrong_is_named_at_once(client):
    query = "vertical=watr&stage=pilto&sort=up&page_size=0&count=5&cursor=x&fields=titel&omit=zz&nope=1&year_min=abc&q="
    body = problem(client.get(list_address("use-cases", query)), 400)
    assert {error["parameter"] for error in body["errors"]} == {
        "vertical",
        "stage",
        "sort",
        "page_size",
        "count",
        "cursor",
        "fields",
        "omit",
        "nope",
        "year_min",
    }
    texts = " ".join(error["detail"] for error in body["errors"])
    for hint in ("“water”", "“pilot”", "“title”"):
        assert f"Did you mean {hint}?" in texts
    assert body["instance"] == "/api/v1/use-cases/"


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_that_takes_one_value_is_not_given_twice(client, name):
    body = problem(client.get(list_address(name, "page_size=5&page_size=6&sort=a&sort=b")), 400)
    assert {("page_size", "repeated"), ("sort", "repeated")} <= named(body)


SEARCHED = [
    name
    for name in NAMES
    if any(isinstance(one, SearchFilter) for one in filterset_of(BY_NAME[name]).base_filters.values())
]


@pytest.mark.parametrize("name", SEARCHED)
def test_a_query_of_ten_kilobytes(client, name):
    for door in doors(name):
        problem(client.get(f"{door}?q={'a' * 10_000}"), 400)
        body = problem(client.get(f"{door}?q={'a' * 5_000}"), 400)
        assert {error["parameter"] for error in body["errors"]} == {"q"}


@pytest.mark.parametrize("name", SEARCHED)
@pytest.mark.parametrize("raw", ["%00", "a%00b", "%ED%A0%80", "%ED%B0%80x", "%FF%FE", "%F4%90%80%80", "%C0%AF"])
def test_nul_bytes_and_lone_surrogates(client, name, raw):
    for door in doors(name):
        problem(client.get(door, QUERY_STRING=f"q={raw}"), 400)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("raw", ["fields=%00", "zz%00=1", "sort=%00", "omit=%ED%A0%80", "%ED%A0%80=1"])
def test_bytes_that_are_no_text_in_any_parameter(client, name, raw):
    problem(client.get(list_address(name), QUERY_STRING=raw), 400)


def test_more_values_than_a_facet_takes(client):
    query = "&".join(f"country={number}" for number in range(300))
    assert named(problem(client.get(list_address("use-cases", query)), 400)) == {("country", "too_many")}
    problem(client.get(list_address("use-cases", "&".join(f"a{n}=1" for n in range(600)))), 400)


@pytest.mark.parametrize("name", NAMES)
def test_records_that_do_not_exist(client, name):
    body = problem(client.get(f"/api/v1/{name}/zz/"), 404)
    assert f"There is no {BY_NAME[name].singular} “zz”" in body["detail"]
    for address in (
        f"/api/v1/{name}/a%20b/",
        f"/api/v1/{name}/%00/",
        f"/api/v1/{name}/{'a' * 5000}/",
        f"/api/v1/{name}/../x/",
    ):
        assert client.get(address).status_code in (400, 404)
    problem(client.get(f"/api/v1/{name}.pdf"), 404)


@pytest.mark.parametrize("address", ["/api/", "/api/v2/", "/api/v1/nothing/", "/api/v1/use-cases/x/y/", "/api/x"])
def test_addresses_that_do_not_exist(client, address):
    assert problem(client.get(address), 404)["instance"] == address


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "trace"])
def test_methods_that_are_not_offered(client, name, method):
    for address in (list_address(name), detail_address(name), f"/api/v1/{name}.csv"):
        response = getattr(client, method)(address)
        if name in ("use-cases", "results") and response.status_code == 401:
            # Members report by POST on these two lists: whoever wants to write here is asked first who they are.
            assert method != "trace"
            problem(response, 401)
            continue
        problem(response, 405)
        assert "GET" in response["Allow"]
        assert method.upper() not in response["Allow"]


def test_no_parameter_chooses_the_form(client):
    assert named(problem(client.get(list_address("cities", "format=xml")), 400)) == {("format", "unknown_parameter")}


@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/xml"])
def test_forms_that_are_not_offered(client, accept):
    for name in NAMES:
        problem(client.get(list_address(name), headers={"accept": accept}), 406)


@pytest.mark.parametrize("address", ["/api/v1/", "/api/v1/schema/"])
def test_other_addresses_refuse_unknown_parameters_too(client, address):
    assert named(problem(client.get(f"{address}?formt=json"), 400)) == {("formt", "unknown_parameter")}


def test_the_schema_has_two_forms(client):
    assert named(problem(client.get("/api/v1/schema/?format=xml"), 400)) == {("format", "invalid")}


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_of_the_program_is_a_problem_too(client, name, monkeypatch):
    def broken(self):
        raise ZeroDivisionError("inner matters")

    monkeypatch.setattr(BY_NAME[name], "get_queryset", broken)
    monkeypatch.setattr(BY_NAME[name], "get_rows", broken)
    monkeypatch.setattr("alliance.events.api._plans", {})  # nothing was understood before
    client.raise_request_exception = False
    for address in (list_address(name), detail_address(name), f"/api/v1/{name}.ndjson"):
        body = problem(client.get(address), 500)
        assert "inner matters" not in json.dumps(body)


@pytest.mark.parametrize("name", NAMES)
def test_a_database_that_goes_is_told_before_an_export_begins(client, name, monkeypatch):
    """It still says in which state the documents are, and is gone when their rows are asked for."""
    execute = CursorWrapper.execute

    def gone(self, sql, params=None):
        if "events_state" in sql:
            return execute(self, sql, params)
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(CursorWrapper, "execute", gone)
    client.raise_request_exception = False
    for address in (list_address(name), *doors(name)):
        response = client.get(address)
        problem(response, 503)
        assert response["Retry-After"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(NAMES),
    query=st.lists(
        st.tuples(
            st.sampled_from(
                ["q", "sort", "vertical", "country", "cursor", "fields", "omit", "page_size", "year_min", "x"]
            ),
            st.text(max_size=30),
        ),
        max_size=4,
    ),
)
@example(name="use-cases", query=[("year_min", "NaN")])
@example(name="use-cases", query=[("year_max", "Infinity")])
@example(name="use-cases", query=[("year_min", "1e400")])
@example(name="use-cases", query=[("q", "\\")])
@example(name="use-cases", query=[("q", "'")])
@example(name="use-cases", query=[("q", "%s")])
@example(name="use-cases", query=[("q", "- - -")])
@example(name="use-cases", query=[("q", ":* & |")])
def test_whatever_is_asked_the_answer_is_rows_or_a_problem(client, name, query):
    text = urlencode([(key, value.encode("utf-8", "replace")) for key, value in query])
    response = client.get(list_address(name, text))
    assert response.status_code in (200, 400), (text, response.content)
    if response.status_code == 400:
        problem(response, 400)
