"""Parts of the page of one indicator: how it stands to other sets, over the years, by field and region."""

from typing import Any

from django import template
from django.template import Context
from django.urls import reverse
from django.utils.translation import gettext as _

from kpis.aggregate_models import EXACT, AggregateInput
from kpis.aggregates import cells_for
from kpis.crosswalk import exact_family, linked
from kpis.crosswalk_models import Relation
from kpis.insight import picture
from kpis.insight.distribution import Distribution, GroupBy, distribution_of, group_values
from kpis.models import Kpi

register = template.Library()


@register.inclusion_tag("kpis/_kpi_crosswalk.html")
def kpi_crosswalk(kpi: Kpi) -> dict[str, Any]:
    """The links of an indicator, read from its end. One query; three more where others are the same."""
    links = linked(kpi)
    is_same = any(one.relation == Relation.EXACT for one in links)
    together = is_same and AggregateInput.objects.filter(kpi__in=exact_family(kpi)).exists()
    address = f"{reverse('kpis:computed', args=[kpi.slug])}?family={EXACT}"
    return {"links": links, "together_url": address if together else ""}


@register.inclusion_tag("kpis/_kpi_years.html", takes_context=True)
def kpi_years(context: Context, kpi: Kpi) -> dict[str, Any]:
    """The changes by the year of the result, when there are two years at least. Two queries."""
    found = _grouped(context, kpi, GroupBy.YEAR)
    if len(found.groups) < 2:
        return {}
    drawing = picture.draw(found)
    return {"drawing": picture.on_page(drawing) if drawing else "", **_shown(found)}


@register.inclusion_tag("kpis/_kpi_groups.html")
def kpi_by_field_and_region(kpi: Kpi) -> dict[str, Any]:
    """What all published results say together, by field and by region: the cells that the worker keeps. One query."""
    cells = [cell for cell in cells_for(kpi) if not cell.design]
    return {
        "kpi": kpi,
        "whole": next((cell for cell in cells if not cell.vertical_id and not cell.region_id), None),
        "tables": [
            (_("Field"), [(cell.vertical, cell) for cell in cells if cell.vertical_id and not cell.region_id]),
            (_("Region"), [(cell.region, cell) for cell in cells if cell.region_id and not cell.vertical_id]),
        ],
    }


def _grouped(context: Context, kpi: Kpi, group_by: GroupBy) -> Distribution:
    return distribution_of(kpi, group_by, getattr(context.get("request"), "user", None))


def _shown(found: Distribution) -> dict[str, Any]:
    query = f"group_by={found.group_by}"
    return {
        "found": found,
        "rows": [(group, group_values(group)) for group in found.groups],
        "how_url": f"{reverse('kpis:explore')}?kpi={found.kpi.slug}&{query}#how",
        "api_url": f"{reverse('api:kpi-distribution', args=[found.kpi.slug])}?{query}",
    }
