"""Evidence and ranking in the background. Each task may run twice, late, or be killed."""

from alliance.core.tasks import portal_task
from alliance.events import runs
from practices import upkeep

EXAMINE = "examine_practices"


@portal_task(expires=60, is_quiet=True)
def follow_practices() -> None:
    """Make what is touched anew. Quick when nothing has changed."""
    upkeep.follow()


@portal_task
def examine_practices() -> None:
    """Compute everything anew and compare; what differed is repaired and told at `/operations/`."""
    examine()


def examine(*, check: bool = False) -> upkeep.Report:
    """A full check that is written down as a run."""
    with runs.record(EXAMINE) as recorder:
        report = upkeep.rebuild(check=check)
        recorder.findings = report.sentences()
        recorder.figures = {"compared": report.compared, "differing": len(report.differing)}
    return report
