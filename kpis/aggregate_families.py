"""The cells of an indicator together with those that are exactly the same in other sets: asked for, and never silently.

Computed when they are asked for, from the inputs that are kept: there is nothing that a changed link could leave stale.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection

from kpis import aggregate_sql as sql
from kpis.aggregate_models import Aggregate, AggregateInput, Measure
from kpis.aggregating import know_sizes
from kpis.conversions import conversion_table
from kpis.crosswalk import exact_family
from kpis.models import Kpi
from usecases.models import Region, Vertical

#: Its own name for each column of the inputs; the indicator is that which is asked about, the value is in its unit.
_TOLD = {"kpi_id": "%s::bigint", "value": "i.value * v.factor::float8 + v.shift::float8"}
_SOURCE = f"""(
  SELECT {", ".join(f"{_TOLD.get(name, f'i.{name}')} AS {name}" for name in sql.columns_of(AggregateInput))}
  FROM {sql.INPUT} i JOIN kpis_kpi k ON k.id = i.kpi_id LEFT JOIN conversion v ON v.unit = k.unit AND v.kpi_unit = %s
  WHERE i.kpi_id = ANY(%s))"""
_ORDER = "coalesce(vertical_id, 0), coalesce(region_id, 0), design, measure"


@dataclass(frozen=True)
class Family:
    """An indicator and those that are the same as it, by code; itself alone where no link says so."""

    kpi: Kpi
    members: tuple[Kpi, ...]

    @property
    def others(self) -> tuple[Kpi, ...]:
        return tuple(one for one in self.members if one != self.kpi)


def family_of(kpi: Kpi) -> Family:
    """At most two queries."""
    return Family(kpi, tuple(exact_family(kpi)))


def cells_of(family: Family, measure: Measure | None = None) -> list[Aggregate]:
    """All cells of a family, of one measure or of both, the widest first; not stored. Their names are loaded.

    Values of the others are in the unit of the indicator. Their changes are as they are: the same way is better for all
    of a family (`kpis.crosswalk_rules`).
    """
    keys = [one.pk for one in family.members]
    inputs: list[Any] = [family.kpi.pk, family.kpi.unit, keys]
    table = conversion_table((one.unit, family.kpi.unit) for one in family.members)
    know_sizes(AggregateInput.objects.filter(kpi__in=keys).count())
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {sql.CONVERSION}, together AS MATERIALIZED {_SOURCE} SELECT * FROM ({sql.every_cell('together')}) c "
            f"WHERE %s IS NULL OR measure = %s ORDER BY {_ORDER}",
            [*table, *inputs, measure, measure],
        )
        names = [column.name for column in cursor.description]
        found = [Aggregate(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    verticals, regions = Vertical.objects.in_bulk(), Region.objects.in_bulk()
    for one in found:
        one.kpi, one.members = family.kpi, family.members
        one.vertical, one.region = verticals.get(one.vertical_id), regions.get(one.region_id)
    return found


def cell_of(family: Family, **wanted: Any) -> Aggregate | None:
    """One cell: `vertical`, `region`, `design` (None, or nothing: all of it) and `measure`; None when there is none."""
    asked = (wanted.get("vertical"), wanted.get("region"), wanted.get("design") or "")
    cells = cells_of(family, Measure(wanted.get("measure", Measure.CHANGE)))
    return next((one for one in cells if (one.vertical, one.region, one.design) == asked), None)
