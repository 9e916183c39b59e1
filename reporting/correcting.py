"""Corrections of public records: reports of their own, which begin with what the record tells now."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction

from alliance.core.fields import decimal_text
from alliance.members.models import Organisation, User
from kpis.models import Result
from reporting import policies
from reporting.models import Kind, Report
from reporting.states import State
from usecases.models import UseCase

_OPEN = (State.DRAFT, State.SUBMITTED, State.CHANGES_REQUESTED)


@transaction.atomic
def start_correction(*, record: UseCase | Result, organisation: Organisation, actor: User) -> Report:
    """A draft that begins with what a public record tells; the one that is open already, when there is one.

    Raises: PermissionDenied.
    """
    if not policies.may_correct(actor, organisation, record):
        raise PermissionDenied
    reports = Report.objects.select_for_update(of=("self",)).filter(organisation=organisation, state__in=_OPEN)
    if isinstance(record, UseCase):
        UseCase.objects.select_for_update().get(pk=record.pk)  # two at once begin one
        if (begun := reports.filter(corrects_use_case=record).first()) is not None:
            return begun
        return Report.objects.create(
            kind=Kind.USE_CASE,
            organisation=organisation,
            author=actor,
            entries=entries_of_use_case(record, organisation),
            corrects_use_case=record,
        )
    Result.objects.select_for_update().get(pk=record.pk)
    if (begun := reports.filter(corrects_result=record).first()) is not None:
        return begun
    return Report.objects.create(
        kind=Kind.RESULT,
        organisation=organisation,
        author=actor,
        entries=entries_of_result(record),
        about=record.use_case,
        corrects_result=record,
    )


def _text(value: Any) -> str:
    """As a member would type it; empty for nothing."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return decimal_text(value)
    return str(value)


def entries_of_use_case(use_case: UseCase, organisation: Organisation) -> dict[str, Any]:
    """The entries from which the use case would be published as it is; `organisation` is who corrects it."""
    participations = list(use_case.participations.select_related("organisation"))
    own = next((one for one in participations if one.organisation_id == organisation.pk), None)
    plain = (
        *("title", "stage", "started_year", "ended_year", "problem", "solution", "source"),
        *("city_from_outset", "alliance_from_outset", "covid_relevance", "cost_amount", "cost_currency"),
    )
    entries: dict[str, Any] = {
        **{name: _text(getattr(use_case, name)) for name in plain},
        "vertical": use_case.vertical.code,
        "city": f"{use_case.city.name}, {use_case.city.country.code}",
        "technologies": "; ".join(one.name for one in use_case.technologies.all()),
        "role": own.role if own else "",
        "standards": [
            {
                "standard": one.edition.designation if one.edition else one.standard.designation,
                "state": one.state,
                "problems_met": one.problems_met,
            }
            for one in use_case.standard_uses.select_related("standard", "edition")
        ],
        "organisations": [
            {"organisation": one.organisation.name, "role": one.role} for one in participations if one is not own
        ],
        "lessons": [
            {name: getattr(one, name) for name in ("advice", "context", "cause", "effect", "confidence")}
            for one in use_case.lessons.all()
        ],
    }
    return {name: value for name, value in entries.items() if value}


def entries_of_result(result: Result) -> dict[str, Any]:
    """The entries from which the result would be published as it is."""
    plain = (
        *("baseline_value", "baseline_on", "result_value", "result_on", "unit", "relative_change_percent"),
        *("comparison", "sample_n", "spread", "spread_kind", "spread_unknown", "data_quality", "source"),
        *("side_effects", "side_effects_note", "cost_amount", "cost_currency", "outcome", "note"),
    )
    entries = {
        **{name: _text(getattr(result, name)) for name in plain},
        "use_case": result.use_case.slug,
        "kpi": result.kpi.code,
    }
    if not entries["result_on"] and result.measured_year:
        entries["result_on"] = str(result.measured_year)
    return {name: value for name, value in entries.items() if value}
