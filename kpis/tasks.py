"""Keeping the aggregates in the background. Each task may run twice, late, or be killed: the next one goes on."""

from collections.abc import Callable

from alliance.core.tasks import portal_task
from alliance.events import runs
from alliance.events.upkeep import Progress, silent
from kpis import aggregating

FOLLOW, EXAMINE, REBUILD = "follow_aggregates", "examine_aggregates", "rebuild_aggregates"


@portal_task(expires=60, is_quiet=True)
def follow_aggregates() -> None:
    """Make the aggregates what the results are. Quick when nothing has changed."""
    with runs.record(FOLLOW, quiet=True) as recorder:
        aggregating.follow(recorder.progress)


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

        def tell(done: int, expected: int) -> None:
            recorder.progress(done, expected)
            progress(done, expected)

        report = work(tell)
        recorder.findings = report.sentences()
        recorder.figures = {
            "compared": report.inputs + report.cells,
            "differing": report.differing_inputs + report.differing_cells,
        }
    return report
