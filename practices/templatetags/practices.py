"""Practices on pages of what they rest on, and the drawings that only they need."""

from typing import Any

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from alliance.core.charts import Point, Scale
from alliance.core.templatetags.charts import CLASS_OF_EFFECT, at, image, line
from kpis.findings import finding
from kpis.models import Kpi, Result
from practices import pages, ranking_words
from practices.models import Practice
from standards.models import Standard
from usecases.models import City, UseCase

register = template.Library()

MOST_LISTED = 12
FUNNEL_HEIGHT = 200


def _listed(practices: Any) -> list[pages.Row]:
    """Surest first. Two queries."""
    rows = pages.rows_of(practices.select_related("primary_kpi", "vertical").distinct().order_by("name", "pk"))
    return sorted(rows, key=lambda row: (row.pooled is None, -row.grade, -row.measured_cities, row.practice.name))


@register.inclusion_tag("practices/_listed.html")
def practices_of_use_case(use_case: UseCase) -> dict[str, Any]:
    """The practices that a use case carries out."""
    rows = _listed(Practice.objects.public().filter(implementations__use_case=use_case))
    return {"rows": rows, "title": _("Part of these practices")}


@register.inclusion_tag("practices/_listed.html")
def practices_of_kpi(kpi: Kpi) -> dict[str, Any]:
    """The practices that are judged by an indicator."""
    return {"rows": _listed(Practice.objects.public().filter(primary_kpi=kpi)), "title": _("Practices judged by it")}


@register.inclusion_tag("practices/_listed.html")
def practices_of_standard(standard: Standard) -> dict[str, Any]:
    """The practices whose use cases name a standard."""
    rows = Practice.objects.public().filter(
        implementations__use_case__status="published", implementations__use_case__standard_uses__standard=standard
    )
    return {"rows": _listed(rows)[:MOST_LISTED], "title": _("Practices whose cases name it")}


@register.inclusion_tag("practices/_listed.html")
def practices_of_city(city: City) -> dict[str, Any]:
    """The practices that a city carries out."""
    rows = Practice.objects.public().filter(
        implementations__use_case__status="published", implementations__use_case__city=city
    )
    return {"rows": _listed(rows)[:MOST_LISTED], "title": _("Practices that it carries out")}


@register.inclusion_tag("practices/_home.html")
def practices_for_home() -> dict[str, Any]:
    """The practices one can be surest of, and those with the newest results."""
    rows = _listed(Practice.objects.public())
    return {
        "surest": [row for row in rows if row.pooled][:4],
        "newest": pages.newest_evidence([row.practice.pk for row in rows if row.measured_cities]),
        "total": len(rows),
    }


@register.filter
def found(result: Result) -> str:
    """What a result found, as plain text."""
    return finding(result).text


@register.filter
def score_reason(line: dict[str, Any]) -> str:
    """What the points of a line of a score come from."""
    return ranking_words.reason(line)


@register.filter
def criterion(name: str) -> str:
    """The name of a criterion of a score."""
    return ranking_words.criterion(name)


@register.simple_tag
def forest_cell(point: Point, scale: Scale, is_mean: bool = False) -> SafeString:
    """A row of a forest plot: interval and dot, or the diamond of the mean. Its numbers stand beside it."""
    ground = "".join(line("zero" if tick == 0 else "axis", x, x, "0", "103%") for tick, x in _ticks(scale))
    css = CLASS_OF_EFFECT[point.effect]
    x = scale.position(point.change_percent or 0)
    low, high = point.interval or (point.change_percent or 0, point.change_percent or 0)
    style = f"ci {css} imputed" if point.imputed and not is_mean else f"ci {css}"
    bar = line(style, scale.position(low), scale.position(high), "50%", "50%")
    mark = (
        f'<path class="diamond {css}" d="M0-10L11 0L0 10L-11 0Z"/>'
        if is_mean
        else f'<use class="{css}" href="#g{point.grade}"/>'
    )
    return image(f'{ground}{bar}<svg x="{at(x)}" y="50%">{mark}</svg>', height=52, name="", decorative=True)


def _ticks(scale: Scale) -> list[tuple[float, float]]:
    return [(tick, scale.position(tick)) for tick in scale.ticks]


@register.simple_tag
def funnel(rows: list[tuple[float, float, int]], mean: float) -> SafeString:
    """Effects (log ratios) across, standard errors down: without missing results, they lie evenly around the mean."""
    widest = max(error for _estimate, error, _grade in rows)
    reach = max(max(abs(estimate - mean) for estimate, _error, _grade in rows), 1.96 * widest)

    def across(value: float) -> float:
        return 50 + 46 * (value - mean) / reach

    body = line("zero", 50, 50, "0", str(FUNNEL_HEIGHT))
    for side in (-1, 1):
        body += line("axis", 50, across(mean + side * 1.96 * widest), "4", str(FUNNEL_HEIGHT - 10))
    for estimate, error, grade in rows:
        css = "b" if estimate > 0 else "w"
        y = 4 + (FUNNEL_HEIGHT - 14) * error / widest
        body += f'<svg x="{at(across(estimate))}" y="{y:.0f}"><use class="{css}" href="#g{grade}"/></svg>'
    name = _("Results around their mean, the most exact on top.")
    return image(body, height=FUNNEL_HEIGHT, name=name)
