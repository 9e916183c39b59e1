"""Reports and what was found about them, as programs read them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.urls import reverse
from rest_framework.request import Request

from reporting.findings import Checked, Finding
from reporting.models import Report


def report_document(report: Report, request: Request) -> dict[str, Any]:
    """The JSON of a report (`reporting.api_bodies.ReportSerializer`)."""
    return {
        "key": report.key,
        "kind": report.kind,
        "state": report.state,
        "organisation": report.organisation.slug,
        "url": request.build_absolute_uri(report.get_absolute_url()),
        "api_url": request.build_absolute_uri(reverse("api:report-detail", args=[report.key])),
        "entries": report.entries,
        "answers": report.answers,
        "use_case": report.use_case.slug if report.use_case else None,
        "result": report.result.slug if report.result else None,
        "created_at": _time(report.created_at),
        "updated_at": _time(report.updated_at),
        "submitted_at": _time(report.submitted_at),
        "version": report.version,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def findings(checked: Checked, answers: Mapping[str, str], place: str = "#") -> dict[str, list[dict[str, Any]]]:
    """Errors and warnings, each with the place in the body that it is about."""
    return {
        "errors": [_told(one, place) for one in checked.errors],
        "warnings": [
            {**_told(one, place), "answer_as": one.key, "answered": bool(answers.get(one.key, "").strip())}
            for one in checked.warnings
        ],
    }


def _told(one: Finding, place: str) -> dict[str, Any]:
    pointer = f"{place}/{one.field.replace('~', '~0').replace('/', '~1').replace('.', '/')}" if one.field else place
    return {"pointer": pointer, "field": one.field, "code": one.code, "detail": str(one.message)}
