"""The use cases' query parameters, and what was measured."""

from django.db.models import IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from alliance.core.filters import Facet, Sort, ThroughFacet
from kpis.filters import Design, design_expression, measured, public_results, result_count
from kpis.models import Kpi
from usecases.filters import UseCaseFilter, YesNo


def _strongest_grade() -> Coalesce:
    """The best grade among a use case's public results; 0 without any."""
    strongest = public_results().filter(use_case=OuterRef("pk")).order_by("-grade").values("grade")[:1]
    return Coalesce(Subquery(strongest, output_field=IntegerField()), 0)


class MeasuredUseCaseFilter(UseCaseFilter):
    """Query parameters of the use cases, with their results."""

    has_results = Facet(measured("use_case"), label=_("With results"), choices=YesNo, ordered=True)
    design = ThroughFacet(
        public_results,
        "use_case",
        design_expression(),
        label=_("How it was compared"),
        choices=Design,
        ordered=True,
    )
    kpi = ThroughFacet(public_results, "use_case", "kpi__slug", label=_("Indicator measured"), rows=Kpi.objects.all)

    first_facets = ("vertical", "has_results", "design", "region")
    sorts = {
        "evidence": Sort(
            _("Strongest evidence"),
            ("-strongest_grade", "-result_count"),
            lambda: {"strongest_grade": _strongest_grade(), "result_count": result_count("use_case")},
        ),
        "results": Sort(_("Most results"), ("-result_count",), lambda: {"result_count": result_count("use_case")}),
        **UseCaseFilter.sorts,
    }
    default_sort = "evidence"

    class Meta(UseCaseFilter.Meta):
        pass
