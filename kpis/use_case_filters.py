"""The use cases' query parameters, and what was measured."""

from django.utils.translation import gettext_lazy as _

from alliance.core.facets import ArrayFacet, Facet
from alliance.core.filters import Sort
from kpis.expressions import Design
from kpis.models import Kpi
from usecases.expressions import YesNo
from usecases.filters import UseCaseFilter


class MeasuredUseCaseFilter(UseCaseFilter):
    """Query parameters of the use cases, with their results."""

    has_results = Facet("has_results", label=_("With results"), choices=YesNo, ordered=True)
    design = ArrayFacet("designs", label=_("How it was compared"), choices=Design, ordered=True)
    kpi = ArrayFacet("kpis", label=_("Indicator measured"), rows=Kpi.objects.all)

    first_facets = ("vertical", "has_results", "design", "region")
    sorts = {
        "evidence": Sort(_("Strongest evidence"), ("-strongest_grade", "-result_count")),
        "results": Sort(_("Most results"), ("-result_count",)),
        **UseCaseFilter.sorts,
    }
    default_sort = "evidence"
    summed = "result_count"

    class Meta(UseCaseFilter.Meta):
        pass
