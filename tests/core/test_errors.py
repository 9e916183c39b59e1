"""Errors as answers: problem documents for programs, pages for people."""

import json

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client, RequestFactory
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from rest_framework import exceptions

from alliance.core import errors
from alliance.core.errors import BadParameters, ParameterError, error_response, problem_details


def api_request():
    request = RequestFactory().get("/api/v1/use-cases/?x=1")
    request.request_id = "abc-123"
    return request


def handled(exc: Exception) -> tuple:
    response = problem_details(exc, {"request": api_request(), "view": None})
    return response, json.loads(response.content)


def test_a_problem_document_has_what_rfc_9457_names():
    response = error_response(api_request(), 503, _("Search"), "Come back later.", {"Retry-After": "10"})
    assert (response.status_code, response["Content-Type"]) == (503, "application/problem+json")
    assert (response["Retry-After"], response["Cache-Control"]) == ("10", "no-store")
    assert json.loads(response.content) == {
        "type": "about:blank",
        "title": "Search",
        "status": 503,
        "detail": "Come back later.",
        "instance": "/api/v1/use-cases/",
        "request_id": "abc-123",
    }


def test_the_api_speaks_english_whatever_the_reader_prefers():
    with override("ar"):
        body = json.loads(errors.server_error(api_request()).content)
    assert body["title"].isascii()


def test_every_bad_parameter_has_its_entry():
    response, body = handled(BadParameters([ParameterError("a", "Wrong.", "x"), ParameterError("b", "Bad.", "y")]))
    assert response.status_code == 400
    assert body["title"] == "Bad parameters"
    assert body["type"].endswith("/api/v1/docs/#problem-bad-parameters")
    assert body["detail"] == "These parameters cannot be used: a, b."
    assert body["errors"] == [
        {"parameter": "a", "detail": "Wrong.", "code": "x"},
        {"parameter": "b", "detail": "Bad.", "code": "y"},
    ]


@pytest.mark.parametrize(
    ("exc", "status", "title"),
    [
        (Http404("There is no use case “x”."), 404, "Not Found"),
        (Http404(), 404, "Not Found"),
        (PermissionDenied(), 403, "Forbidden"),
        (exceptions.NotFound(), 404, "Not Found"),
        (exceptions.MethodNotAllowed("POST"), 405, "Method Not Allowed"),
        (exceptions.NotAcceptable(), 406, "Not Acceptable"),
        (exceptions.UnsupportedMediaType("text/x"), 415, "Unsupported Media Type"),
        (exceptions.AuthenticationFailed(), 401, "Unauthorized"),
        (exceptions.Throttled(wait=12.7), 429, "Too Many Requests"),
        (exceptions.ParseError(), 400, "Bad Request"),
    ],
)
def test_every_exception_of_a_view_is_a_problem_with_a_sentence(exc, status, title):
    response, body = handled(exc)
    assert (response.status_code, body["status"], body["title"]) == (status, status, title)
    assert body["detail"].endswith(".") or status in (405, 429)
    assert body["detail"]


def test_the_headers_of_an_exception_survive():
    exc = exceptions.AuthenticationFailed()
    exc.auth_header = 'Bearer realm="api"'
    assert handled(exc)[0]["WWW-Authenticate"] == 'Bearer realm="api"'
    assert handled(exceptions.Throttled(wait=12.7))[0]["Retry-After"] == "13"
    assert handled(exceptions.Throttled(wait=0))[0]["Retry-After"] == "1"


def test_faults_in_a_body_point_to_their_place():
    exc = exceptions.ValidationError(
        {
            "title": ["Too long."],
            "results": [{}, {"unit": [exceptions.ErrorDetail("Unknown unit.", code="unit")]}],
            "non_field_errors": ["Ends before it starts."],
        }
    )
    _, body = handled(exc)
    assert [(error["pointer"], error["detail"], error["code"]) for error in body["errors"]] == [
        ("#/title", "Too long.", "invalid"),
        ("#/results/1/unit", "Unknown unit.", "unit"),
        ("#", "Ends before it starts.", "invalid"),
    ]


def test_a_fault_of_the_program_is_left_to_django():
    assert problem_details(ZeroDivisionError(), {"request": api_request()}) is None


def test_text_that_is_no_utf8_still_makes_a_document():
    response = error_response(api_request(), 400, "Bad", "a\ud800b")
    assert json.loads(response.content.decode("utf-8"))["detail"].startswith("a")


# --- pages -----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (errors.bad_request, 400),
        (errors.permission_denied, 403),
        (errors.not_found, 404),
        (errors.server_error, 500),
        (errors.csrf_failure, 403),
    ],
)
def test_people_get_a_page_and_programs_a_document(answer, status):
    page = answer(RequestFactory().get("/use-cases/"))
    assert (page.status_code, page["Cache-Control"]) == (status, "no-store")
    assert page["Content-Type"].startswith("text/html")
    assert "<h1" in page.content.decode()

    document = answer(RequestFactory().get("/api/v1/nothing"))
    assert (document.status_code, document["Content-Type"]) == (status, "application/problem+json")
    assert json.loads(document.content)["detail"]


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_page_stands_without_database_and_session(status):
    # No `db` fixture: any query would raise.
    response = error_response(RequestFactory().get("/x"), status, "Sorry", "Try again <soon>.")
    assert response.status_code == status
    assert "<h1" in response.content.decode()


def test_a_page_whose_template_breaks_is_plain(monkeypatch):
    def broken(names):
        raise RuntimeError("no template can be read")

    monkeypatch.setattr(errors, "select_template", broken)
    response = error_response(RequestFactory().get("/x"), 500, "Sorry <b>", "Try again <soon>.")
    assert response.status_code == 500
    assert "Sorry &lt;b&gt;" in response.content.decode()
    assert "Try again &lt;soon&gt;." in response.content.decode()


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["/", "/use-cases/", "/standards/iso-37120/", "/api/v1/docs/"])
def test_a_page_that_takes_no_forms_refuses_the_method_and_not_the_form(reference_data, path, method):
    answer = getattr(Client(enforce_csrf_checks=True), method)(path)
    assert answer.status_code == 405
    assert "GET" in answer["Allow"]


def test_a_page_with_a_form_still_asks_for_its_secret(db):
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "a@example.org", "password": "x"})
    assert answer.status_code == 403


def test_the_icon_is_found_at_the_usual_address(client):
    answer = client.get("/favicon.ico")
    assert answer.status_code == 302
    assert "/static/img/mark" in answer["Location"]
