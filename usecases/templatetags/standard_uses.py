"""What use cases tell about a standard: who names it, and who works in the same field."""

from typing import Any

from django import template
from django.db.models import Count
from django.template import Context

from standards.models import Standard
from usecases.models import StandardUse, UseCase

register = template.Library()

#: A standard for more fields than this has no cases "in the same field".
MOST_FIELDS = 4
MOST_CASES = 5


def _user(context: Context) -> Any:
    return getattr(context.get("request"), "user", None)


@register.simple_tag(takes_context=True)
def use_counts(context: Context, standards: list[Standard]) -> dict[int, int]:
    """How many use cases, that the reader may see, name each standard. One query."""
    rows = (
        StandardUse.objects.filter(
            standard__in=[standard.pk for standard in standards],
            use_case__in=UseCase.objects.visible_to(_user(context)),
        )
        .order_by()
        .values_list("standard_id")
        .annotate(n=Count("use_case", distinct=True))
    )
    return dict(rows)


@register.filter
def uses_of(counts: dict[int, int], record: Any) -> int:
    """The count of one record among `use_counts`."""
    return counts.get(record.pk, 0)


@register.inclusion_tag("usecases/_standard_uses.html", takes_context=True)
def standard_uses(context: Context, standard: Standard) -> dict[str, Any]:
    """The use cases that name a standard, with the edition, the state of its use and the problems met. One query."""
    uses = (
        StandardUse.objects.filter(standard=standard, use_case__in=UseCase.objects.visible_to(_user(context)))
        .select_related("edition", "use_case__vertical", "use_case__city__country__region")
        .order_by("use_case__title", "pk")
    )
    found = list(uses)
    return {
        "request": context.get("request"),
        "standard": standard,
        "uses": found,
        "cases": [use.use_case for use in found],
    }


@register.inclusion_tag("usecases/_same_field_cases.html", takes_context=True)
def same_field_cases(context: Context, standard: Standard) -> dict[str, Any]:
    """Use cases of the standard's fields that do not name it, the newest first; none for a standard of every field."""
    if not 1 <= len(standard.verticals) <= MOST_FIELDS:
        return {"use_cases": []}
    rows = (
        UseCase.objects.visible_to(_user(context))
        .filter(vertical__code__in=standard.verticals)
        .exclude(standard_uses__standard=standard)
    )
    use_cases = list(rows.for_cards().order_by("-published_at", "title", "pk")[:MOST_CASES])
    return {
        "request": context.get("request"),
        "use_cases": use_cases,
        "total": rows.count() if len(use_cases) == MOST_CASES else len(use_cases),
        "query": "&".join(f"vertical={code}" for code in standard.verticals),
    }
