"""Spans of time as the page of operations tells them."""

from datetime import timedelta

from django import template
from django.utils.translation import ngettext

from alliance.core.templatetags.numbers import number

register = template.Library()

#: Seconds of a unit. A span is told in the largest unit of which it has two or more.
_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60


@register.filter
def duration(span: float | timedelta | None) -> str:
    """Say "45 seconds", "3 minutes", "2 hours" or "4 days", rounded down.

    Args: span: numbers are seconds; None gives an empty text.
    """
    if span is None:
        return ""
    seconds = int(span.total_seconds() if isinstance(span, timedelta) else span)
    if seconds >= 2 * _DAY:
        count = seconds // _DAY
        words = ngettext("%(n)s day", "%(n)s days", count)
    elif seconds >= 2 * _HOUR:
        count = seconds // _HOUR
        words = ngettext("%(n)s hour", "%(n)s hours", count)
    elif seconds >= 2 * _MINUTE:
        count = seconds // _MINUTE
        words = ngettext("%(n)s minute", "%(n)s minutes", count)
    else:
        count = max(0, seconds)
        words = ngettext("%(n)s second", "%(n)s seconds", count)
    return words % {"n": number(count)}
