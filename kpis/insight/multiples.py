"""Small multiples: the changes of an indicator region by region, each region in a panel of its own, over one scale."""

from dataclasses import dataclass

from django.utils.safestring import SafeString

from kpis.insight import picture
from kpis.insight.distribution import Distribution, Group, distribution_of
from kpis.insight.grouping import GroupBy
from kpis.models import Kpi
from usecases.models import Region

#: Pixels of the narrowest panel: the words of its axis must not touch. As in `static/css/insight.css`.
PANEL_WIDTH = 224


@dataclass(frozen=True)
class Panel:
    """One region. Without a result that has a known change there is no drawing."""

    region: Region
    group: Group | None
    drawing: SafeString | None


def by_region(kpi: Kpi) -> tuple[Distribution, list[Panel]]:
    """The numbers of all regions, and a panel for every region that there is. At most seven queries."""
    found = distribution_of(kpi, GroupBy.REGION)
    groups = {group.value: group for group in found.groups}
    return found, [_panel(region, groups.get(region.slug), found) for region in Region.objects.all()]


def _panel(region: Region, group: Group | None, found: Distribution) -> Panel:
    drawing = picture.draw_group(group, found, width=PANEL_WIDTH) if group else None
    shown = picture.on_page(drawing, f"region-{region.slug}") if drawing else None
    return Panel(region, group, shown)
