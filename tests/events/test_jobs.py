"""Long work that a person waits for: done once, begun again when it was cut off, and its end is told."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from alliance.events import jobs
from alliance.events.models import Job, JobState
from alliance.members.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("owner@example.org")


@pytest.fixture
def work(monkeypatch):
    """A work named `count`, whose runs are counted; `work.does` is what it does."""

    class Counted:
        runs = 0

        def does(self, job, progress):
            progress(0, 3)
            progress(3, 3)

        def __call__(self, job, progress):
            self.runs += 1
            self.does(job, progress)

    counted = Counted()
    monkeypatch.setitem(jobs._works, "count", counted)
    return counted


def started(owner, **arguments) -> Job:
    return jobs.start("count", owner=owner, **arguments)


def test_a_job_is_begun_after_the_commit_and_tells_its_progress(
    owner, work, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(jobs.run_job, "delay", jobs.run_job)
    with django_capture_on_commit_callbacks(execute=True):
        job = started(owner, sheet=7)
        assert work.runs == 0
    job.refresh_from_db()
    assert (work.runs, job.state, job.done, job.expected, job.percent) == (1, JobState.DONE, 3, 3, 100)
    assert job.arguments == {"sheet": 7}
    assert job.ended_at is not None


def test_a_second_message_does_nothing(owner, work):
    job = started(owner)
    jobs.run_job(job.pk)
    jobs.run_job(job.pk)
    assert work.runs == 1


def test_a_refusal_is_told_in_its_own_words(owner, work):
    def refuse(job, progress):
        raise jobs.JobRefusedError("The sheet has no rows.")

    work.does = refuse
    job = started(owner)
    jobs.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error) == (JobState.FAILED, "The sheet has no rows.")


def test_a_mistake_of_the_portal_ends_the_job_and_is_logged(owner, work, caplog):
    work.does = lambda job, progress: 1 / 0
    job = started(owner)
    jobs.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error) == (JobState.FAILED, jobs.BROKEN)
    assert "ZeroDivisionError" in caplog.text


def _waiting(job: Job, monkeypatch) -> list[int]:
    found: list[int] = []
    monkeypatch.setattr(jobs.run_job, "delay", found.append)
    jobs.sweep_jobs()
    return found


def _long_ago(job: Job, **fields) -> None:
    Job.objects.filter(pk=job.pk).update(updated_at=timezone.now() - timedelta(minutes=1), **fields)


def test_the_sweep_finds_a_job_whose_message_was_lost(owner, work, monkeypatch):
    job = started(owner)
    assert _waiting(job, monkeypatch) == []
    _long_ago(job)
    assert _waiting(job, monkeypatch) == [job.pk]


def test_the_sweep_begins_what_was_cut_off_again_but_not_what_runs(owner, work, monkeypatch):
    job = started(owner)
    _long_ago(job, state=JobState.RUNNING, attempts=1)
    assert _waiting(job, monkeypatch) == [job.pk]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [jobs._LOCK_CLASS, job.pk])
        assert _waiting(job, monkeypatch) == []
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [jobs._LOCK_CLASS, job.pk])
    jobs.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.DONE, 2)


def test_what_kills_its_worker_is_not_tried_for_ever(owner, work):
    job = started(owner)
    Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING, attempts=jobs.MOST_ATTEMPTS)
    jobs.run_job(job.pk)
    job.refresh_from_db()
    assert (work.runs, job.state, job.error) == (0, JobState.FAILED, jobs.GIVEN_UP)
