"""Taking an accepted report out of the public records. What it corrected is public again as it was before.

Runs inside the transaction of the editor's decision (`reporting.reviewing`).
"""

from alliance.events.history import Subject
from alliance.events.restoring import NotRestorableError, restore
from kpis.models import Result, ResultState
from reporting.models import Move, Registration, Report
from reporting.states import State
from usecases.models import Status, UseCase


def log_of_corrected(report: Report) -> int | None:
    """Where the change log ends of the use case that a report is about to correct; it is locked from now on. None for
    what corrects no use case."""
    if report.corrects_use_case_id is None:
        return None
    subject = Subject(UseCase, report.corrects_use_case_id)
    subject.lock()
    return subject.stamp().last


def take_back(report: Report) -> Report | None:
    """Withdraw the public record of a locked report, or bring back what it corrected.

    Returns: the report of what is current again, where a report told it.
    """
    if report.result is not None:
        return _take_back_result(report, report.result)
    if report.use_case is not None:
        return _take_back_use_case(report, report.use_case)
    return None


def _take_back_result(report: Report, row: Result) -> Report | None:
    Result.objects.filter(pk=row.pk, state=ResultState.ACCEPTED).update(state=ResultState.WITHDRAWN)
    corrected = report.corrects_result
    if corrected is None or corrected.superseded_by_id != row.pk:
        return None
    Result.objects.filter(pk=corrected.pk).update(state=ResultState.ACCEPTED, superseded_by=None)
    # Those before it lead to it; what was promised is answered by it.
    row.supersedes.update(superseded_by=corrected)
    Registration.objects.filter(result=row).update(result=corrected)
    return Report.objects.filter(result=corrected, state=State.SUPERSEDED).first()


def _take_back_use_case(report: Report, row: UseCase) -> Report | None:
    """The row was changed in place: the log knows how it was. Where it cannot be so again, it is withdrawn."""
    before = _log_before_acceptance(report) if report.corrects_use_case_id == row.pk else None
    if before is not None:
        subject = Subject(UseCase, row.pk)
        subject.lock()
        try:
            restore(subject, before, seen=subject.stamp(), besides={Result})
        except NotRestorableError:
            pass
        else:
            earlier = Report.objects.filter(use_case=row, state=State.SUPERSEDED).exclude(pk=report.pk)
            return earlier.order_by("-decided_at", "-pk").first()
    UseCase.objects.filter(pk=row.pk, status=Status.PUBLISHED).update(status=Status.WITHDRAWN)
    return None


def _log_before_acceptance(report: Report) -> int | None:
    """Where the change log of the use case ended when the report was accepted; None where that was not noted."""
    moves = Move.objects.filter(report=report, after=State.ACCEPTED, log_before__isnull=False)
    return moves.order_by("-pk").values_list("log_before", flat=True).first()
