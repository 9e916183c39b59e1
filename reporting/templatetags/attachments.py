"""Files of a report, on the page of the report and beside the record that came of it."""

from typing import Any

from django import template
from django.db.models import Q

from reporting.attaching import MOST_BYTES
from reporting.models import Attachment, Report
from reporting.states import EDITABLE, State

register = template.Library()


@register.inclusion_tag("reporting/_attachments.html", takes_context=True)
def report_files(context: dict[str, Any], report: Report) -> dict[str, Any]:
    """The files of a report; with a form to give more while the report can be changed."""
    return {
        "report": report,
        "files": report.attachments.all(),
        "may_change": report.state in EDITABLE and Report.objects.editable_by(context["user"]).contains(report),
        "most_megabytes": MOST_BYTES // 2**20,
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("reporting/_public_files.html")
def evidence_files(*, use_case: Any = None, result: Any = None) -> dict[str, Any]:
    """Files behind a public record."""
    of = Q(report__use_case=use_case) if use_case is not None else Q(report__result=result)
    return {"files": Attachment.objects.filter(of, report__state=State.ACCEPTED).order_by("pk")}
