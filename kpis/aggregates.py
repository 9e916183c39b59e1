"""Reading aggregates: the cells of an indicator, and the inputs of one."""

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from kpis.aggregate_models import Aggregate, AggregateInput, Design, Measure
from kpis.models import Kpi
from usecases.models import Region, Vertical


def cells_for(kpi: Kpi, *, measure: Measure = Measure.CHANGE) -> QuerySet[Aggregate]:
    """Every cell of an indicator, the widest first."""
    return (
        Aggregate.objects.for_display()
        .filter(kpi=kpi, measure=measure)
        .order_by(Coalesce("vertical_id", 0), Coalesce("region_id", 0), "design")
    )


def cell(
    kpi: Kpi,
    *,
    vertical: Vertical | None = None,
    region: Region | None = None,
    design: Design | str | None = None,
    measure: Measure = Measure.CHANGE,
) -> Aggregate | None:
    """One cell; None for a dimension: all of it. None when no published result lies in it. One query."""
    return cells_for(kpi, measure=measure).filter(vertical=vertical, region=region, design=design or "").first()


def inputs_of(aggregate: Aggregate) -> QuerySet[AggregateInput]:
    """The inputs of the cell as they are now, in the order of their values; those without a value last."""
    narrowed = Q(kpi__in=[one.pk for one in aggregate.counted])
    if aggregate.vertical_id:
        narrowed &= Q(vertical=aggregate.vertical_id)
    if aggregate.region_id:
        narrowed &= Q(region=aggregate.region_id)
    if aggregate.design:
        narrowed &= Q(design=aggregate.design)
    rows = AggregateInput.objects.filter(narrowed)
    return rows.order_by(str(aggregate.measure), "result_id")
