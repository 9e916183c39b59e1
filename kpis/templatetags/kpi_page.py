"""Parts of the page of one indicator: how it stands to other sets, over the years, by field and region."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _

from kpis.aggregate_families import cell_of, family_of
from kpis.aggregates import cells_for
from kpis.crosswalk import linked
from kpis.crosswalk_models import Relation
from kpis.insight import multiples, picture, years
from kpis.insight.distribution import Distribution, distribution_of, group_values
from kpis.insight.grouping import GroupBy
from kpis.models import Kpi

register = template.Library()


@register.inclusion_tag("kpis/_kpi_crosswalk.html")
def kpi_crosswalk(kpi: Kpi) -> dict[str, Any]:
    """The links of an indicator, read from its end, and what it says together with those that are the same. One query;
    some more where there are such."""
    links = linked(kpi)
    is_alone = not any(one.relation == Relation.EXACT for one in links)
    return {"links": links, "together": None if is_alone else cell_of(family_of(kpi))}


@register.filter
def told(value: float | None, found: Distribution) -> str:
    """A number of a distribution in words."""
    return found.tell(value)


@register.inclusion_tag("kpis/_kpi_years.html")
def kpi_years(kpi: Kpi) -> dict[str, Any]:
    """The changes over the years, when two years at least are known. At most three queries."""
    found = distribution_of(kpi, GroupBy.YEAR)
    drawing = years.draw(found)
    return {"drawing": picture.on_page(drawing, name="years"), **_shown(found)} if drawing else {}


@register.inclusion_tag("kpis/_kpi_groups.html")
def kpi_by_field_and_region(kpi: Kpi) -> dict[str, Any]:
    """What all published results say together, by field and by region: the cells that the worker keeps, and a small
    picture of each region. At most eight queries."""
    cells = [cell for cell in cells_for(kpi) if not cell.design]
    whole = next((cell for cell in cells if not cell.vertical_id and not cell.region_id), None)
    found, panels = multiples.by_region(kpi) if whole is not None and whole.n else (None, [])
    return {
        "kpi": kpi,
        "whole": whole,
        "tables": [
            (_("Field"), [(cell.vertical, cell) for cell in cells if cell.vertical_id and not cell.region_id]),
            (_("Region"), [(cell.region, cell) for cell in cells if cell.region_id and not cell.vertical_id]),
        ],
        "panels": panels,
        **(_shown(found) if found else {}),
    }


def _shown(found: Distribution) -> dict[str, Any]:
    query = f"group_by={found.group_by}"
    return {
        "found": found,
        "rows": [(group, group_values(group)) for group in found.groups],
        "how_url": f"{reverse('kpis:explore')}?kpi={found.kpi.slug}&{query}#how",
        "api_url": f"{reverse('api:kpi-distribution', args=[found.kpi.slug])}?{query}",
    }
