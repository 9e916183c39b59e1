"""Background work as `/operations/` tells of it: begun, how far, what was found, how it ended.

While it works, a run holds a lock of its database session: a run that says "running" without one was cut off, whether
its process was killed a second or a day ago.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import Error, connection, models
from django.db.models import Exists, F, OuterRef, Window
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now, RowNumber

from alliance.core import request_id
from alliance.core.logging import without_secrets
from alliance.events.models import Run, RunState

log = logging.getLogger(__name__)

FOLLOW, EXAMINE, REBUILD = "follow_changes", "examine_documents", "rebuild_documents"
#: Ended runs of a task that are kept, of each state.
KEPT = 20
PROGRESS_EVERY_SECONDS = 1.0
CUT_OFF = "The process that did this was ended before it was done."
_LOCK_CLASS = 7_301_003
#: Locks have 32 bits.
_MOST_LOCKS = 2**31


@dataclass
class Recorder:
    """Writes down one run. Progress is written at once, then at most every second, each time in a transaction of its
    own: call it between transactions.

    Attributes:
        task: name of the work.
        findings: what was found, in English, a sentence each; figures: the same in numbers.
        run: its row; None until there is something to tell.
    """

    task: str
    findings: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)
    run: Run | None = None
    _told: float = 0.0
    _progress: tuple[int, int | None] = (0, None)

    def begin(self) -> Run:
        """The row, made now if it is not there yet."""
        if self.run is None:
            self.run = Run.objects.create(task=self.task, request=request_id.current().request_id)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s, %s)", [_LOCK_CLASS, self.run.pk % _MOST_LOCKS])
        return self.run

    def progress(self, done: int, expected: int | None) -> None:
        """So much is done."""
        run = self.begin()
        self._progress = (done, expected)
        if time.monotonic() - self._told >= PROGRESS_EVERY_SECONDS:
            self._told = time.monotonic()
            Run.objects.filter(pk=run.pk).update(done=done, expected=expected, seen_at=Now())

    def end(self, error: BaseException | None = None) -> None:
        """Write how it ended. A quiet run that made nothing leaves no row; a failed one always does."""
        if self.run is None and error is None:
            return
        run, (done, expected) = self.begin(), self._progress
        Run.objects.filter(pk=run.pk).update(
            state=RunState.DONE if error is None else RunState.FAILED,
            ended_at=Now(),
            seen_at=Now(),
            done=done,
            expected=expected,
            findings=self.findings,
            figures=self.figures,
            error="" if error is None else told(error),
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK_CLASS, run.pk % _MOST_LOCKS])
        prune(self.task)


def told(error: BaseException) -> str:
    """An error for people: its kind and its first line, which holds no row of the database and no secret."""
    lines = str(error).strip().splitlines()
    return without_secrets(f"{type(error).__name__}: {lines[0] if lines else 'no explanation'}")[:1_000]


@contextmanager
def record(task: str, *, quiet: bool = False) -> Iterator[Recorder]:
    """Do the block as a run of the task. Runs that were cut off before are closed first.

    Args:
        quiet: leave no row unless progress is made or it fails.
    """
    close_cut_off()
    recorder = Recorder(task)
    if not quiet:
        recorder.begin()
    try:
        yield recorder
    except BaseException as error:
        try:
            recorder.end(error)
        except Error:
            # The next run closes it.
            log.exception("How %s ended could not be written down.", task)
            connection.close()
        raise
    recorder.end()


def with_life() -> models.QuerySet[Run]:
    """All runs, each with `is_alive`: its session still holds its lock."""
    lock = RawSQL(
        "EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted "
        "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND l.classid = %s AND l.objid = (events_run.id %% %s))",
        [_LOCK_CLASS, _MOST_LOCKS],
        output_field=models.BooleanField(),
    )
    return Run.objects.annotate(is_alive=lock)


def close_cut_off() -> int:
    """Call runs failed whose process is gone. Returns: how many."""
    running = with_life().filter(state=RunState.RUNNING, is_alive=False)  # type: ignore[misc]
    return Run.objects.filter(pk__in=running.values("pk")).update(state=RunState.FAILED, ended_at=Now(), error=CUT_OFF)


def prune(task: str) -> None:
    """Forget all but the newest ended runs of a task, of each state."""
    newest_first = Window(RowNumber(), partition_by=F("state"), order_by=[F("started_at").desc(), F("pk").desc()])
    ended = Run.objects.filter(task=task).exclude(state=RunState.RUNNING)
    old = ended.annotate(place=newest_first).filter(place__gt=KEPT).values("pk")
    Run.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()


def last_ended(task: str) -> Run | None:
    """The newest run of a task that came to an end, well or not."""
    return Run.objects.filter(task=task).exclude(state=RunState.RUNNING).first()


def last_check() -> Run | None:
    """The newest examination or rebuild that came to its end: each compares everything."""
    return Run.objects.filter(task__in=(EXAMINE, REBUILD), state=RunState.DONE).first()


def failing() -> models.QuerySet[Run]:
    """Failed runs after which their task has not succeeded."""
    later = Run.objects.filter(task=OuterRef("task"), state=RunState.DONE, started_at__gt=OuterRef("started_at"))
    return Run.objects.filter(~Exists(later), state=RunState.FAILED)
