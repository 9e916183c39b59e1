"""Promises on the pages of what they are about."""

from typing import Any

from django import template

from reporting.models import Registration
from reporting.promising import kept

register = template.Library()


@register.inclusion_tag("reporting/promises/_of_use_case.html")
def promises_of(use_case: Any) -> dict[str, Any]:
    """What the results of a use case were promised to be."""
    found = Registration.objects.filter(use_case=use_case, sealed_at__isnull=False).select_related("kpi", "result__kpi")
    return {"promises": [(one, kept(one)) for one in found]}
