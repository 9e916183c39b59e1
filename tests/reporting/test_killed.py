"""Worker and web server killed without warning in the middle of a write: nothing is lost, nothing is there twice."""

import os
import signal
from contextlib import closing
from http.client import HTTPException

import pytest
from django.core.management import call_command
from django.urls import reverse

from alliance.events import jobs
from alliance.events.models import Job, JobState
from reporting.models import Move, Report, Round
from reporting.sheets import importing
from reporting.states import State
from tests.reporting import killed, recipes
from tests.reporting.test_importing_sheets import checked, rows, upload
from usecases.models import UseCase

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

WORKER = """
import sys
import django
django.setup()
from alliance.events import jobs
jobs.run_job(int(sys.argv[1]))
print("done", flush=True)
"""
#: Stops when all is committed, before the job is noted as done.
AFTER_THE_COMMIT = """
import sys, time
import django
django.setup()
from alliance.events import jobs

def wait(*args):
    print("committed", flush=True)
    time.sleep(600)

jobs._end = wait
jobs.run_job(int(sys.argv[1]))
"""


@pytest.fixture
def reference():
    if not UseCase.objects.exists():
        call_command("load_reference_data", verbosity=0)


@pytest.fixture
def job(reference, settings, tmp_path, monkeypatch):
    """A checked sheet of nine results, confirmed; its worker is still to come."""
    monkeypatch.setattr(jobs.run_job, "delay", lambda job_id: None)
    settings.MEDIA_ROOT = tmp_path / "uploads"
    ada = recipes.member()
    one = checked(upload(ada, [row | {"note": f"Row {n}"} for n, row in enumerate(rows(*[{}] * 9))]), ada)
    return importing.confirm(one=one, actor=ada, as_drafts=False)


def imported() -> tuple[int, int, int]:
    return Report.objects.filter(state=State.SUBMITTED).count(), Move.objects.count(), Round.objects.count()


def begin_again(job: Job, monkeypatch) -> None:
    """What the sweep finds some seconds later, a worker does."""
    begun: list[int] = []
    monkeypatch.setattr(jobs.run_job, "delay", begun.append)

    def is_found() -> list[int]:
        Job.objects.filter(pk=job.pk).update(updated_at="2020-01-01T00:00Z")
        jobs.sweep_jobs()
        return begun

    killed.wait_for(is_found)  # the lock of the dead goes with its session
    jobs.run_job(begun[0])
    job.refresh_from_db()
    assert (job.state, job.error) == (JobState.DONE, "")


def test_a_worker_killed_while_it_writes_an_import(job, tmp_path, monkeypatch):
    with killed.locked_for_writing("reporting_round") as is_waited_for:
        worker = killed.program(WORKER, job.pk, folder=tmp_path)
        try:
            killed.wait_for(is_waited_for)
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.communicate(timeout=30)
    assert Job.objects.get(pk=job.pk).state == JobState.RUNNING
    assert imported() == (0, 0, 0)
    begin_again(job, monkeypatch)
    assert imported() == (9, 9, 9)


def test_a_worker_killed_when_the_import_is_committed(job, tmp_path, monkeypatch):
    worker = killed.program(AFTER_THE_COMMIT, job.pk, folder=tmp_path)
    try:
        assert worker.stdout.readline() == "committed\n"
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.communicate(timeout=30)
    assert imported() == (9, 9, 9)
    begin_again(job, monkeypatch)
    assert imported() == (9, 9, 9)


def test_a_web_worker_killed_while_a_member_sends_a_report(reference, tmp_path):
    report = recipes.use_case_report()
    path = reverse("reporting:submit", args=[report.key])
    web = killed.Web(tmp_path)
    try:
        killed.wait_for(web.answers)
        (worker,) = web.workers()
        with (
            killed.locked_for_writing("reporting_round") as is_waited_for,
            closing(web.sent(report.author, path, version=report.version)) as sent,
        ):
            killed.wait_for(is_waited_for)
            os.kill(worker, signal.SIGKILL)
            with pytest.raises((OSError, HTTPException)):  # the line is cut
                sent.getresponse()
        assert Report.objects.get(pk=report.pk).state == State.DRAFT
        assert not Move.objects.exists()
        assert not Round.objects.exists()

        killed.wait_for(lambda: web.workers() not in ([], [worker]) and web.answers())
        thanks = reverse("reporting:thanks", args=[report.key])
        assert web.answer(report.author, path, version=report.version) == (302, thanks)
        status, _address = web.answer(report.author, path, version=report.version)
        assert status in (302, 412)
        assert imported() == (1, 1, 1)
    finally:
        web.end()
