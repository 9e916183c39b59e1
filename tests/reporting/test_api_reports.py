"""Programs report as people do: the same fields and checks, one outcome a row, nothing twice, nothing overwritten."""

import json
import threading

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from alliance.core.parsing import LARGEST_BODY
from alliance.members.models import Scope
from alliance.members.tokens import make_token
from reporting import idempotency
from reporting.api import MOST_ITEMS
from reporting.checking import check
from reporting.models import IdempotentRequest, Report
from reporting.services import save_entries, submit_report, withdraw_report
from reporting.states import State
from tests.reporting import recipes
from tests.reporting.bad_inputs import assert_caught, bad_inputs, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]
USE_CASES, RESULTS, REPORTS = "/api/v1/use-cases/", "/api/v1/results/", "/api/v1/reports/"


@pytest.fixture(autouse=True)
def _no_quota(settings):
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "DEFAULT_THROTTLE_RATES": {"client": None, "writing": None},
    }


class Program:
    """What a program of a member sends."""

    def __init__(self, author=None):
        self.author = author or recipes.member()
        _token, self.text = make_token(actor=self.author, name="test", scopes=[Scope.READ, Scope.REPORT], days=1)
        self.client = Client(raise_request_exception=False)

    def send(self, method: str, address: str, body=None, **headers):
        given = {"authorization": f"Bearer {self.text}", **{name.replace("_", "-"): v for name, v in headers.items()}}
        data = body if isinstance(body, bytes) else json.dumps(body) if body is not None else ""
        return self.client.generic(method, address, data, content_type="application/json", headers=given)

    def post(self, address: str, body, **headers):
        return self.send("POST", address, body, **headers)


@pytest.fixture
def program() -> Program:
    return Program()


def codes(told_of: dict, kind: str = "errors") -> list[str]:
    return [one["code"] for one in told_of[kind]]


# --- one -------------------------------------------------------------------------------------------------------------
def test_one_report_is_handed_to_the_editors(program):
    answer = program.post(USE_CASES, recipes.USE_CASE)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    report = Report.objects.get(key=body["key"])
    assert (report.state, report.author, report.entries) == (State.SUBMITTED, program.author, recipes.USE_CASE)
    assert report.rounds.count() == 1
    assert (body["state"], body["kind"], body["errors"], body["warnings"]) == ("submitted", "use-case", [], [])
    assert answer["Location"] == body["api_url"]
    assert program.send("GET", answer["Location"])["ETag"] == answer["ETag"]


def test_a_result_names_its_use_case_public_or_reported(program):
    own = recipes.use_case_report(author=program.author)
    of_public = Report.objects.get(key=program.post(RESULTS, recipes.RESULT).json()["key"])
    of_own = Report.objects.get(key=program.post(RESULTS, {**recipes.RESULT, "use_case": own.key}).json()["key"])
    assert (of_public.about.slug, of_public.about_report) == ("surtrac-pittsburgh", None)
    assert (of_own.about, of_own.about_report) == (None, own)


def test_numbers_and_lists_are_taken_as_json_has_them(program):
    body = {**recipes.RESULT, "baseline_value": 11.5, "result_value": 6, "sample_n": 250, "result_on": "May 2022"}
    assert program.post(RESULTS, body).status_code == 201
    body = {
        **recipes.USE_CASE,
        "technologies": ["level sensors", "route planning"],
        "standards": [{"standard": "ISO 37120:2018", "state": "used"}, {"standard": "ISO 37122"}],
        "city_from_outset": True,
        "started_year": 2021,
    }
    assert program.post(USE_CASES, body).status_code == 201


def test_errors_refuse_it_with_the_place_of_each(program):
    answer = program.post(USE_CASES, {**recipes.USE_CASE, "title": "", "standards": [{"standard": "Nothing 1"}]})
    assert answer.status_code == 422
    body = answer.json()
    assert body["type"].endswith("#problem-report-errors")
    assert [(one["pointer"], one["code"]) for one in body["errors"]] == [
        ("#/title", "required"),
        ("#/standards/0/standard", "standard-unknown"),
    ]
    assert not Report.objects.exists()


def test_a_warning_asks_and_its_answer_goes_along(program):
    strange = {**recipes.RESULT, "result_value": "13"}
    asked = program.post(RESULTS, strange)
    assert asked.status_code == 422
    assert asked.json()["type"].endswith("#problem-unanswered-warnings")
    (warning,) = asked.json()["warnings"]
    assert (warning["answer_as"], warning["answered"]) == ("result_value:against-direction", False)
    assert not Report.objects.exists()

    words = "Yes: a road was closed that month."
    told_then = program.post(RESULTS, {**strange, "answers": {warning["answer_as"]: words}})
    assert told_then.status_code == 201
    report = Report.objects.get()
    assert report.answers == {"result_value:against-direction": words}
    assert report.rounds.get().answers == report.answers
    assert told_then.json()["warnings"][0]["answered"] is True


def test_a_draft_keeps_whatever_is_there(program):
    answer = program.post(f"{RESULTS}?draft=true", {"kpi": "nobody knows", "result_value": "1,234"})
    assert answer.status_code == 201
    report = Report.objects.get()
    assert (report.state, report.entries["result_value"]) == (State.DRAFT, "1,234")
    assert "kpi-unknown" in codes(answer.json())
    assert "ambiguous-number" in codes(answer.json(), "warnings")
    assert program.post(f"{RESULTS}?draft=true", {"nothing": "1"}).status_code == 422


def test_a_dry_run_tells_everything_and_changes_nothing(program):
    for body, outcome in (
        (recipes.RESULT, "valid"),
        ({**recipes.RESULT, "kpi": ""}, "errors"),
        ({**recipes.RESULT, "result_value": "13"}, "warnings"),
    ):
        answer = program.post(f"{RESULTS}?dry_run=true", body, idempotency_key="same")
        assert (answer.status_code, answer.json()["outcome"]) == (200, outcome)
    assert not Report.objects.exists()
    assert not IdempotentRequest.objects.exists()


@bad_inputs("api")
def test_a_bad_input_is_caught_as_by_the_check(bad, program):
    recipes.use_case_report(title="Secret plans of another city")
    address = USE_CASES if bad.kind == "use-case" else RESULTS
    answer = program.post(f"{address}?dry_run=true", bad.whole)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    found = [
        (level, one["field"], one["code"], one["detail"]) for level in ("error", "warning") for one in body[f"{level}s"]
    ]
    assert_caught(bad, found)
    organisation = recipes.organisation_of(program.author)
    assert sorted(found) == sorted(told(check(bad.kind, bad.whole, organisation=organisation).findings))
    # And not only in a dry run.
    assert program.post(address, bad.whole).status_code == 422
    assert not Report.objects.filter(author=program.author).exists()


# --- batches ---------------------------------------------------------------------------------------------------------
def batch() -> list[dict]:
    return [
        recipes.RESULT,
        {**recipes.RESULT, "kpi": "nobody knows"},
        {**recipes.RESULT, "result_on": "2023", "result_value": "13"},
        {**recipes.RESULT, "result_on": "2024"},
    ]


def test_a_batch_has_one_outcome_a_row_and_all_good_ones_are_made(program):
    answer = program.post(RESULTS, {"items": batch()})
    assert answer.status_code == 200
    body = answer.json()
    assert [one["outcome"] for one in body["items"]] == ["created", "errors", "warnings", "created"]
    assert (body["created"], body["refused"]) == (2, 2)
    assert body["items"][1]["errors"][0]["pointer"] == "#/items/1/kpi"
    assert {one["report"]["key"] for one in body["items"] if one["report"]} == set(
        Report.objects.values_list("key", flat=True)
    )


def test_an_atomic_batch_is_taken_whole_or_not_at_all(program):
    answer = program.post(f"{RESULTS}?atomic=true", {"items": batch()})
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("#problem-batch-refused")
    assert [one["outcome"] for one in answer.json()["items"]] == ["valid", "errors", "warnings", "valid"]
    assert not Report.objects.exists()
    good = [batch()[0], batch()[3]]
    assert program.post(f"{RESULTS}?atomic=true", {"items": good}).json()["created"] == 2


def test_a_row_that_says_the_same_as_an_earlier_one_is_asked_about(program):
    body = program.post(RESULTS, {"items": [recipes.RESULT, recipes.RESULT]}).json()
    assert [one["outcome"] for one in body["items"]] == ["created", "warnings"]
    assert codes(body["items"][1], "warnings") == ["duplicate-row"]


def test_a_batch_needs_as_many_queries_for_many_rows_as_for_few(program):
    def queries(year: int, months: int) -> int:
        rows = [{**recipes.RESULT, "result_on": f"{year}-{month:02}"} for month in range(1, months + 1)]
        with CaptureQueriesContext(connection) as captured:
            assert program.post(RESULTS, {"items": rows}).json()["created"] == months
        return len(captured)

    queries(2022, 1)
    assert queries(2023, 2) == queries(2024, 12)
    assert Report.objects.filter(about__slug="surtrac-pittsburgh").count() == 15
    assert all(report.rounds.count() == report.moves.count() == 1 for report in Report.objects.all())


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], "#"),
        ("text", "#"),
        ({"items": []}, "#/items"),
        ({"items": {}}, "#/items"),
        ({"items": [1]}, "#/items/0"),
        ({"items": [{}] * (MOST_ITEMS + 1)}, "#/items"),
        ({"items": [{}], "kpi": "x"}, "#/kpi"),
        ({"answers": ["yes"]}, "#/answers"),
        ({"answers": {"a": 1}}, "#/answers"),
        ({"items": [{"answers": 5}]}, "#/items/0/answers"),
    ],
)
def test_a_body_that_is_none_is_refused_with_its_place(program, body, pointer):
    answer = program.post(RESULTS, body)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("#problem-bad-body")
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"kpi": NaN}', 400),
        (b"[" * 100_000, 400),
        (b'{"kpi": ' + b"9" * 5_000 + b"}", 400),
        (b'{"note": "' + b"x" * LARGEST_BODY + b'"}', 413),
        (b'{"note": "\\ud800", "title": "\\u0000"}', 422),
        (b'{"use_case": [[[[[[1]]]]]]}', 422),
        (b'{"standards": {"standard": {"standard": {"standard": 1}}}}', 422),
    ],
)
def test_hostile_bodies_are_refused(program, body, status):
    for query in ("", "?draft=true"):
        answer = program.send("POST", USE_CASES + query, body)
        assert answer.status_code == status, (query, answer.content[:300])
        assert answer["Content-Type"] == "application/problem+json"
    assert not Report.objects.exists()


def test_what_no_database_keeps_is_refused_in_a_draft_as_well(program):
    answer = program.post(f"{RESULTS}?draft=true", {"use_case": [[[[[["deep"]]]]]]})
    assert codes(answer.json()) == ["not-an-entry"]


def test_unknown_parameters_and_other_types_are_refused(program):
    assert program.post(f"{RESULTS}?dryrun=true", recipes.RESULT).status_code == 400
    assert program.post(f"{RESULTS}?dry_run=yes", recipes.RESULT).status_code == 400
    as_form = program.client.post(RESULTS, recipes.RESULT, headers={"authorization": f"Bearer {program.text}"})
    assert as_form.status_code == 415
    for address in ("/api/v1/cities/", "/api/v1/results.csv", "/api/v1/use-cases/sfpark-san-francisco/"):
        assert program.post(address, {}).status_code == 405


# --- who may ---------------------------------------------------------------------------------------------------------
def test_only_who_reports_for_a_member_may_write(client):
    assert client.post(RESULTS, recipes.RESULT, content_type="application/json").status_code == 401
    for author, code in (
        (recipes.member(role="reader"), "no-organisation"),
        (recipes.member(organisation=recipes.organisation(member_since=None)), "no-organisation"),
    ):
        answer = Program(author).post(RESULTS, recipes.RESULT)
        assert (answer.status_code, codes(answer.json())) == (422, [code])
    assert not Report.objects.exists()


def test_who_has_several_organisations_says_for_which(program):
    other = recipes.organisation()
    program.author.memberships.create(organisation=other, role="owner")
    assert codes(program.post(RESULTS, recipes.RESULT).json()) == ["required"]
    assert codes(program.post(RESULTS, {**recipes.RESULT, "organisation": "foreign"}).json()) == [
        "not-your-organisation"
    ]
    answer = program.post(RESULTS, {"organisation": other.slug, "items": [recipes.RESULT]})
    assert answer.json()["created"] == 1
    assert Report.objects.get().organisation == other


def test_a_session_needs_the_token_of_its_forms(program):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(program.author)
    refused = browser.post(RESULTS, recipes.RESULT, content_type="application/json")
    assert (refused.status_code, "CSRF" in refused.json()["detail"]) == (403, True)
    browser.get("/accounts/email/")
    token = browser.get("/workspace/tokens/").context["csrf_token"]
    taken = browser.post(RESULTS, recipes.RESULT, content_type="application/json", headers={"x-csrftoken": str(token)})
    assert taken.status_code == 201, taken.content


def test_writing_has_a_quota_of_its_own(program, settings):
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "DEFAULT_THROTTLE_RATES": {"client": "600/min", "writing": "2/min"},
    }
    for left in (1, 0):
        answer = program.post(f"{RESULTS}?dry_run=true", recipes.RESULT)
        assert answer["RateLimit-Policy"] == '"writing";q=2;w=60'
        assert answer["RateLimit"].startswith(f'"writing";r={left};')
    refused = program.post(RESULTS, recipes.RESULT)
    assert refused.status_code == 429
    assert refused.json()["violated-policies"] == ["writing"]
    assert refused["Retry-After"]
    assert program.send("GET", REPORTS).status_code == 200


# --- once ------------------------------------------------------------------------------------------------------------
def test_a_request_sent_twice_is_worked_off_once_and_answered_the_same(program):
    first = program.post(RESULTS, recipes.RESULT, idempotency_key="a-key")
    again = program.post(RESULTS, recipes.RESULT, idempotency_key='"a-key"')
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert (again["Location"], again["ETag"]) == (first["Location"], first["ETag"])
    assert (first.get("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (None, "true")
    assert Report.objects.count() == 1


def test_a_batch_is_remembered_with_its_outcomes(program):
    first = program.post(RESULTS, {"items": batch()}, idempotency_key="a-batch")
    again = program.post(RESULTS, {"items": batch()}, idempotency_key="a-batch")
    assert again.json() == first.json()
    assert Report.objects.count() == 2


def test_a_key_stands_for_one_request(program):
    program.post(RESULTS, recipes.RESULT, idempotency_key="a-key")
    for address, body in (
        (RESULTS, {**recipes.RESULT, "note": "more"}),
        (USE_CASES, recipes.RESULT),
        (f"{RESULTS}?draft=true", recipes.RESULT),
    ):
        answer = program.post(address, body, idempotency_key="a-key")
        assert answer.status_code == 422
        assert answer.json()["type"].endswith("#problem-idempotency-key-reused")
    assert Report.objects.count() == 1
    # Another person's key is another one.
    assert Program().post(RESULTS, {**recipes.RESULT, "note": "x"}, idempotency_key="a-key").status_code == 201


def test_what_was_refused_may_be_mended_under_the_same_key(program):
    assert program.post(RESULTS, {**recipes.RESULT, "kpi": ""}, idempotency_key="a-key").status_code == 422
    assert program.post(RESULTS, recipes.RESULT, idempotency_key="a-key").status_code == 201


@pytest.mark.parametrize("key", ["x" * 256, "a b", "ü", '"'])
def test_what_is_no_key(program, key):
    assert program.post(RESULTS, recipes.RESULT, idempotency_key=key).status_code == 400


def test_an_answer_is_kept_for_a_day(program):
    program.post(RESULTS, recipes.RESULT, idempotency_key="a-key")
    assert idempotency.forget_old() == 0
    IdempotentRequest.objects.update(created_at="2020-01-01T00:00:00Z")
    body = {**recipes.RESULT, "result_on": "2024"}
    assert program.post(RESULTS, body, idempotency_key="a-key").status_code == 201
    IdempotentRequest.objects.update(created_at="2020-01-01T00:00:00Z")
    assert idempotency.forget_old() == 1


def test_a_crash_leaves_neither_reports_nor_an_answer(program, monkeypatch):
    create = IdempotentRequest.objects.create

    def killed(**fields):
        create(**fields)
        raise SystemError("killed")

    monkeypatch.setattr(IdempotentRequest.objects, "create", killed)
    assert program.post(RESULTS, {"items": batch()}, idempotency_key="a-key").status_code == 500
    assert not Report.objects.exists()
    monkeypatch.undo()
    assert program.post(RESULTS, {"items": batch()}, idempotency_key="a-key").json()["created"] == 2


@pytest.mark.django_db(transaction=True)
def test_the_same_request_at_the_same_time_waits_for_nobody(program):
    began, go_on = threading.Event(), threading.Event()

    def other():
        try:
            with transaction.atomic():
                assert idempotency._is_alone(program.author, "a-key")
                began.set()
                go_on.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    try:
        assert began.wait(20)
        answer = program.post(RESULTS, recipes.RESULT, idempotency_key="a-key")
        assert answer.status_code == 409
        assert answer.json()["type"].endswith("#problem-request-in-progress")
    finally:
        go_on.set()
        thread.join()
    assert program.post(RESULTS, recipes.RESULT, idempotency_key="a-key").status_code == 201


# --- one's own reports -----------------------------------------------------------------------------------------------
def test_only_ones_own_reports_are_listed_and_read(program):
    own = [recipes.use_case_report(author=program.author), recipes.result_report(author=program.author, submit=True)]
    foreign = recipes.use_case_report(submit=True)
    body = program.send("GET", REPORTS).json()
    assert [one["key"] for one in body["results"]] == [report.key for report in reversed(own)]
    assert program.send("GET", f"{REPORTS}{own[0].key}/").json()["entries"] == recipes.USE_CASE
    for method in ("GET", "PATCH", "DELETE"):
        assert program.send(method, f"{REPORTS}{foreign.key}/", {}, if_match="*").status_code == 404
    program.author.is_staff = True
    program.author.save()
    assert program.send("GET", f"{REPORTS}{foreign.key}/").status_code == 404
    assert Client().get(REPORTS).status_code == 401


def test_reports_are_filtered_and_paged(program):
    for n in range(5):
        recipes.result_report(author=program.author, result_on=f"202{n}-06", baseline_on="2019")
    recipes.use_case_report(author=program.author, submit=True)
    address, seen = f"{REPORTS}?page_size=2&kind=result&count=true", []
    while address:
        page = program.send("GET", address).json()
        assert page["count"] == 5
        seen += [one["key"] for one in page["results"]]
        address = page["next"]
    assert len(set(seen)) == 5
    assert [one["state"] for one in program.send("GET", f"{REPORTS}?state=submitted").json()["results"]] == [
        "submitted"
    ]
    for bad in ("state=done", "kind=x", "page_size=0", "sort=key", "cursor=x"):
        assert program.send("GET", f"{REPORTS}?{bad}").status_code == 400


def test_the_list_needs_as_many_queries_for_many_as_for_one(program, django_assert_num_queries):
    recipes.use_case_report(author=program.author)
    program.send("GET", REPORTS)
    with CaptureQueriesContext(connection) as one:
        program.send("GET", REPORTS)
    for n in range(5):
        recipes.use_case_report(author=program.author, title=f"Number {n} of them")
    with django_assert_num_queries(len(one)):
        program.send("GET", REPORTS)


def test_a_report_is_changed_where_its_version_is_known(program):
    report = recipes.result_report(author=program.author)
    address = f"{REPORTS}{report.key}/"
    tag = program.send("GET", address)["ETag"]
    missing = program.send("PATCH", address, {"note": "x"})
    assert (missing.status_code, missing.json()["type"].endswith("#problem-version-required")) == (428, True)

    changed = program.send("PATCH", address, {"note": "Rain.", "sample_n": None}, if_match=tag)
    assert changed.status_code == 200
    assert changed["ETag"] != tag
    entries = Report.objects.get(pk=report.pk).entries
    assert (entries["note"], entries["sample_n"], entries["kpi"]) == ("Rain.", None, recipes.RESULT["kpi"])

    late = program.send("PATCH", address, {"note": "Sun."}, if_match=tag)
    assert late.status_code == 412
    assert late.json()["type"].endswith("#problem-version-conflict")
    assert late.json()["current"]["entries"]["note"] == "Rain."
    assert late["ETag"] == changed["ETag"]
    assert program.send("PATCH", address, {"note": "Sun."}, if_match=late["ETag"]).status_code == 200


def test_a_report_that_changes_in_between_is_not_overwritten(program, monkeypatch):
    report = recipes.result_report(author=program.author)
    from reporting import api

    def meanwhile(**fields):
        save_entries(report=report, actor=program.author, version=report.version, entries={"note": "by somebody else"})
        return save_entries(**fields)

    monkeypatch.setattr(api, "save_entries", meanwhile)
    answer = program.send("PATCH", f"{REPORTS}{report.key}/", {"note": "mine"}, if_match="*")
    assert answer.status_code == 412
    assert answer.json()["current"]["entries"]["note"] == "by somebody else"


def test_a_draft_is_handed_over_by_a_change(program):
    report = recipes.result_report(author=program.author, kpi="")
    address = f"{REPORTS}{report.key}/"
    refused = program.send("PATCH", address, {"submit": True, "note": "x"}, if_match="*")
    assert (refused.status_code, codes(refused.json())) == (422, ["required"])
    assert "note" not in Report.objects.get(pk=report.pk).entries
    taken = program.send("PATCH", address, {"submit": True, "kpi": "ALL-PRK-SEARCH"}, if_match="*")
    assert (taken.status_code, taken.json()["state"]) == (200, "submitted")
    closed = program.send("PATCH", address, {"note": "x"}, if_match="*")
    assert (closed.status_code, closed.json()["type"].endswith("#problem-move-refused")) == (409, True)
    assert program.send("PATCH", address, {"nothing": "x"}, if_match="*").status_code == 422
    assert program.send("PATCH", address, {"submit": "yes"}, if_match="*").status_code == 400


def test_a_report_is_withdrawn_and_stays(program):
    report = recipes.use_case_report(author=program.author, submit=True)
    address = f"{REPORTS}{report.key}/"
    assert program.send("DELETE", address, if_match='"old"').status_code == 412
    assert program.send("DELETE", address).status_code == 204
    assert program.send("GET", address).json()["state"] == "withdrawn"
    assert program.send("DELETE", address).status_code == 409


def test_readers_read_and_do_not_write():
    author = recipes.member()
    report = recipes.use_case_report(author=author)
    reader = Program(recipes.member(organisation=report.organisation, role="reader"))
    address = f"{REPORTS}{report.key}/"
    assert reader.send("GET", address).status_code == 200
    assert reader.send("PATCH", address, {"title": "x"}, if_match="*").status_code == 403
    assert reader.send("DELETE", address).status_code == 403


def test_what_is_reported_is_seen_nowhere_else(program, client):
    report = recipes.use_case_report(author=program.author, title="Quetzalcoatl counts the bins", submit=True)
    recipes.result_report(author=program.author, use_case=report.key, note="Quetzalcoatl", submit=True)
    for address in (
        f"{USE_CASES}?q=Quetzalcoatl",
        f"{RESULTS}?q=Quetzalcoatl",
        "/api/v1/use-cases.csv",
        "/api/v1/results.ndjson",
        "/search/?q=Quetzalcoatl",
    ):
        answer = client.get(address)
        body = b"".join(answer) if answer.streaming else answer.content
        assert b"counts the bins" not in body, address


def test_withdrawn_ones_are_taken_up_by_hand_only(program):
    report = recipes.use_case_report(author=program.author)
    withdraw_report(report=report, actor=program.author)
    answer = program.send("PATCH", f"{REPORTS}{report.key}/", {"title": "Again"}, if_match="*")
    assert answer.status_code == 409


def test_submitting_twice_makes_one_round(program):
    report = recipes.use_case_report(author=program.author)
    submit_report(report=report, actor=program.author, version=report.version)
    answer = program.send("PATCH", f"{REPORTS}{report.key}/", {"submit": True}, if_match="*")
    assert answer.status_code == 409
    assert report.rounds.count() == 1
