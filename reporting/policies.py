"""Who may do what with reports. Every view, service and API asks here; what is not named is refused.

Nobody reviews or verifies what the own organisation, or one with a declared interest, took part in.
"""

from typing import Any

from alliance.members.models import Organisation, OrganisationKind, User
from alliance.members.policies import bound_to, is_editor
from alliance.members.policies import may_report as may_report
from kpis.models import Result, ResultState, Verification
from reporting import concerned
from reporting.models import Report
from reporting.states import REVIEWED
from usecases.models import Status, UseCase

#: Who may verify independently, once an editor has named them for a result.
INDEPENDENT_KINDS = (
    OrganisationKind.ACADEMIA,
    OrganisationKind.STANDARDS_BODY,
    OrganisationKind.GOVERNMENT_AGENCY,
)


# --- members ---------------------------------------------------------------------------------------------------------
def may_see(user: User, report: Report) -> bool:
    """See `ReportQuerySet.visible_to`."""
    return Report.objects.visible_to(user).contains(report)


def may_edit(user: User, report: Report) -> bool:
    """Owners and contributors of the organisation whose report it is."""
    return may_report(user, report.organisation)


def may_correct(user: User, organisation: Organisation, record: UseCase | Result) -> bool:
    """Report that a public record is wrong: for the organisation that reported it; of what was taken from a public
    source, for one that takes part in the use case."""
    if not may_report(user, organisation):
        return False
    use_case = record if isinstance(record, UseCase) else record.use_case
    state, public = (
        (record.status, Status.PUBLISHED) if isinstance(record, UseCase) else (record.state, ResultState.ACCEPTED)
    )
    if state != public or use_case.status != Status.PUBLISHED:
        return False
    if record.reported_by_id is not None:
        return record.reported_by_id == organisation.pk
    return use_case.participations.filter(organisation=organisation).exists()


# --- editors ---------------------------------------------------------------------------------------------------------
def is_bound(user: Any, report: Report) -> bool:
    """Whether a person must keep out of the review of a report."""
    return not bound_to(user).isdisjoint(concerned.in_report(report))


def may_review(user: Any, report: Report) -> bool:
    """Comment, ask for changes, accept, reject: editors without a conflict, once it was submitted."""
    return is_editor(user) and report.state in REVIEWED and not is_bound(user, report)


def may_discuss(user: Any, report: Report) -> bool:
    """Write in its threads: who may review it, and who may edit it."""
    if report.state not in REVIEWED:
        return False
    return may_review(user, report) or may_edit(user, report)


def may_merge(user: Any, *use_cases: UseCase) -> bool:
    """Editors without a conflict in any of them."""
    if not is_editor(user):
        return False
    found = concerned.in_use_cases([one.pk for one in use_cases])
    return bound_to(user).isdisjoint(frozenset().union(*found.values()))


# --- who checks results ----------------------------------------------------------------------------------------------
def may_name_checker(user: Any, result: Result, organisation: Organisation) -> bool:
    """Name who shall verify a result independently: editors without a conflict; the named one has none either."""
    return may_review_result(user, result) and is_independent(organisation, result)


def may_review_result(user: Any, result: Result) -> bool:
    """Look after an accepted result: editors without a conflict."""
    return (
        is_editor(user)
        and result.state == ResultState.ACCEPTED
        and bound_to(user).isdisjoint(concerned.in_result(result))
    )


def is_independent(organisation: Organisation, result: Result) -> bool:
    """Whether an organisation can verify a result independently: a member of one of three kinds, with no part in it
    and no declared interest, in either direction, in one that has."""
    return (
        organisation.member_since is not None
        and organisation.kind in INDEPENDENT_KINDS
        and concerned.in_result(result).isdisjoint({organisation.pk} | concerned.tied_to(organisation))
    )


def may_check(user: Any, result: Result, level: int, organisation: Organisation | None = None) -> bool:
    """Record that a result was checked, for an organisation.

    That evidence is there: editors. As a peer: owners and contributors of another member. Independently: those of a
    member that an editor has named for this result. Nobody with a conflict.
    """
    if user is None or not user.is_authenticated or not user.is_active or result.state != ResultState.ACCEPTED:
        return False
    if not bound_to(user).isdisjoint(concerned.in_result(result)):
        return False
    if level == Verification.EVIDENCE_ATTACHED:
        return is_editor(user)
    if organisation is None or not may_report(user, organisation):
        return False
    if level == Verification.PEER_CHECKED:
        return True
    if level == Verification.INDEPENDENT:
        named = result.mandates.filter(organisation=organisation).exists()
        return named and is_independent(organisation, result)
    return False
