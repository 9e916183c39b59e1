"""Query parameters of the aggregates."""

from collections.abc import Iterable

import django_filters
from django.db.models import Q, QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from alliance.core.facets import Facet, Names
from alliance.core.filters import PortalFilterSet, Sort
from kpis.aggregate_models import EXACT, Aggregate, Measure
from kpis.measurement import Design
from kpis.models import Kpi, KpiSet
from usecases.models import Region, Vertical

ALL = "all"


class DesignOrAll(TextChoices):
    """The designs, and all of them together."""

    ALL = ALL, _("All designs together")
    CONTROL = Design.CONTROL.value, Design.CONTROL.label
    TREND = Design.TREND.value, Design.TREND.label
    BEFORE_AFTER = Design.BEFORE_AFTER.value, Design.BEFORE_AFTER.label
    STATED = Design.STATED.value, Design.STATED.label


class DimensionFacet(Facet):
    """A dimension of cells: one of its values, or `all` for the cells that take all of them together."""

    def __init__(self, value: str, *, empty: Q, everything, **more) -> None:
        self.empty, self.everything = empty, everything
        super().__init__(value, **more)

    def labels(self, values: Iterable[str] | None, names: Names | None = None) -> dict[str, str]:
        return {ALL: str(self.everything), **super().labels(values, names)}

    def filter(self, qs: QuerySet, value: list[str]) -> QuerySet:
        if not value:
            return qs
        wanted = Q(**{f"{self.value}__in": [one for one in value if one != ALL]})
        return qs.filter(wanted | self.empty if ALL in value else wanted)


class MomentFilter(django_filters.IsoDateTimeFilter):
    """Chooses no rows: the cells are computed as they were then."""

    def filter(self, qs: QuerySet, value: object) -> QuerySet:
        return qs


class FamilyFilter(django_filters.ChoiceFilter):
    """Chooses no rows: other cells of the indicator are computed."""

    def filter(self, qs: QuerySet, value: object) -> QuerySet:
        return qs


class AggregateFilter(PortalFilterSet):
    """Query parameters of the aggregates."""

    kpi = Facet("kpi__slug", label=_("Indicator"), rows=Kpi.objects.all)
    set = Facet("kpi__kpi_set", label=_("Set"), choices=KpiSet)
    vertical = DimensionFacet(
        "vertical__code",
        label=_("Field, or all of them together"),
        rows=Vertical.objects.all,
        key="code",
        empty=Q(vertical=None),
        everything=_("All fields together"),
    )
    region = DimensionFacet(
        "region__slug",
        label=_("Region, or all of them together"),
        rows=Region.objects.all,
        empty=Q(region=None),
        everything=_("All regions together"),
    )
    design = DimensionFacet(
        "design",
        label=_("How it was compared, or all designs together"),
        choices=DesignOrAll,
        ordered=True,
        empty=Q(design=""),
        everything=_("All designs together"),
    )
    measure = Facet("measure", label=_("Measure"), choices=Measure)
    as_of = MomentFilter(
        label=_(
            "As the cells of one indicator were at that moment (ISO 8601), computed by the rule of today from the "
            "change log: see the documentation"
        ),
    )

    family = FamilyFilter(
        choices=[(EXACT, _("Together with indicators that are the same"))],
        label=_(
            "exact: the cells of one indicator together with the results of all that are the same in other sets, in "
            "its unit; no cells where it has no such link"
        ),
    )

    sorts = {
        "cell": Sort(_("Indicator and cell"), ("id",)),
        "results": Sort(_("Most results"), ("-n",)),
        "newest": Sort(_("Newest change"), ("-as_of",)),
    }
    default_sort = "cell"

    class Meta:
        model = Aggregate
        fields: list[str] = []
