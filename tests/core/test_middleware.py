"""Around every request: its id, malformed addresses, limits of the database session."""

import re

import pytest
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.utils import translation

from alliance.core import request_id
from alliance.core.middleware import RequestIdMiddleware
from alliance.core.postgresql import statement_timeout


@pytest.fixture(autouse=True)
def _working_for_nobody():
    yield
    request_id.end()


# --- the request's id ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("offered", ["abcd-1234", "0f8fad5b-d9cd-469f-a165-70867728950e", "A" * 48])
def test_a_harmless_id_is_kept(client, offered):
    assert client.get("/healthz", headers={"X-Request-ID": offered})["X-Request-ID"] == offered


@pytest.mark.parametrize(
    "offered", ["", "short", "A" * 49, "two words", 'in"jection', "a\tb-c-d-e-f", "-abcdefgh", "été-123456"]
)
def test_any_other_id_is_replaced(client, offered):
    assert re.fullmatch(r"[0-9a-f]{32}", client.get("/healthz", headers={"X-Request-ID": offered})["X-Request-ID"])


def test_each_request_gets_its_own_id(client):
    assert client.get("/healthz")["X-Request-ID"] != client.get("/healthz")["X-Request-ID"]


def test_code_of_the_request_knows_the_id_until_the_answer_is_closed(rf, db):
    seen = []

    def lines():
        seen.append(request_id.current())
        yield b"x"

    answer = RequestIdMiddleware(lambda request: StreamingHttpResponse(lines()))(
        rf.get("/", headers={"X-Request-ID": "stream-1234"})
    )
    assert b"".join(answer.streaming_content) == b"x"
    assert seen == [request_id.Origin("stream-1234", is_web=True)]
    answer.close()
    assert request_id.current() == request_id.Origin("", is_web=False)


def test_the_id_is_at_hand_in_the_view(rf):
    seen = []

    def view(request):
        seen.append((request.request_id, request_id.current().request_id))
        return HttpResponse()

    answer = RequestIdMiddleware(view)(rf.get("/"))
    assert seen == [(answer["X-Request-ID"],) * 2]


# --- malformed addresses ---------------------------------------------------------------------------------------------
MALFORMED = {
    "nul in q": "?q=%00",
    "nul in a name": "?%00q=1",
    "nul amid text": "?q=water%00meter",
    "lone high surrogate": "?q=%ED%A0%80",
    "lone low surrogate": "?q=%ED%BF%BF",
    "latin-1": "?q=caf%E9",
    "cut utf-8": "?q=%C3",
    "10 kB": "?q=" + "a" * 10_000,
    "10 kB of parameters": "?" + "u=a&" * 2_500,
}


@pytest.mark.parametrize("query", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("path", ["/use-cases/", "/search/", "/accounts/login/", "/no-such-page/"])
def test_a_malformed_query_gets_a_page_that_says_why(client, db, path, query):
    answer = client.get(path + query)
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("text/html")
    html = answer.content.decode()
    assert "This request cannot be read" in html
    assert re.search(r"NUL byte|not UTF-8|longer than 8192 bytes", html)


@pytest.mark.parametrize("query", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_query_gets_a_problem_document(client, db, query):
    answer = client.get("/api/v1/use-cases/" + query)
    problem = answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.status_code == problem["status"] == 400
    assert re.search(r"NUL byte|not UTF-8|longer than 8192 bytes", problem["detail"])


@pytest.mark.parametrize(
    "path", ["/use-cases/%00/", "/%00", "/api/v1/use-cases/%00/", "/standards/a%00b/", "/" + "a" * 9_000]
)
def test_a_malformed_path_is_refused(client, db, path):
    assert client.get(path).status_code == 400


@pytest.mark.parametrize(
    "query", ["?q=caf%C3%A9", "?q=%EF%BF%BD", "?q=%F0%9F%9A%B2", "?q=100%25", "?q=%", "?" + "u=abcdefgh&" * 100]
)
def test_an_unusual_query_passes(client, db, query):
    assert client.get("/accounts/login/" + query).status_code == 200


def test_the_refusal_is_in_the_readers_language(client, db):
    with translation.override("en"):  # the test client would leave Arabic behind
        answer = client.get("/ar/use-cases/?q=%00")
    assert answer.status_code == 400
    assert 'lang="ar"' in answer.content.decode()


# --- the database session --------------------------------------------------------------------------------------------
def session_settings() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('application_name'), current_setting('statement_timeout')")
        return cursor.fetchone()


@pytest.mark.django_db(transaction=True)
def test_the_session_follows_the_request(settings):
    settings.STATEMENT_TIMEOUT_MS, settings.BACKGROUND_STATEMENT_TIMEOUT_MS = 4_321, 0
    with request_id.working_for("request-1", is_web=True):
        assert session_settings() == ("portal request-1", "4321ms")
        with statement_timeout(60_000):
            assert session_settings() == ("portal request-1", "1min")
        assert session_settings() == ("portal request-1", "4321ms")
    with request_id.working_for("task-0001"):
        assert session_settings() == ("portal task-0001", "0")
    assert session_settings() == ("portal", "0")


@pytest.mark.django_db(transaction=True)
def test_an_unchanged_session_costs_no_further_statement(settings):
    with request_id.working_for("request-2", is_web=True):
        session_settings()
        sent = []
        tell = connection._tell_session
        connection._tell_session = sent.append
        try:
            session_settings()
            connection.close_if_health_check_failed()
        finally:
            connection._tell_session = tell
    assert sent == []


@pytest.mark.django_db(transaction=True)
def test_the_health_check_of_a_kept_connection_carries_the_settings():
    session_settings()
    backend = connection.connection.get_backend_pid()
    with request_id.working_for("request-3", is_web=True):
        connection.health_check_enabled, connection.health_check_done = True, False
        assert session_settings()[0] == "portal request-3"
    assert connection.connection.get_backend_pid() == backend


@pytest.mark.django_db(transaction=True)
def test_a_cut_connection_is_replaced_at_the_next_request():
    session_settings()
    backend = connection.connection.get_backend_pid()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    other.close()
    connection.close_if_unusable_or_obsolete()  # what Django does when a request begins
    with request_id.working_for("request-4", is_web=True):
        assert session_settings()[0] == "portal request-4"
    assert connection.connection.get_backend_pid() != backend
