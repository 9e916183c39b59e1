"""What the links between indicators say: what an indicator is linked to, and which are the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from django.db.models import Q

from kpis.crosswalk_models import INVERSE, KpiLink, Relation
from kpis.crosswalk_rules import Link, families
from kpis.models import Kpi


@dataclass(frozen=True)
class Linked:
    """A link as one of its two indicators reads it: that one is `relation` `kpi`."""

    kpi: Kpi
    relation: Relation
    link: KpiLink


def linked(kpi: Kpi) -> list[Linked]:
    """All links of an indicator, the strongest relation first. One query."""
    links = KpiLink.objects.filter(Q(kpi=kpi) | Q(other=kpi)).select_related("kpi", "other")
    found = [
        Linked(link.other, Relation(link.relation), link)
        if link.kpi_id == kpi.pk
        else Linked(link.kpi, INVERSE[link.relation], link)
        for link in links
    ]
    order = list(Relation)
    return sorted(found, key=lambda one: (order.index(one.relation), one.kpi.code))


def exact_families() -> dict[int, frozenset[int]]:
    """Primary key -> those of all indicators that are the same, its own among them. One query.

    Indicators without an exact link are left out. All of a family have the same direction and units that convert.
    """
    links = KpiLink.objects.filter(relation=Relation.EXACT).values_list("kpi_id", "other_id", "relation")
    found = families(Link(*link) for link in links)
    return cast(dict[int, frozenset[int]], found)


def exact_family(kpi: Kpi) -> list[Kpi]:
    """The indicator and all that are the same as it, over any number of exact links, by code. At most two queries."""
    keys: Iterable[int] = exact_families().get(kpi.pk, frozenset())
    return list(Kpi.objects.filter(pk__in=keys).order_by("code")) if keys else [kpi]
