"""Evidence and ranking in the background. Each task may run twice, late, or be killed."""

from alliance.core.tasks import portal_task
from alliance.events import runs
from alliance.events.upkeep import Progress, silent, told_to
from practices import discovery, upkeep

EXAMINE, SEARCH = "examine_practices", "search_practices"


@portal_task(expires=60, is_quiet=True)
def follow_practices() -> None:
    """Make what is touched anew. Quick when nothing has changed."""
    upkeep.follow()


@portal_task
def examine_practices() -> None:
    """Compute everything anew and compare; what differed is repaired and told at `/operations/`."""
    examine()


def examine(progress: Progress = silent, *, check: bool = False) -> upkeep.Report:
    """A full check that is written down as a run."""
    with runs.record(EXAMINE) as recorder:
        report = upkeep.rebuild(told_to(recorder.progress, progress), check=check)
        recorder.findings = report.sentences()
        recorder.figures = {"compared": report.compared, "differing": len(report.differing)}
    return report


@portal_task
def search_practices() -> None:
    """Look for emerging practices among the use cases that are in none; what was found is told at `/operations/`."""
    search()


def search() -> discovery.Report:
    """A search that is written down as a run."""
    with runs.record(SEARCH) as recorder:
        report = discovery.search()
        recorder.findings = report.sentences()
        recorder.figures = {"suggested": report.suggested, "taken_back": report.taken_back}
    return report
