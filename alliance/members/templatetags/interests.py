"""Declared interests, beside what people and organisations submit, review and check."""

from typing import Any

from django import template
from django.db.models import Q

from alliance.members import policies
from alliance.members.models import Interest, Organisation, User

register = template.Library()


def _declared(of: Q) -> list[Interest]:
    return list(Interest.objects.current().filter(of).select_related("about", "organisation", "user"))


@register.inclusion_tag("members/interests/_of.html")
def interests_of(user: User | None = None, organisation: Organisation | None = None) -> dict[str, object]:
    """What a person and an organisation have declared now; says so when neither has declared anything.

    Args: either may be None; with both None nothing is shown.
    """
    of = Q(pk=None)
    if user is not None and user.pk:
        of |= Q(user=user)
    if organisation is not None:
        of |= Q(organisation=organisation)
    is_asked = bool(organisation is not None or (user is not None and user.pk))
    return {"interests": _declared(of) if is_asked else [], "is_asked": is_asked}


@register.inclusion_tag("members/interests/_of_organisation.html", takes_context=True)
def organisation_interests(context: Any, organisation: Organisation) -> dict[str, object]:
    """What an organisation has declared, and what others have declared about it; with the way to the page where it
    declares, for those who manage it."""
    user = context.get("user")
    return {
        "organisation": organisation,
        "own": _declared(Q(organisation=organisation)),
        "about_it": _declared(Q(about=organisation, organisation__isnull=False)),
        "may_manage": bool(user and user.is_authenticated and policies.may_manage(user, organisation)),
    }
