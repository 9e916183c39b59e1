"""What documents and filters say of results, as PostgreSQL computes it."""

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
    Value,
    When,
)
from django.db.models.functions import Abs, Coalesce

from alliance.core.evidence import Effect
from kpis.measurement import GRADE_OF_DESIGN as GRADE_OF_DESIGN
from kpis.measurement import Design as Design
from kpis.models import Direction, Result, ResultState
from usecases.models import Status as UseCaseStatus


def design_expression(path: str = "grade") -> Case:
    """The design's code of a result's grade."""
    return Case(
        *(When(**{path: int(grade)}, then=Value(str(design))) for design, grade in GRADE_OF_DESIGN.items()),
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


def effect() -> Case:
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


def size_of_change(path: str = "change_percent") -> Coalesce:
    """The relative change without its sign, percent; -1 where none is known, so that it never is null."""
    number = DecimalField(max_digits=30, decimal_places=12)
    return Coalesce(Abs(F(path)), Value(-1), output_field=number)
