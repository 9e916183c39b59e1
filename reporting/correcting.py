"""From a public record back to entries: a correction begins with what is told now."""

from decimal import Decimal
from typing import Any

from alliance.core.fields import decimal_text
from alliance.members.models import Organisation
from kpis.models import Result
from usecases.models import UseCase


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
