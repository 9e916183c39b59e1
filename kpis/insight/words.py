"""What the pictures say, in one plain sentence each."""

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alliance.core.templatetags.numbers import number, signed_percent
from kpis.insight.distribution import RULE, Distribution
from kpis.models import Direction


def sentence(found: Distribution) -> str:
    """All results together: how many from where, the middle one, how sure that is, and which way they went."""
    whole = found.whole
    if not len(whole):
        return _("No result with a known change is published for this indicator.")
    values = {
        "results": ngettext("%(n)s result", "%(n)s results", len(whole)) % {"n": number(len(whole))},
        "cities": ngettext("%(n)s city", "%(n)s cities", whole.cities) % {"n": number(whole.cities)},
    }
    summary = whole.summary
    if summary is None:
        return (
            _("Only %(results)s from %(cities)s: too few to say what is usual, so only the points are shown.") % values
        )
    values["median"] = signed_percent(summary.median)
    parts = [_("In %(results)s from %(cities)s the middle change is %(median)s.") % values]
    if summary.median_interval:
        parts.append(
            _("With at least 95%% confidence the middle of all such changes lies between %(low)s and %(high)s.")
            % {
                "low": signed_percent(summary.median_interval.low),
                "high": signed_percent(summary.median_interval.high),
            }
        )
    else:
        parts.append(_("Fewer than six results give no interval of 95%: the next one may move it far."))
    if found.kpi.direction == Direction.NONE:
        parts.append(_("Neither way is better by this indicator, so nothing is called an improvement."))
    else:
        parts.append(
            _("For the better: %(better)s, for the worse: %(worse)s, no change: %(unchanged)s.")
            % {
                "better": number(whole.better),
                "worse": number(whole.worse),
                "unchanged": number(whole.unchanged),
            }
        )
    return " ".join(parts)


def note(found: Distribution) -> str:
    """The line below a picture that is taken elsewhere."""
    as_of = date_format(found.as_of, "Y-m-d") if found.as_of else ""
    values = {"n": number(len(found)), "as_of": as_of, "rule": RULE, "origin": settings.PORTAL_ORIGIN}
    return _("n = %(n)s, as of %(as_of)s, rule %(rule)s, %(origin)s") % values
