"""Query parameters of the indicators and of the results, at every door."""

from django.utils.translation import gettext_lazy as _

from alliance.core.evidence import Effect, Method
from alliance.core.facets import Facet
from alliance.core.filters import PortalFilterSet, SearchFilter, Sort
from alliance.core.search import Searchable
from alliance.core.verticals import VerticalCode
from kpis.expressions import Design
from kpis.models import Direction, Kpi, KpiDocument, KpiKind, KpiLevel, KpiSet, ResultDocument
from usecases.expressions import YesNo
from usecases.filters import YearFilter
from usecases.models import City, Country, Region, SizeBand, UseCase

KPI_SEARCHABLE = Searchable({"A": ("name",), "B": ("code", "dimension"), "C": ("definition",)})
RESULT_SEARCHABLE = Searchable(
    {
        "A": ("kpi__name",),
        "B": ("use_case__title", "use_case__city__name", "kpi__code"),
        "C": ("note", "sample_size"),
    }
)


def _dimensions() -> list[str]:
    return list(Kpi.objects.order_by("dimension").values_list("dimension", flat=True).distinct())


def _published_use_cases():
    return UseCase.objects.visible_to(None)


class KpiFilter(PortalFilterSet):
    """Query parameters of the indicators."""

    q = SearchFilter(KPI_SEARCHABLE)
    set = Facet("kpi_set", label=_("Set"), choices=KpiSet)
    dimension = Facet("dimension", label=_("Dimension"), texts=_dimensions)
    vertical = Facet("vertical", label=_("Field"), choices=VerticalCode)
    kind = Facet("kind", label=_("Kind"), choices=KpiKind)
    direction = Facet("direction", label=_("Which way is better"), choices=Direction, ordered=True)
    level = Facet("level", label=_("Level of analysis"), choices=KpiLevel, ordered=True)
    measured = Facet("measured", label=_("Measured by a use case"), choices=YesNo, ordered=True)

    sorts = {
        "code": Sort(_("Code"), ("code",)),
        "name": Sort(_("Name"), ("name",)),
        "results": Sort(_("Most results"), ("-result_count",)),
        "relevance": Sort(_("Best match"), ("-relevance",), needs_search=True),
    }
    default_sort = "code"

    class Meta:
        model = KpiDocument
        fields: list[str] = []


class ResultFilter(PortalFilterSet):
    """Query parameters of the results."""

    q = SearchFilter(RESULT_SEARCHABLE)
    kpi = Facet("kpi", label=_("Indicator"), rows=Kpi.objects.all)
    set = Facet("kpi_set", label=_("Set"), choices=KpiSet)
    use_case = Facet("use_case", label=_("Use case"), rows=_published_use_cases)
    vertical = Facet("vertical", label=_("Field"), choices=VerticalCode)
    region = Facet("region", label=_("Region"), rows=Region.objects.all)
    country = Facet("country", label=_("Country"), rows=Country.objects.all, key="code")
    city = Facet("city", label=_("City"), rows=City.objects.all)
    size = Facet("size", label=_("City size"), choices=SizeBand, ordered=True)
    design = Facet("design", label=_("How it was compared"), choices=Design, ordered=True)
    method = Facet("method", label=_("Method"), choices=Method)
    effect = Facet("effect", label=_("Which way it went"), choices=Effect, ordered=True)
    year_min = YearFilter("measured_year", "gte", label=_("Measured in or after"))
    year_max = YearFilter("measured_year", "lte", label=_("Measured in or before"))

    sorts = {
        "evidence": Sort(_("Strongest evidence"), ("-grade", "-size_of_change")),
        "newest": Sort(_("Newest"), ("-year",)),
        "kpi": Sort(_("Indicator"), ("kpi_code",)),
        "use-case": Sort(_("Use case"), ("use_case_title",)),
        "relevance": Sort(_("Best match"), ("-relevance",), needs_search=True),
    }
    default_sort = "evidence"

    class Meta:
        model = ResultDocument
        fields: list[str] = []
