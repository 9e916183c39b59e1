"""The cells of an indicator together with all that are the same in other sets: computed when asked for, never stored.

They are made from the records by the statement that makes the stored ones, so no link, unit or result can leave them
stale. Values are converted from the unit in which they were reported into that of the indicator asked for; indicators
that are the same have the same better direction (`kpis/crosswalk_rules.py`).
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from kpis import aggregate_sql as sql
from kpis.aggregate_models import Aggregate, AggregateInput
from kpis.aggregating import know_sizes
from kpis.conversions import conversion_table
from kpis.crosswalk import exact_family
from kpis.models import Kpi
from usecases.models import Region, Vertical


@dataclass(frozen=True)
class Family:
    """What the results of several indicators that are the same say together.

    Attributes:
        kpi: the one asked for, whose unit counts; members: by code, it among them;
        inputs: of all members, `kpi_id` the indicator under which each was reported; cells: the widest first.
    """

    kpi: Kpi
    members: Sequence[Kpi]
    inputs: Sequence[AggregateInput]
    cells: Sequence[Aggregate]

    def counted(self, cell: Aggregate | None = None) -> list[tuple[Kpi, int]]:
        """How many results each indicator brings: to a cell, or to all."""
        found = Counter(one.kpi_id for one in (self.inputs_of(cell) if cell else self.inputs))
        return [(member, found[member.pk]) for member in self.members]

    def inputs_of(self, cell: Aggregate) -> list[AggregateInput]:
        """Those in the cell, in the order of their values; those without a value last."""
        told = [(name, value) for name in sql.DIMENSIONS if (value := getattr(cell, name))]
        inside = [one for one in self.inputs if all(getattr(one, name) == value for name, value in told)]

        def place(one: AggregateInput) -> tuple[bool, float, int]:
            value = getattr(one, str(cell.measure))
            return value is None, value or 0.0, one.pk

        return sorted(inside, key=place)


def family_of(kpi: Kpi) -> Family | None:
    """All cells over the exact links of an indicator, their names loaded; None where it has no such link."""
    members = exact_family(kpi)
    if len(members) < 2:
        return None
    keys, columns = [member.pk for member in members], ", ".join(sql.columns_of(AggregateInput))
    same_unit = "(SELECT m.id, m.direction, w.unit FROM kpis_kpi m JOIN kpis_kpi w ON w.id = %s)"
    made = f"SELECT {columns} FROM ({sql.inputs('r.kpi_id = ANY(%s)', kpi=same_unit)}) i"
    as_one = columns.replace("kpi_id", "%s::bigint AS kpi_id", 1)
    order = "coalesce(vertical_id, 0), coalesce(region_id, 0), design, measure"
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT unit FROM kpis_result WHERE kpi_id = ANY(%s)", [keys])
        table = conversion_table((unit, kpi.unit) for (unit,) in cursor.fetchall())
        cursor.execute(f"WITH {sql.CONVERSION} {made}", [*table, kpi.pk, keys])
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        know_sizes(len(rows))
        # Given back as they came, so that inputs and cells are of one moment.
        one = f"(SELECT {as_one} FROM jsonb_populate_recordset(NULL::{sql.INPUT}, %s::jsonb))"
        cursor.execute(
            f"WITH one AS MATERIALIZED {one} {sql.every_cell('one')} ORDER BY {order}",
            [kpi.pk, json.dumps(rows, default=str)],
        )
        names = [column.name for column in cursor.description]
        cells = [Aggregate(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    verticals, regions = Vertical.objects.in_bulk(), Region.objects.in_bulk()
    for cell in cells:
        cell.kpi, cell.family = kpi, members
        cell.vertical, cell.region = verticals.get(cell.vertical_id), regions.get(cell.region_id)
    return Family(kpi, members, [AggregateInput(**row) for row in rows], cells)
