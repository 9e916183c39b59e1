"""Who looks at which report: each goes to the editor with the least to do, among those who may review it."""

from collections import Counter
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Count, Q

from alliance.members import notices
from alliance.members.models import User
from alliance.members.policies import bound_to
from reporting import concerned
from reporting.checking import check
from reporting.known import Known
from reporting.models import Kind, Report
from reporting.states import State
from reporting.telling import REPORTS_ASSIGNED, review_path
from usecases.models import UseCase

#: What an editor still has to do something about.
PENDING = (State.SUBMITTED, State.CHANGES_REQUESTED)
#: Reports that one transaction assigns.
BATCH = 200


def editors() -> list[User]:
    """Everybody who reviews."""
    return list(User.objects.filter(is_active=True, is_staff=True).order_by("pk"))


def workload() -> list[tuple[User, int]]:
    """Each editor with the number of reports that are waiting with them, the busiest first. One query."""
    waiting = Count("assigned_reports", filter=Q(assigned_reports__state__in=PENDING))
    rows = User.objects.filter(is_active=True, is_staff=True).annotate(waiting=waiting)
    return [(user, user.waiting) for user in rows.order_by("-waiting", "name", "pk")]


def assign_waiting() -> int:
    """Give every submitted report without an editor to one. Returns: how many found one.

    Safe to run twice or at once: the rows are locked, and those that somebody else works on are passed over. A report
    that nobody may review stays in the queue without an editor, where the chair sees it.
    """
    # Who is no editor any more has nothing to review.
    gone = ~Q(assigned_to__in=User.objects.filter(is_active=True, is_staff=True))
    Report.objects.filter(gone, state__in=PENDING, assigned_to__isnull=False).update(assigned_to=None)
    assigned, last = 0, 0
    while True:
        with transaction.atomic():
            rows = Report.objects.filter(state=State.SUBMITTED, assigned_to=None, pk__gt=last)
            batch = list(
                rows.select_for_update(skip_locked=True, of=("self",))
                .select_related("organisation")
                .order_by("pk")[:BATCH]
            )
            if not batch:
                return assigned
            last = batch[-1].pk
            assigned += _assign(batch)


def _assign(reports: Iterable[Report]) -> int:
    reports = list(reports)
    counts = Counter({user.pk: waiting for user, waiting in workload()})
    bound = {user.pk: bound_to(user) for user in editors()}
    took_part = concerned.organisations_in(reports)
    told: Counter[int] = Counter()
    for report in reports:
        report.topic = report.topic or topic_of(report)
        free = [pk for pk in bound if bound[pk].isdisjoint(took_part[report.pk])]
        if free:
            chosen = min(free, key=lambda pk: (counts[pk], pk))
            report.assigned_to_id = chosen
            counts[chosen] += 1
            told[chosen] += 1
    # No new version: what the member and the editor see of the report is what it was.
    for report in reports:
        Report.objects.filter(pk=report.pk).update(topic=report.topic, assigned_to=report.assigned_to_id)
    for pk, count in told.items():
        first = next(report for report in reports if report.assigned_to_id == pk)
        notices.tell(
            [pk],
            kind=REPORTS_ASSIGNED,
            reference=f"{first.key}-{first.version}",
            path=review_path(first) if count == 1 else review_path(),
            values={"n": count},
        )
    return sum(told.values())


def topic_of(report: Report) -> str:
    """The code of the field that a report is about; empty where it cannot be read."""
    values = check(
        report.kind, report.entries, organisation=report.organisation, report=report, known=Known(report.organisation)
    ).values
    if report.kind == Kind.USE_CASE:
        return values.get("vertical", "")
    use_case = values.get("use_case")
    if isinstance(use_case, UseCase):
        return use_case.vertical.code
    if isinstance(use_case, Report):
        return use_case.topic or topic_of(use_case)
    return values["kpi"].vertical.code if "kpi" in values else ""
