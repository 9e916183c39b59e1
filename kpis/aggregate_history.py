"""The cells of an indicator as they were: computed from the records that the change log can bring back.

What a moment knew is what transactions had written that began before it. The rule is that of today, whatever it was
then; where a table was emptied since, nobody knows what it held.
"""

from datetime import datetime
from typing import Any

from django.db import connection

from kpis import aggregate_sql as sql
from kpis.aggregate_models import Aggregate
from kpis.aggregating import know_sizes
from kpis.conversions import conversion_table
from kpis.models import Kpi
from usecases.models import Region, Vertical

_TABLES = ("kpis_result", "usecases_usecase", "usecases_city", "usecases_country", "kpis_kpi")


class UnknownPastError(Exception):
    """A table was emptied since: what it held is not kept."""


def _then(table: str) -> str:
    """The rows of a table at a moment (two parameters): as their first later entry found them, or as they are."""
    return f"""(
      SELECT (jsonb_populate_record(NULL::{table}, first.before)).* FROM (
        SELECT DISTINCT ON (record_id) record_id, operation, before FROM events_change
        WHERE "table" = '{table}' AND at > %s AND record_id IS NOT NULL ORDER BY record_id, position) first
      WHERE first.operation <> 'I'
      UNION ALL
      SELECT t.* FROM {table} t WHERE NOT EXISTS (
        SELECT FROM events_change e WHERE e."table" = '{table}' AND e.record_id = t.id AND e.at > %s))"""


def cells_at(kpi: Kpi, moment: datetime) -> list[Aggregate]:
    """All cells of an indicator at a moment, both measures, the widest first; not stored. Their names are loaded.

    Raises: UnknownPastError.
    """
    results, cases, cities, countries, kpis = map(_then, _TABLES)
    then: list[Any] = [moment, moment]
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT EXISTS (SELECT FROM events_change WHERE record_id IS NULL AND "table" = ANY(%s) AND at > %s)',
            [list(_TABLES), moment],
        )
        if cursor.fetchone()[0]:
            raise UnknownPastError
        cursor.execute(
            f"SELECT DISTINCT r.unit, k.unit FROM {results} r JOIN {kpis} k ON k.id = r.kpi_id WHERE k.id = %s",
            [*then, *then, kpi.pk],
        )
        table = conversion_table(cursor.fetchall())
        inputs = sql.inputs("r.kpi_id = %s", results, cases, city=cities, country=countries, kpi=kpis)
        parameters: list[Any] = [*table, *then * len(_TABLES), kpi.pk]
        cursor.execute(f"WITH {sql.CONVERSION} SELECT count(*) FROM ({inputs}) i", parameters)
        know_sizes(cursor.fetchone()[0])
        cursor.execute(
            f"WITH {sql.CONVERSION}, past AS MATERIALIZED ({inputs}) {sql.every_cell('past')} "
            "ORDER BY coalesce(vertical_id, 0), coalesce(region_id, 0), design, measure",
            parameters,
        )
        names = [column.name for column in cursor.description]
        found = [Aggregate(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    verticals, regions = Vertical.objects.in_bulk(), Region.objects.in_bulk()
    for one in found:
        one.kpi = kpi
        one.vertical = verticals.get(one.vertical_id)
        one.region = regions.get(one.region_id)
    return found
