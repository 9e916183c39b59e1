"""What pages show of results: the headline of each card, charts, tables, and how sure one can be.

Tags that look up ask a fixed number of queries for a whole page. Who looks is taken from the request: visitors see
what is public.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.db.models import Count, QuerySet, Sum
from django.template import Context
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alliance.core.filters import PortalFilterSet
from alliance.core.templatetags.numbers import number
from alliance.events.reading import sees_all
from kpis import case_results, summaries
from kpis.findings import finding
from kpis.models import Direction, Kpi, Result
from usecases.models import UseCase, UseCaseDocument

register = template.Library()


def _user(context: Context) -> Any:
    return getattr(context.get("request"), "user", None)


@register.filter(name="finding")
def finding_html(result: Result) -> SafeString:
    """The result as a headline, the number in `<strong>`: "43% less time searching for parking"."""
    return finding(result).html


@register.filter
def of(found: Mapping[int, Any], row: Any) -> Any:
    """What a mapping by primary key holds for a row; None without an entry."""
    return found.get(row.pk)


@register.simple_tag(takes_context=True)
def headline_results(context: Context, use_cases: Iterable[UseCase]) -> case_results.Headlines:
    """The surest result of each case on a page, in one query, and one `scale` for all of them.

    ``{% headline_results page_obj.object_list as headlines %}``, then ``{{ headlines|of:use_case }}`` gives `result`,
    `finding` and `count`, or nothing.
    """
    return case_results.headlines(use_cases, _user(context))


@register.simple_tag(takes_context=True)
def use_case_results(context: Context, use_case: UseCase) -> case_results.CaseResults:
    """All results of one case, the surest first: see `CaseResults`. One query."""
    return case_results.case_results(use_case, _user(context))


@register.simple_tag(takes_context=True)
def indicators_in_common(context: Context, use_case: UseCase, others: Iterable[UseCase]) -> dict[int, list[Kpi]]:
    """By primary key of the other case: the indicators that both measure. One query."""
    return case_results.indicators_in_common(use_case, others, _user(context))


@register.simple_tag(takes_context=True)
def compared_results(context: Context, use_cases: list[UseCase]) -> case_results.Comparison:
    """The results of several cases, indicator by indicator. One query."""
    return case_results.compare_results(use_cases, _user(context))


@register.simple_tag(takes_context=True)
def found_words(context: Context, chosen: PortalFilterSet, total: int, everything: int) -> str:
    """ "15 of 90 use cases match, with 25 results from 14 cities". At most two queries, mostly none: the facets were
    counted over the same rows.

    Args:
        chosen: the filters of the use cases with their results; total: how many match; everything: how many there are
            without filters.
    """
    user, results, cities = _user(context), chosen.counts.sum, chosen.counts.known["city"]
    if sees_all(user):
        matching = chosen.filtered().order_by().values("pk")
        results = Result.objects.visible_to(user).filter(use_case__in=matching).count()
    elif results is None:
        results = chosen.filtered().order_by().aggregate(n=Sum("result_count"))["n"] or 0
    # The facet counts its values without its own choice.
    if chosen.values.get("city"):
        cities = chosen.filtered().order_by().aggregate(n=Count("city", distinct=True))["n"]
    if total == everything:
        cases = ngettext("%(n)s use case", "%(n)s use cases", total) % {"n": number(total)}
    else:
        cases = ngettext(
            "%(n)s of %(everything)s use cases matches", "%(n)s of %(everything)s use cases match", total
        ) % {"n": number(total), "everything": number(everything)}
    if not total:
        return cases
    values = {
        "cases": cases,
        "results": ngettext("%(n)s result", "%(n)s results", results) % {"n": number(results)},
        "cities": ngettext("%(n)s city", "%(n)s cities", cities) % {"n": number(cities)},
    }
    if not results:
        return _("%(cases)s, from %(cities)s") % values
    # Translators: "15 of 90 use cases match, with 25 results from 14 cities".
    return _("%(cases)s, with %(results)s from %(cities)s") % values


@register.simple_tag
def places_of(use_cases: QuerySet[UseCaseDocument]) -> list[summaries.CityPlace]:
    """The cities of the use cases for the map and the list beside it, those with a result marked. Two queries."""
    return summaries.city_places(use_cases)


@register.inclusion_tag("kpis/_result_change_table.html")
def change_table(results: case_results.CaseResults) -> dict[str, Any]:
    """The results with a change as a table that is the chart, on one scale."""
    return {"results": results}


@register.inclusion_tag("kpis/_result_table.html")
def result_table(results: Iterable[Result]) -> dict[str, Any]:
    """Every result as reported: before, after, change, method, sample, year, source, note."""
    return {"results": results}


@register.inclusion_tag("kpis/_result_sureness.html")
def sureness_box(results: case_results.CaseResults) -> dict[str, Any]:
    """How sure one can be of a case, in plain words. Nothing without results."""
    return {"sureness": results.sureness, "count": len(results)}


@register.inclusion_tag("kpis/_result_comparison.html")
def comparison_picture(comparison: case_results.Comparison, cases: Any) -> dict[str, Any]:
    """The indicators that several cases measure, each on one axis, and every other result in words."""
    return {"comparison": comparison, "cases": cases}


@register.filter
def better_words(result: Result) -> str:
    """Which way is better, by the result's indicator; empty where neither is."""
    return {
        Direction.DECREASE.value: _("less is better"),
        Direction.INCREASE.value: _("more is better"),
    }.get(result.kpi.direction, "")
