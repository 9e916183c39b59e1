"""What pages of any floor say about members."""

from typing import Any

from django import template
from django.template import Context

from alliance.core.countries import country_name
from alliance.members import policies
from alliance.members.models import Organisation

register = template.Library()


@register.filter
def country(code: str) -> str:
    """The name of a country in the reader's language."""
    return country_name(code)


@register.inclusion_tag("members/join/_own_link.html", takes_context=True)
def own_organisation_link(context: Context, organisation: Organisation) -> dict[str, Any]:
    """The way to the members' side, for who may see it; to others nothing."""
    user = context.get("user")
    is_shown = bool(user and user.is_authenticated and policies.may_read(user, organisation))
    return {"organisation": organisation, "is_shown": is_shown}
