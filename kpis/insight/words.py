"""What the pictures say, in one plain sentence each."""

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alliance.core.templatetags.numbers import number
from kpis.insight.distribution import Distribution


def sentence(found: Distribution) -> str:
    """All chosen results together: how many from where, the middle one, how sure that is, and which way they went."""
    whole = found.whole
    if not whole.results:
        if found.chosen.parameters:
            return _("No published result matches all that you chose.")
        return _("No result is published for this indicator.")
    if not whole.n:
        return _("None of the published results has a known change.") if found.is_change else _("No value is known.")
    values = {
        "results": ngettext("%(n)s result", "%(n)s results", whole.n) % {"n": number(whole.n)},
        "cities": ngettext("%(n)s city", "%(n)s cities", whole.cities) % {"n": number(whole.cities)},
    }
    numbers = whole.numbers
    if not whole.is_summarised:
        return (
            _("Only %(results)s from %(cities)s: too few to say what is usual, so only the points are shown.") % values
        )
    values["median"] = found.tell(numbers["median"])
    if not found.is_change:
        parts = [_("In %(results)s from %(cities)s the middle value afterwards is %(median)s.") % values]
    elif found.is_directed:
        parts = [_("In %(results)s from %(cities)s the middle change is %(median)s; better is positive.") % values]
    else:
        parts = [_("In %(results)s from %(cities)s the middle change is %(median)s.") % values]
    if whole.has_interval:
        ends = {"low": found.tell(numbers["median_low"]), "high": found.tell(numbers["median_high"])}
        if found.is_change:
            parts.append(
                _("With at least 95%% confidence the middle of all such changes lies between %(low)s and %(high)s.")
                % ends
            )
        else:
            parts.append(
                _("With at least 95%% confidence the middle of all such values lies between %(low)s and %(high)s.")
                % ends
            )
    else:
        parts.append(_("Fewer than six results give no interval of 95%: the next one may move it far."))
    if found.is_directed:
        parts.append(
            _("For the better: %(better)s, for the worse: %(worse)s, no change: %(unchanged)s.")
            % {
                "better": number(numbers["improved"]),
                "worse": number(numbers["worsened"]),
                "unchanged": number(numbers["unchanged"]),
            }
        )
    elif found.is_change:
        parts.append(_("Neither way is better by this indicator, so nothing is called an improvement."))
    return " ".join(parts)


def note(found: Distribution) -> str:
    """The line below a picture that is taken elsewhere."""
    as_of = date_format(found.as_of, "Y-m-d") if found.as_of else ""
    values = {"n": number(len(found)), "as_of": as_of, "rule": found.rule, "origin": settings.PORTAL_ORIGIN}
    return _("n = %(n)s, as of %(as_of)s, rule %(rule)s, %(origin)s") % values
