"""Parts of pages about what was measured: of one indicator, of a city, of an organisation."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.db.models import Count, F
from django.template import Context

from alliance.core.charts import Point, Scale, scale_for
from alliance.members.models import Organisation
from kpis.expressions import public_results
from kpis.findings import Finding, finding
from kpis.models import Kpi, KpiSet, Result, ResultQuerySet
from kpis.standing import effect_of, known_changes
from standards.models import Standard
from usecases.models import City

register = template.Library()

#: Results in one table; the list of results has the others.
MOST_ROWS = 40


@dataclass(frozen=True)
class ResultRow:
    """One line of a table of results."""

    result: Result
    finding: Finding


@dataclass(frozen=True)
class Results:
    """Results in order of certainty, the scale they share, and how many there are in all."""

    rows: list[ResultRow]
    scale: Scale
    total: int

    @property
    def some_change_known(self) -> bool:
        return any(row.result.change_percent is not None for row in self.rows)

    @property
    def hidden(self) -> int:
        return self.total - len(self.rows)


def _user(context: Context) -> Any:
    return getattr(context.get("request"), "user", None)


def _results(rows: ResultQuerySet) -> Results:
    """Two queries when there are more than one table holds, else one."""
    # Among equally sure results the newest first, not the largest: size promises nothing.
    surest = rows.for_display().order_by("-grade", F("measured_year").desc(nulls_last=True), "pk")
    found = list(surest[: MOST_ROWS + 1])
    total = len(found) if len(found) <= MOST_ROWS else rows.count()
    shown = found[:MOST_ROWS]
    return Results(
        [ResultRow(result, finding(result)) for result in shown],
        scale_for(result.change_percent for result in shown),
        total,
    )


@register.inclusion_tag("kpis/_measured_rows.html", takes_context=True)
def city_results(context: Context, city: City) -> dict[str, Any]:
    """What the use cases of a city measured."""
    results = _results(Result.objects.visible_to(_user(context)).standing().filter(use_case__city=city))
    return {"results": results, "more_query": f"city={city.slug}"}


@register.inclusion_tag("kpis/_measured_rows.html", takes_context=True)
def organisation_results(context: Context, organisation: Organisation) -> dict[str, Any]:
    """What the use cases measured in which an organisation takes part."""
    rows = (
        Result.objects.visible_to(_user(context)).standing().filter(use_case__participations__organisation=organisation)
    )
    return {"results": _results(rows), "show_city": True}


@dataclass(frozen=True)
class Distribution:
    """Every result of one indicator with a known change."""

    points: list[Point]
    scale: Scale
    cities: int


@register.inclusion_tag("kpis/_kpi_results.html", takes_context=True)
def kpi_results(context: Context, kpi: Kpi) -> dict[str, Any]:
    """What was measured by an indicator: all changes on one scale, and a table with the surest results first."""
    rows = Result.objects.visible_to(_user(context)).standing().filter(kpi=kpi)
    points = [
        Point(float(change), effect_of(change, kpi).value, grade)
        for change, grade in known_changes(rows).values_list("change_percent", "grade")
    ]
    counts = rows.order_by().aggregate(
        cities=Count("use_case__city", distinct=True), use_cases=Count("use_case", distinct=True)
    )
    results = _results(rows)
    same_field = public_results().filter(kpi__vertical=kpi.vertical_id)
    return {
        "kpi": kpi,
        "results": results,
        "has_neighbours": not results.rows and same_field.exists(),
        "distribution": Distribution(points, scale_for(points), counts["cities"]) if points else None,
        "use_cases": counts["use_cases"],
        "cities": counts["cities"],
        "more_query": f"kpi={kpi.slug}",
    }


@register.inclusion_tag("kpis/_kpi_set_of_standard.html")
def kpi_set_of_standard(standard: Standard) -> dict[str, Any]:
    """The indicators that a standard defines, when the catalogue holds them as a set."""
    if standard.designation not in KpiSet.values:
        return {"count": 0}
    return {"kpi_set": standard.designation, "count": Kpi.objects.filter(kpi_set=standard.designation).count()}
