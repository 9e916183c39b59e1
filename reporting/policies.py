"""Who may do what with reports. Every view, service and API asks here; what is not named is refused."""

from alliance.members.models import Organisation, Role, User
from reporting.models import Report

_WRITERS = (Role.OWNER, Role.CONTRIBUTOR)


def may_report(user: User, organisation: Organisation) -> bool:
    """Owners and contributors report for their organisation, once it is a member."""
    return organisation.member_since is not None and Organisation.objects.of(user, *_WRITERS).contains(organisation)


def may_see(user: User, report: Report) -> bool:
    """See `ReportQuerySet.visible_to`."""
    return Report.objects.visible_to(user).contains(report)


def may_edit(user: User, report: Report) -> bool:
    """Owners and contributors of the organisation whose report it is."""
    return may_report(user, report.organisation)
