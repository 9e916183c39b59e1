"""`/operations/` tells editors how the background work stands, and `/metrics` tells programs the same."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alliance.core import health
from alliance.core.cache import outage, redis_client
from alliance.events import figures, runs, tasks, upkeep
from alliance.events.documents import kinds
from alliance.events.models import Change, Cursor, Run, RunState, StaleDocument
from alliance.events.states import READER
from alliance.events.templatetags.operations import duration
from alliance.members.models import User
from tests.core.test_metrics import read as read_metrics
from tests.core.test_metrics import value_of
from tests.events.documents_cases import followed, second_session, settle, small_world
from tests.usecases.recipes import visitor_of_staff
from usecases.models import UseCase

PAGE, START = "/operations/", "/operations/start/"
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture
def office(client, db):
    """A client that is signed in as an editor."""
    client.force_login(visitor_of_staff(), backend=BACKEND)
    return client


@pytest.fixture
def started(monkeypatch) -> list[str]:
    """The names of the tasks that would be started."""
    found: list[str] = []
    monkeypatch.setattr(tasks, "wake", lambda: None)
    for name, task in tasks.STARTABLE.items():
        monkeypatch.setattr(task, "delay", lambda name=name: found.append(name))
    return found


def text_of(response) -> str:
    """What a reader sees of a page."""
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def failed_run(task: str = runs.EXAMINE) -> Run:
    return Run.objects.create(task=task, state=RunState.FAILED, ended_at=timezone.now(), error="OSError: no space left")


# --- who -------------------------------------------------------------------------------------------------------------
def test_only_editors_see_the_page_and_the_way_to_it(client, db):
    assert client.get(PAGE).status_code == 403
    assert client.post(START, {"task": runs.EXAMINE}).status_code == 403
    assert PAGE not in client.get("/").content.decode()
    client.force_login(User.objects.create_user("member@example.org"), backend=BACKEND)
    assert client.get(PAGE).status_code == 403
    assert client.post(START, {"task": runs.EXAMINE}).status_code == 403
    client.force_login(visitor_of_staff(), backend=BACKEND)
    assert client.get(PAGE).status_code == 200
    assert f'href="{PAGE}"' in client.get("/").content.decode()


def test_the_page_is_kept_by_nobody(office):
    assert "no-store" in office.get(PAGE)["Cache-Control"]


# --- what ------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_lag_and_stale_documents_are_told_by_page_and_metrics(client):
    small_world()
    followed()
    client.force_login(visitor_of_staff(), backend=BACKEND)
    reader = next(one for one in figures.readers() if one.name == READER)
    assert (reader.name, reader.rows, reader.seconds, reader.read) == ("documents", 0, 0.0, Change.objects.count())
    since = timezone.now()
    cases = UseCase.objects.update(title="Other")
    settle()
    reader = next(one for one in figures.readers() if one.name == READER)
    assert reader.rows == cases
    assert 0 < reader.seconds <= (timezone.now() - since).total_seconds() + 1
    assert f"Ready documents {cases} " in text_of(client.get(PAGE))
    metrics = read_metrics(client)
    assert value_of(metrics, 'portal_log_lag_rows{reader="documents"}') == cases
    assert value_of(metrics, 'portal_log_lag_seconds{reader="documents"}') >= reader.seconds
    upkeep._take_entries()
    reader = next(one for one in figures.readers() if one.name == READER)
    assert reader.rows == 0
    assert figures.staleness()[list(kinds).index("use-cases")].stale == cases
    assert f"Use cases {cases} {cases} " in text_of(client.get(PAGE))
    assert value_of(read_metrics(client), 'portal_stale_documents{kind="use-cases"}') == cases
    followed()
    assert value_of(read_metrics(client), 'portal_stale_documents{kind="use-cases"}') == 0


@pytest.mark.django_db(transaction=True)
def test_who_holds_the_readers_back_is_named(client):
    small_world()
    followed()
    client.force_login(visitor_of_staff(), backend=BACKEND)
    settle()
    with second_session() as other:
        with other.cursor() as cursor:
            cursor.execute("SET application_name = 'portal slow-import'")
            cursor.execute("UPDATE usecases_city SET name = name || '!'")
            cities = cursor.rowcount
            cursor.execute("SELECT pg_backend_pid()")
            process = cursor.fetchone()[0]
        cases = UseCase.objects.update(title="Other")
        assert figures.unsettled() >= cases
        # Other programs may write on this server too; the oldest of them is named.
        holder = figures.holder()
        assert holder is not None
        if holder.process == process:
            page = text_of(client.get(PAGE))
            assert "portal slow-import" in page
            assert f"process {process}" in page
            assert holder.state == "idle in transaction"
        assert value_of(read_metrics(client), "portal_log_unsettled") >= cases
        other.commit()
    settle()
    assert figures.unsettled() == 0
    assert cities > 0


def test_documents_of_another_software_are_told(office, reference_data):
    reader = Cursor.objects.get(reader=READER)
    reader.schemas["cities"] = "yesterday"
    reader.save()
    cities = kinds["cities"].document.objects.count()
    assert "all: made by another version of the software" in text_of(office.get(PAGE))
    assert value_of(read_metrics(office), 'portal_stale_documents{kind="cities"}') == cities


def test_the_worker_and_the_queue_are_told(office, settings):
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": "test-operations-"}
    redis_client().delete("test-operations-celery", health.HEARTBEAT_KEY)
    assert "No worker runs tasks" in text_of(office.get(PAGE))
    health.beat_heart()
    redis_client().rpush("test-operations-celery", "one", "two", "three")
    try:
        page = text_of(office.get(PAGE))
    finally:
        redis_client().delete("test-operations-celery")
    assert "No worker runs tasks" not in page
    assert "Works" in page
    assert "tasks that wait for it 3" in page


def test_without_redis_the_page_says_so(office, monkeypatch):
    monkeypatch.setattr(figures, "worker", lambda: figures.Worker(None, None))
    assert "Redis does not answer" in text_of(office.get(PAGE))


def test_the_verdict_of_the_last_check_is_told(office):
    assert "No check has been made yet" in text_of(office.get(PAGE))
    assert "portal_last_check_timestamp_seconds" not in read_metrics(office)
    check = Run.objects.create(
        task=runs.EXAMINE,
        state=RunState.DONE,
        ended_at=timezone.now(),
        findings=["12 documents compared: none differed."],
        figures={"compared": 12, "differing": 0, "faults": 0},
    )
    page = text_of(office.get(PAGE))
    assert "The last check found nothing wrong" in page
    assert "12 documents compared: none differed." in page
    metrics = read_metrics(office)
    assert value_of(metrics, "portal_documents_differing") == 0
    assert value_of(metrics, "portal_last_check_timestamp_seconds") == pytest.approx(check.ended_at.timestamp())
    Run.objects.create(
        task=runs.EXAMINE,
        state=RunState.DONE,
        ended_at=timezone.now(),
        findings=["The log has a hole.", "2 documents of cities differed <b>."],
        figures={"compared": 12, "differing": 2, "faults": 1},
    )
    response = office.get(PAGE)
    assert "The last check found faults: rebuild the documents" in text_of(response)
    assert "differed &lt;b&gt;." in response.content.decode()
    metrics = read_metrics(office)
    assert value_of(metrics, "portal_documents_differing") == 2
    assert value_of(metrics, "portal_log_faults") == 1


# --- runs ------------------------------------------------------------------------------------------------------------
def test_a_failed_run_shows_its_reason_and_can_be_tried_again(office, started):
    failed = failed_run()
    page = office.get(PAGE).content.decode()
    assert "OSError: no space left" in page
    assert f'id="retry-{failed.pk}"' in page
    assert value_of(read_metrics(office), 'portal_run_failed{task="examine_documents"}') == 1
    response = office.post(START, {"task": runs.EXAMINE}, follow=True)
    assert response.redirect_chain == [(PAGE, 302)]
    assert "The worker was told" in text_of(response)
    assert started == [runs.EXAMINE]


def test_what_succeeded_since_needs_no_other_try(office):
    failed = failed_run()
    with runs.record(runs.EXAMINE):
        pass
    page = office.get(PAGE).content.decode()
    assert "OSError: no space left" in page
    assert f'id="retry-{failed.pk}"' not in page
    assert value_of(read_metrics(office), 'portal_run_failed{task="examine_documents"}') == 0


def test_a_run_that_was_cut_off_is_not_called_running(office):
    run = Run.objects.create(task=runs.REBUILD, done=3, expected=10)
    page = text_of(office.get(PAGE))
    assert "Cut off" in page
    assert "Its process is gone" in page
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [runs._LOCK_CLASS, run.pk])
        try:
            page = text_of(office.get(PAGE))
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [runs._LOCK_CLASS, run.pk])
    assert "Cut off" not in page
    assert "3 of 10 documents" in page


@pytest.mark.parametrize("name", list(tasks.STARTABLE))
def test_each_work_can_be_started(office, started, name):
    assert office.post(START, {"task": name}).status_code == 302
    assert started == [name]


@pytest.mark.parametrize("name", ["", "no-such-task", "alliance.core.tasks.beat"])
def test_nothing_else_can_be_started(office, started, name):
    assert office.post(START, {"task": name}).status_code == 404
    assert started == []


def test_starting_needs_the_form_of_the_page(db, started):
    client = Client(enforce_csrf_checks=True)
    client.force_login(visitor_of_staff(), backend=BACKEND)
    assert client.post(START, {"task": runs.EXAMINE}).status_code == 403
    assert client.get(START).status_code == 405
    assert started == []


def test_without_redis_nothing_is_said_to_be_started(office, started, monkeypatch):
    monkeypatch.setattr(outage, "paused_until", float("inf"))
    assert "nothing was started" in text_of(office.post(START, {"task": runs.EXAMINE}, follow=True))


# --- the changing part -----------------------------------------------------------------------------------------------
def test_htmx_gets_the_figures_alone_and_asks_again(office):
    part = office.get(PAGE, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="figures"')
    assert f'hx-get="{PAGE}" hx-trigger="every 5s"' in part
    assert "<html" not in part
    assert part.strip().splitlines()[-1] in office.get(PAGE).content.decode()


def test_the_page_asks_as_many_questions_whatever_there_is(office, reference_data):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            office.get(PAGE)
        return len(captured)

    failed_run()
    queries()
    few = queries()
    for _ in range(15):
        failed_run()
        failed_run(runs.FOLLOW)
    StaleDocument.objects.bulk_create(StaleDocument(kind="cities", record_id=n) for n in range(500))
    UseCase.objects.update(title="Other")
    assert queries() == few


@pytest.mark.parametrize("language", ["es", "ar"])
def test_findings_stay_english_inside_other_languages(office, language):
    failed_run()
    page = office.get(f"/{language}{PAGE}").content.decode()
    assert '<p class="small" lang="en" dir="ltr"><code>OSError' in page


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (1.9, "1 second"), (119, "119 seconds"), (120, "2 minutes"), (7_199, "119 minutes"),
     (7_200, "2 hours"), (172_799, "47 hours"), (172_800, "2 days"), (None, "")],
)  # fmt: skip
def test_spans_of_time_in_words(seconds, words):
    assert duration(seconds) == words
