"""What people are told about reports, and where the pages are that it is about."""

from collections.abc import Mapping

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from alliance.members import notices
from alliance.members.models import Membership, Role, User
from reporting.models import Report
from reporting.titles import title_of

REPORTS_ASSIGNED = "reports-assigned"
REPORT_RESUBMITTED = "report-resubmitted"
CHANGES_REQUESTED = "report-changes-requested"
ACCEPTED = "report-accepted"
REJECTED = "report-rejected"
RETRACTED = "report-retracted"
COMMENTED = "report-commented"
ANSWERED = "report-answered"
RESULT_CHECKED = "result-checked"
MANDATE = "result-mandate"

for _kind, _sentence in {
    REPORTS_ASSIGNED: _("Reports that were given to you for review: %(n)s"),
    REPORT_RESUBMITTED: _("“%(title)s” was mended and sent again."),
    CHANGES_REQUESTED: _("An editor asks for changes in “%(title)s”."),
    ACCEPTED: _("“%(title)s” was accepted and is public now. Thank you."),
    REJECTED: _("“%(title)s” was not accepted: %(reason)s"),
    RETRACTED: _("“%(title)s” is no longer public: %(reason)s"),
    COMMENTED: _("An editor commented on “%(title)s”."),
    ANSWERED: _("There is an answer about “%(title)s”."),
    RESULT_CHECKED: _("“%(title)s” was checked by %(organisation)s."),
    MANDATE: _("%(organisation)s is asked to verify “%(title)s”."),
}.items():
    notices.register(_kind, _sentence)


def address(name: str, *args: str) -> str:
    """The path of a page in the portal's own language."""
    with translation.override(settings.LANGUAGE_CODE):
        return reverse(name, args=args)


def review_path(report: Report | None = None) -> str:
    """The page on which editors review a report; without one, their queue."""
    return address("review:report", report.key) if report else address("review:queue")


def _title(report: Report) -> str:
    """In the language of the records: each reader's own language words the sentence around it."""
    with translation.override(settings.LANGUAGE_CODE):
        return title_of(report)


def tell_members(report: Report, *, kind: str, reference: str, values: Mapping[str, str] | None = None) -> None:
    """Tell those who may write the report, but not readers."""
    writers = Membership.objects.current(None, Role.OWNER, Role.CONTRIBUTOR).filter(organisation=report.organisation_id)
    notices.tell(
        writers.values_list("user", flat=True),
        kind=kind,
        reference=f"{report.key}-{reference}",
        path=address("reporting:report", report.key),
        values={"title": _title(report), **(values or {})},
    )


def tell_editor(
    report: Report,
    *,
    kind: str,
    reference: str,
    besides: User | None = None,
    values: Mapping[str, str | int] | None = None,
) -> None:
    """Tell the editor who has the report."""
    if report.assigned_to_id is not None and (besides is None or report.assigned_to_id != besides.pk):
        notices.tell(
            [report.assigned_to_id],
            kind=kind,
            reference=f"{report.key}-{reference}",
            path=review_path(report),
            values={"title": _title(report), **(values or {})},
        )
