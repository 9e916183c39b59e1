"""Background work wakes after a write, leaves a trace of what it did, and says how it ended."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from alliance.core.cache import outage
from alliance.events import runs, tasks, upkeep
from alliance.events.models import Run, RunState, StaleDocument
from tests.core.servers import wait_for
from tests.events.documents_cases import assert_stored, followed, second_session, settle, small_world
from usecases.models import UseCase


@pytest.fixture
def sent(monkeypatch) -> list[str]:
    """The messages to the worker that would be sent."""
    found: list[str] = []
    monkeypatch.setattr(tasks.follow_changes, "delay", lambda: found.append("follow"))
    return found


# --- waking ----------------------------------------------------------------------------------------------------------
def test_a_request_that_may_have_written_wakes_the_worker(client, db, sent):
    client.get("/")
    client.head("/")
    assert sent == []
    client.post("/accounts/login/", {"login": "nobody@example.org", "password": "wrong"})
    assert sent == ["follow"]


def test_one_message_waits_at_a_time(client, db, sent):
    for _ in range(3):
        client.post("/accounts/login/", {})
    assert sent == ["follow"]
    tasks.follow_changes()
    client.post("/accounts/login/", {})
    assert sent == ["follow", "follow"]


def test_without_redis_a_write_goes_on(db, monkeypatch):
    monkeypatch.setattr(outage, "paused_until", float("inf"))
    assert Client().post("/accounts/login/", {}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_lost_message_loses_nothing(sent):
    """The sweep runs the same task, whoever forgot to send for it."""
    small_world()
    UseCase.objects.update(title="Other")
    settle()
    assert sent == []
    tasks.follow_changes()
    assert not StaleDocument.objects.exists()
    assert_stored()


def test_the_sweep_and_the_nightly_check_are_scheduled(settings):
    schedule = {entry["task"]: entry for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert schedule[tasks.follow_changes.name]["schedule"] <= 5
    night = schedule[tasks.examine_documents.name]["schedule"]
    assert (night.hour, night.minute) == ({2}, {30})


# --- runs ------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_look_that_found_nothing_leaves_no_trace():
    small_world()
    followed()
    tasks.follow_changes()
    assert not Run.objects.exists()
    UseCase.objects.update(title="Other")
    settle()
    tasks.follow_changes()
    run = Run.objects.get()
    assert (run.task, run.state, run.error) == (runs.FOLLOW, RunState.DONE, "")
    assert run.done == run.expected >= UseCase.objects.count()
    tasks.follow_changes.apply()
    assert Run.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_check_leaves_its_findings_in_words_and_numbers():
    small_world()
    followed()
    tasks.examine_documents()
    run = runs.last_check()
    assert run.state == RunState.DONE
    assert run.figures == {"compared": run.done, "differing": 0, "faults": 0}
    assert run.findings == [f"{run.done} documents compared: none differed."]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE usecases_usecasedocument SET body = '{}'")
    tasks.examine_documents()
    assert runs.last_check().figures["differing"] == UseCase.objects.count()
    settle()
    tasks.rebuild_documents()
    assert runs.last_check().task == runs.REBUILD
    assert runs.last_check().figures["differing"] == UseCase.objects.count()
    assert_stored()


def test_a_failure_keeps_its_reason_without_secrets(db, monkeypatch):
    def failing(progress):
        raise OperationalError("could not connect: password=hunter22222 host=x\nDETAIL: Key (email)=(a@example.org)")

    monkeypatch.setattr(upkeep, "follow", failing)
    with pytest.raises(OperationalError):
        tasks.follow_changes()
    run = Run.objects.get()
    assert (run.state, run.done) == (RunState.FAILED, 0)
    assert run.error.startswith("OperationalError: could not connect:")
    assert "hunter22222" not in run.error
    assert "example.org" not in run.error
    assert list(runs.failing()) == [run]
    with runs.record(runs.FOLLOW):
        pass
    assert list(runs.failing()) == []


@pytest.mark.django_db(transaction=True)
def test_a_run_whose_process_is_gone_is_known_and_closed_by_the_next_one():
    with second_session() as other:
        with other.cursor() as cursor:
            cursor.execute(
                "INSERT INTO events_run (task, state, done, findings, figures, error, request) "
                "VALUES ('rebuild_documents', 'running', 7, '{}', '{}', '', '') RETURNING id"
            )
            (key,) = cursor.fetchone()
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [runs._LOCK_CLASS, key])
        other.commit()
        assert runs.with_life().get(pk=key).is_alive
        assert runs.close_cut_off() == 0
    # Its session ends, as when its process is killed; PostgreSQL needs a moment to notice.
    wait_for(lambda: not runs.with_life().get(pk=key).is_alive, 10, "the session ends")
    tasks.follow_changes()
    run = Run.objects.get(pk=key)
    assert (run.state, run.error, run.done) == (RunState.FAILED, runs.CUT_OFF, 7)
    assert run.ended_at is not None


def test_a_run_that_works_is_left_alone_by_others(db):
    with runs.record(runs.REBUILD) as recorder:
        assert runs.close_cut_off() == 0
        recorder.progress(1, 2)
        assert runs.with_life().get().is_alive
    run = Run.objects.get()
    assert (run.state, run.done, run.expected) == (RunState.DONE, 1, 2)
    assert not runs.with_life().get().is_alive


def test_progress_is_written_at_most_every_second(db, monkeypatch, django_assert_num_queries):
    now = 100.0
    monkeypatch.setattr(runs.time, "monotonic", lambda: now)
    with runs.record(runs.REBUILD) as recorder:
        recorder.progress(1, 10)
        assert Run.objects.get().done == 1
        now += 0.5
        with django_assert_num_queries(0):
            recorder.progress(2, 10)
        now += 0.5
        recorder.progress(3, 10)
        assert Run.objects.get().done == 3
        now += 0.1
        recorder.progress(4, 10)
    assert Run.objects.get().done == 4


def test_old_runs_are_forgotten_by_task_and_state(db):
    long_ago = timezone.now() - timedelta(days=1)
    for number in range(runs.KEPT + 5):
        for task in (runs.FOLLOW, runs.EXAMINE):
            for state in (RunState.DONE, RunState.FAILED):
                Run.objects.create(
                    task=task, state=state, started_at=long_ago + timedelta(seconds=number), ended_at=long_ago
                )
    with runs.record(runs.FOLLOW):
        pass
    kept = Run.objects.filter(task=runs.FOLLOW)
    assert kept.filter(state=RunState.DONE).count() == runs.KEPT
    assert kept.filter(state=RunState.FAILED).count() == runs.KEPT
    assert Run.objects.filter(task=runs.EXAMINE).count() == 2 * (runs.KEPT + 5)
    assert kept.filter(state=RunState.FAILED).last().started_at == long_ago + timedelta(seconds=5)
