"""Keeping the aggregates in the background. Each task may run twice, late, or be killed: the next one goes on."""

from collections.abc import Callable

from django.core.cache import cache

from alliance.core.tasks import portal_task
from alliance.events import runs
from alliance.events.upkeep import Progress, silent, told_to
from kpis import aggregating

#: The sweep comes later than that.
AGAIN_SECONDS = 1
_AGAIN = "aggregates-followed-again"
FOLLOW, EXAMINE, REBUILD = "follow_aggregates", "examine_aggregates", "rebuild_aggregates"


@portal_task(expires=60, is_quiet=True)
def follow_aggregates() -> None:
    """Make the aggregates what the results are. Quick when nothing has changed.

    An entry that is not settled yet, because somebody's transaction is still open, is looked for again soon.
    """
    with runs.record(FOLLOW, quiet=True) as recorder:
        aggregating.follow(recorder.progress)
    if aggregating.has_unread() and cache.add(_AGAIN, 1, AGAIN_SECONDS):
        follow_aggregates.apply_async(countdown=AGAIN_SECONDS)


@portal_task
def examine_aggregates() -> None:
    """Compare every aggregate with its inputs, and these with the results."""
    examine()


@portal_task
def rebuild_aggregates() -> None:
    """Compute every aggregate anew."""
    rebuild()


def examine(progress: Progress = silent) -> aggregating.Report:
    """An examination that is written down as a run."""
    return _recorded(EXAMINE, aggregating.examine, progress)


def rebuild(progress: Progress = silent) -> aggregating.Report:
    """A rebuild that is written down as a run."""
    return _recorded(REBUILD, aggregating.rebuild, progress)


def _recorded(name: str, work: Callable[[Progress], aggregating.Report], progress: Progress) -> aggregating.Report:
    with runs.record(name) as recorder:
        report = work(told_to(recorder.progress, progress))
        recorder.findings = report.sentences()
        recorder.figures = {
            "compared": report.inputs + report.cells,
            "differing": report.differing_inputs + report.differing_cells,
        }
    return report
