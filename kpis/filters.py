"""Query parameters of the indicators and of the results, at every door."""

from django.db.models import (
    Case,
    CharField,
    Count,
    DecimalField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    Subquery,
    TextChoices,
    Value,
    When,
)
from django.db.models.functions import Abs, Coalesce
from django.utils.translation import gettext_lazy as _

from alliance.core.evidence import Effect, Grade, Method
from alliance.core.filters import Facet, PortalFilterSet, SearchFilter, Sort
from alliance.core.search import Searchable
from alliance.core.verticals import VerticalCode
from kpis.models import Direction, Kpi, KpiKind, KpiSet, Result, ResultState
from usecases.filters import YearFilter, YesNo
from usecases.models import City, Country, Region, SizeBand, UseCase
from usecases.models import Status as UseCaseStatus


class Design(TextChoices):
    """How a result was compared: the four grades of certainty by name."""

    CONTROL = "control", Grade.CONTROL.label
    TREND = "trend", Grade.TREND.label
    BEFORE_AFTER = "before-after", Grade.BEFORE_AFTER.label
    STATED = "stated", Grade.STATED.label


GRADE_OF_DESIGN: dict[str, Grade] = {
    Design.CONTROL: Grade.CONTROL,
    Design.TREND: Grade.TREND,
    Design.BEFORE_AFTER: Grade.BEFORE_AFTER,
    Design.STATED: Grade.STATED,
}


def design_expression(path: str = "grade") -> Case:
    """The design's code of a result's grade."""
    return Case(
        *(When(**{path: int(grade)}, then=Value(design.value)) for design, grade in GRADE_OF_DESIGN.items()),
        output_field=CharField(),
    )


def public_results():
    """The results that everybody may see: facets count these alone."""
    return Result.objects.filter(state=ResultState.ACCEPTED, use_case__status=UseCaseStatus.PUBLISHED)


def result_count(path: str) -> Coalesce:
    """How many public results point to the row of the outer query through `path`."""
    count = public_results().filter(**{path: OuterRef("pk")}).order_by().values(path).annotate(n=Count("pk"))
    return Coalesce(Subquery(count.values("n"), output_field=IntegerField()), 0)


def measured(path: str) -> Case:
    """`yes` when a public result points to the row of the outer query through `path`, else `no`."""
    return Case(
        When(Exists(public_results().filter(**{path: OuterRef("pk")})), then=Value("yes")),
        default=Value("no"),
        output_field=CharField(),
    )


def _effect() -> Case:
    """`Result.effect` in SQL."""
    known = Q(change_percent__isnull=False) & ~Q(change_percent=0) & ~Q(kpi__direction=Direction.NONE)
    rises = Q(change_percent__gt=0, kpi__direction=Direction.INCREASE)
    falls = Q(change_percent__lt=0, kpi__direction=Direction.DECREASE)
    return Case(
        When(known & (rises | falls), then=Value(Effect.BETTER.value)),
        When(known, then=Value(Effect.WORSE.value)),
        default=Value(Effect.NEUTRAL.value),
        output_field=CharField(),
    )


def _dimensions() -> list[str]:
    return list(Kpi.objects.order_by("dimension").values_list("dimension", flat=True).distinct())


def _published_use_cases():
    return UseCase.objects.visible_to(None)


class KpiFilter(PortalFilterSet):
    """Query parameters of the indicators."""

    q = SearchFilter(Searchable({"A": ("name",), "B": ("code", "dimension"), "C": ("definition",)}))
    set = Facet("kpi_set", label=_("Set"), choices=KpiSet)
    dimension = Facet("dimension", label=_("Dimension"), texts=_dimensions)
    vertical = Facet("vertical__code", label=_("Field"), choices=VerticalCode)
    kind = Facet("kind", label=_("Kind"), choices=KpiKind)
    direction = Facet("direction", label=_("Which way is better"), choices=Direction, ordered=True)
    measured = Facet(measured("kpi"), label=_("Measured by a use case"), choices=YesNo, ordered=True)

    sorts = {
        "code": Sort(_("Code"), ("code",)),
        "name": Sort(_("Name"), ("name",)),
        "results": Sort(_("Most results"), ("-result_count",), lambda: {"result_count": result_count("kpi")}),
        "relevance": Sort(_("Best match"), ("-relevance",), needs_search=True),
    }
    default_sort = "code"

    class Meta:
        model = Kpi
        fields: list[str] = []


class ResultFilter(PortalFilterSet):
    """Query parameters of the results."""

    q = SearchFilter(
        Searchable(
            {
                "A": ("kpi__name",),
                "B": ("use_case__title", "use_case__city__name", "kpi__code"),
                "C": ("note", "sample_size"),
            }
        )
    )
    kpi = Facet("kpi__slug", label=_("Indicator"), rows=Kpi.objects.all)
    set = Facet("kpi__kpi_set", label=_("Set"), choices=KpiSet)
    use_case = Facet("use_case__slug", label=_("Use case"), rows=_published_use_cases)
    vertical = Facet("use_case__vertical__code", label=_("Field"), choices=VerticalCode)
    region = Facet("use_case__city__country__region__slug", label=_("Region"), rows=Region.objects.all)
    country = Facet("use_case__city__country__code", label=_("Country"), rows=Country.objects.all, key="code")
    city = Facet("use_case__city__slug", label=_("City"), rows=City.objects.all)
    size = Facet("use_case__city__size_band", label=_("City size"), choices=SizeBand, ordered=True)
    design = Facet(design_expression(), label=_("How it was compared"), choices=Design, ordered=True)
    method = Facet("method", label=_("Method"), choices=Method)
    effect = Facet(_effect(), label=_("Which way it went"), choices=Effect, ordered=True)
    year_min = YearFilter("measured_year", "gte", label=_("Measured in or after"))
    year_max = YearFilter("measured_year", "lte", label=_("Measured in or before"))

    sorts = {
        "evidence": Sort(
            _("Strongest evidence"),
            ("-grade", "-size_of_change"),
            lambda: {"size_of_change": size_of_change()},
        ),
        "newest": Sort(_("Newest"), ("-year",), lambda: {"year": Coalesce("measured_year", 0)}),
        "kpi": Sort(_("Indicator"), ("kpi__code",)),
        "use-case": Sort(_("Use case"), ("use_case__title",)),
        "relevance": Sort(_("Best match"), ("-relevance",), needs_search=True),
    }
    default_sort = "evidence"

    class Meta:
        model = Result
        fields: list[str] = []


def size_of_change(path: str = "change_percent") -> Coalesce:
    """The relative change without its sign, percent; -1 where none is known, so that it never is null."""
    number = DecimalField(max_digits=30, decimal_places=12)
    return Coalesce(Abs(F(path)), Value(-1), output_field=number)
