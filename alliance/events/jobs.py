"""Long work that a person waits for: its row, its progress, its end, whoever is killed meanwhile.

A job is begun in the transaction that asks for it; the message to the worker goes out after the commit, and a sweep
finds a job whose message was lost. While a job is worked off, the worker's database session holds a lock: a job that
says "running" without one was cut off and is begun again. So its work must be such that a second run does no harm:
either it changes nothing but what it overwrites, or it writes in one transaction and looks first whether that is done.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import Error, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext_noop, override

from alliance.core import request_id
from alliance.core.tasks import portal_task
from alliance.events.models import Job, JobState

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 3
#: Progress is written after so many steps at the earliest, so that counting costs nothing beside the work.
PROGRESS_EVERY = 100
GIVEN_UP = gettext_noop("The work was cut off several times. Try again; if it happens again, tell the editors.")
BROKEN = gettext_noop("The portal made a mistake here. It has been logged; nothing was half saved.")
_LOCK_CLASS = 7_301_004
_MOST_LOCKS = 2**31

Progress = Callable[[int, int | None], None]
Work = Callable[[Job, Progress], None]
_works: dict[str, Work] = {}


class JobRefusedError(Exception):
    """The work cannot be done; the message is a sentence for who asked for it."""


@dataclass
class _Progress:
    """Writes how far a job is, seldom enough."""

    job: Job
    told: int = 0

    def __call__(self, done: int, expected: int | None = None) -> None:
        if done == 0 or done == expected or done - self.told >= PROGRESS_EVERY:
            self.told = done
            Job.objects.filter(pk=self.job.pk).update(done=done, expected=expected, updated_at=Now())


def work(name: str) -> Callable[[Work], Work]:
    """Declare the function that does the work of this name. It is called outside of a transaction."""

    def register(function: Work) -> Work:
        _works[name] = function
        return function

    return register


def start(name: str, *, owner: Any, **arguments: Any) -> Job:
    """Ask for work, in the running transaction. `arguments` are ids and plain values."""
    if name not in _works:
        raise LookupError(f"There is no work named {name}.")
    job = Job.objects.create(work=name, owner=owner, arguments=arguments, request=request_id.current().request_id[:63])
    transaction.on_commit(lambda: run_job.delay(job.pk))
    return job


@portal_task
def run_job(job_id: int) -> None:
    """Do a job, unless it is done already or another worker is at it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK_CLASS, job_id % _MOST_LOCKS])
        if not cursor.fetchone()[0]:
            return
    try:
        job = (
            Job.objects.select_related("owner")
            .filter(pk=job_id, state__in=[JobState.WAITING, JobState.RUNNING])
            .first()
        )
        if job is not None:
            _do(job)
    finally:
        with suppress(Error), connection.cursor() as cursor:  # a lost session has lost its lock as well
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK_CLASS, job_id % _MOST_LOCKS])


def _do(job: Job) -> None:
    if job.attempts >= MOST_ATTEMPTS:
        _end(job, GIVEN_UP)
        return
    Job.objects.filter(pk=job.pk).update(
        state=JobState.RUNNING, attempts=F("attempts") + 1, started_at=Now(), updated_at=Now()
    )
    actor = f"user {job.owner_id}" if job.owner_id else f"task {job.work}"
    language = job.owner.language if job.owner else settings.LANGUAGE_CODE
    try:
        with request_id.working_for(job.request or request_id.new_id(), actor=actor), override(language):
            _works[job.work](job, _Progress(job))
    except JobRefusedError as refusal:
        _end(job, str(refusal))
    except Error:
        # Of the database, and perhaps of this moment: the sweep tries again.
        log.exception("Job %d (%s) was interrupted", job.pk, job.work)
    except Exception:
        log.exception("Job %d (%s) failed", job.pk, job.work)
        _end(job, BROKEN)
    else:
        _end(job)


def _end(job: Job, error: str = "") -> None:
    state = JobState.FAILED if error else JobState.DONE
    Job.objects.filter(pk=job.pk).update(state=state, error=error, ended_at=Now(), updated_at=Now())


@portal_task(expires=30, is_quiet=True)
def sweep_jobs() -> None:
    """Begin what no message told of, and again what was cut off."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM events_job WHERE state IN ('waiting', 'running') "
            "AND updated_at < now() - interval '5 seconds' AND NOT EXISTS (SELECT FROM pg_locks "
            "WHERE locktype = 'advisory' AND classid = %s AND objid = events_job.id %% %s "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) ORDER BY id",
            [_LOCK_CLASS, _MOST_LOCKS],
        )
        waiting = [job_id for (job_id,) in cursor.fetchall()]
    for job_id in waiting:
        run_job.delay(job_id)
