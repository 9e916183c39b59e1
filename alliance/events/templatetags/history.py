"""The way from a record to its history."""

from typing import Any

from django import template
from django.db.models import Model
from django.template import Context

register = template.Library()


@register.inclusion_tag("events/_history_link.html", takes_context=True)
def history_link(context: Context, record: Model) -> dict[str, Any]:
    """A link to the history of a record; nothing for those who may not see it."""
    user = context.get("user")
    is_editor = bool(user and user.is_active and user.is_staff)
    return {"model": record._meta.model_name if is_editor else "", "pk": record.pk}
