"""Parts of the workspace's pages."""

import json
from typing import Any

from django import template
from django.conf import settings
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from alliance.core.templatetags.charts import distribution
from alliance.core.templatetags.numbers import as_decimal, number, percent, signed_percent
from alliance.members import notices
from alliance.members.models import Notification
from kpis.standing import Standing
from reporting import forms

register = template.Library()

NEWEST = 5

register.filter("element_id", forms.element_id)
register.filter("as_json", json.dumps)


@register.filter
def percent_text(value: Any) -> str:
    """A share of 0 to 100 as "12%"."""
    known = as_decimal(value)
    return "" if known is None else percent(known)


@register.filter
def threads_at(threads: Any, name: str) -> Any:
    """The open threads about a field."""
    return threads.get(name, ()) if threads else ()


@register.simple_tag
def standing_chart(standing: Standing) -> SafeString:
    """Every published change as a dot, the member's own above them."""
    return distribution(standing.others.points, standing.scale, name=_chart_name(standing), you=standing.change)


def _chart_name(standing: Standing) -> str:
    values = standing.others.values
    words = ngettext("%(n)s published result: %(low)s", "%(n)s published results, %(low)s to %(high)s", len(values)) % {
        "n": number(len(values)),
        "low": signed_percent(values[0]),
        "high": signed_percent(values[-1]),
    }
    if standing.change is None:
        return words
    return _("Yours, %(change)s; %(others)s") % {"change": signed_percent(standing.change), "others": words}


@register.simple_tag
def standing_words(standing: Standing) -> str:
    """The chart in sentences: how many lie lower and higher, and the middle one."""
    others = standing.others
    cities = ngettext("%(n)s city", "%(n)s cities", others.cities) % {"n": number(others.cities)}
    results = ngettext("%(n)s published result", "%(n)s published results", len(others)) % {"n": number(len(others))}
    parts = []
    if standing.change is None:
        parts.append(_("Without a value before and after, yours has no place among them."))
    else:
        parts.append(
            _("Yours is %(change)s. Of %(results)s from %(cities)s, %(less)s lie lower and %(more)s higher.")
            % {
                "change": signed_percent(standing.change),
                "results": results,
                "cities": cities,
                "less": number(standing.less),
                "more": number(standing.more),
            }
        )
    if len(others) > 1:
        parts.append(_("The one in the middle is %(median)s.") % {"median": signed_percent(others.median)})
    if others.cities < 3:
        parts.append(_("Fewer than three cities: not enough for a finding."))
    return " ".join(parts)


@register.inclusion_tag("reporting/_notices.html")
def notices_for(user: Any) -> dict[str, Any]:
    """The newest of what a person was told."""
    language = get_language() or settings.LANGUAGE_CODE
    newest = Notification.objects.filter(user=user)[:NEWEST]
    items = [(one, notices.sentence_of(one), notices.path_of(one, language)) for one in newest]
    return {"items": items, "unread": sum(one.read_at is None for one, _sentence, _path in items)}
