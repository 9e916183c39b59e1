"""Upkeep in the background. Each task may run twice, late, or be killed: the next one goes on where it ended."""

from django.core.cache import cache

from alliance.core.tasks import portal_task
from alliance.events import runs, upkeep
from alliance.events.jobs import run_job as run_job
from alliance.events.jobs import sweep_jobs as sweep_jobs
from alliance.events.runs import EXAMINE, FOLLOW, REBUILD

_WOKEN = "events-follower-woken"
#: A message that was lost keeps nobody from waking the worker for longer; the sweep comes as often.
_WOKEN_SECONDS = 5


@portal_task(expires=60, is_quiet=True)
def follow_changes() -> None:
    """Make the documents what the records are. Quick when nothing has changed."""
    cache.delete(_WOKEN)  # before looking: who writes from now on may wake the worker again
    with runs.record(FOLLOW, quiet=True) as recorder:
        upkeep.follow(recorder.progress)


@portal_task
def examine_documents() -> None:
    """Compare every document with its record, and the log with what was read of it."""
    examine()


@portal_task
def rebuild_documents() -> None:
    """Repair triggers, log and documents."""
    rebuild()


def examine(progress: upkeep.Progress = upkeep.silent) -> upkeep.Report:
    """An examination that is written down as a run."""
    with runs.record(EXAMINE) as recorder:
        report = upkeep.examine(upkeep.told_to(recorder.progress, progress))
        _note(recorder, report)
    return report


def rebuild(progress: upkeep.Progress = upkeep.silent) -> upkeep.Report:
    """A rebuild that is written down as a run."""
    with runs.record(REBUILD) as recorder:
        report = upkeep.rebuild(upkeep.told_to(recorder.progress, progress))
        _note(recorder, report)
    return report


def _note(recorder: runs.Recorder, report: upkeep.Report) -> None:
    recorder.findings = report.sentences()
    recorder.figures = {
        "compared": report.compared,
        "differing": report.differing_count,
        "faults": len(report.faults) + len(report.outdated),
    }


def wake() -> None:
    """Let the worker look at once. One message at a time waits; when it is lost, the sweep finds the work."""
    if cache.add(_WOKEN, 1, _WOKEN_SECONDS):
        for task in WOKEN:
            task.delay()


#: What follows the log; other apps add theirs.
WOKEN = [follow_changes]
#: By name: what an editor may start; other apps add theirs.
STARTABLE = {FOLLOW: follow_changes, EXAMINE: examine_documents, REBUILD: rebuild_documents}
