"""What is chosen and grouped by, and the queries of it over the inputs of the aggregates."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from typing import Any

from django.db import connection
from django.db.models import Exists, TextChoices
from django.utils.translation import gettext_lazy

from alliance.core.charts import Scale
from kpis import aggregate_sql
from kpis.aggregate_models import Measure, UncountedInput
from kpis.aggregates import cells_for
from kpis.models import Kpi
from usecases.models import SizeBand


class GroupBy(TextChoices):
    """What the results of an indicator are grouped by."""

    NONE = "all", gettext_lazy("All results together")
    VERTICAL = "vertical", gettext_lazy("Field")
    REGION = "region", gettext_lazy("Region")
    STAGE = "stage", gettext_lazy("Stage of the use case")
    YEAR = "year", gettext_lazy("Year of the result")
    SIZE = "size", gettext_lazy("City size")
    DESIGN = "design", gettext_lazy("How it was compared")


@dataclass(frozen=True)
class Chosen:
    """Which results count; what is empty chooses nothing.

    Attributes:
        vertical: a code; region: a slug; year_min, year_max: of the result, which then must be known.
        cities: ids; None: all.
    """

    vertical: str = ""
    region: str = ""
    stage: str = ""
    size: str = ""
    design: str = ""
    year_min: int | None = None
    year_max: int | None = None
    cities: Collection[int] | None = None

    @property
    def parameters(self) -> dict[str, str]:
        """As parameters of an address, without what chooses nothing."""
        told = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "cities"}
        return {name: str(value) for name, value in told.items() if value not in ("", None)}


#: Of inputs (i), use cases (u) and cities (c): the text that names a group.
_KEYS: dict[GroupBy, str] = {
    GroupBy.NONE: "''",
    GroupBy.VERTICAL: "i.vertical_id::text",
    GroupBy.REGION: "i.region_id::text",
    GroupBy.STAGE: "coalesce(u.stage, '')",
    GroupBy.YEAR: "coalesce(i.year::text, '')",
    GroupBy.SIZE: f"coalesce(c.size_band, '{SizeBand.UNKNOWN.value}')",
    GroupBy.DESIGN: "i.design",
}
_CONDITIONS = {
    "vertical": "i.vertical_id = (SELECT id FROM usecases_vertical WHERE code = %s)",
    "region": "i.region_id = (SELECT id FROM usecases_region WHERE slug = %s)",
    "stage": "u.stage = %s",
    "size": "c.size_band = %s",
    "design": "i.design = %s",
    "year_min": "i.year >= %s",
    "year_max": "i.year <= %s",
}
#: What aggregates are kept by: the column of a choice, and the condition for all of it.
_DIMENSIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "vertical": ("vertical__code", {"vertical": None}),
    "region": ("region__slug", {"region": None}),
    "design": ("design", {"design": ""}),
}
#: Groupings that are kept: the column of the key.
_KEPT: dict[GroupBy, str | None] = {
    GroupBy.NONE: None,
    GroupBy.VERTICAL: "vertical_id",
    GroupBy.REGION: "region_id",
    GroupBy.DESIGN: "design",
}
#: Columns of a drawn group: as many as `alliance.core.charts.columns` has.
COLUMNS = 20


#: Of all together, and by key of each group: columns of `Aggregate`.
Cells = tuple[dict[str, Any] | None, dict[str, dict[str, Any]]]
_COUNTS = ("results", "use_cases", "cities", "oldest_year", "newest_year", "as_of", "inputs_hash")


def _emptied(row: dict[str, Any]) -> dict[str, Any]:
    """The cell of as many results of which none has a value."""
    return {**dict.fromkeys(row), **{name: row[name] for name in _COUNTS}, "n": 0, "points": []}


@dataclass(frozen=True)
class Source:
    """The chosen inputs of an indicator with their keys: a subquery and its parameters."""

    sql: str
    parameters: list[Any]
    kpi: Kpi
    group_by: GroupBy
    measure: Measure
    chosen: Chosen

    @property
    def by_key(self) -> bool:
        return self.group_by != GroupBy.NONE

    @classmethod
    def of(cls, kpi: Kpi, group_by: GroupBy, measure: Measure, chosen: Chosen) -> "Source":
        where = ["i.kpi_id = %s"]
        parameters: list[Any] = [kpi.pk]
        for name, value in chosen.parameters.items():
            where.append(_CONDITIONS[name])
            parameters.append(value)
        if chosen.cities is not None:
            where.append("i.city_id = ANY(%s)")
            parameters.append(sorted(chosen.cities))
        tables = f"{aggregate_sql.INPUT} i"
        if group_by == GroupBy.STAGE or chosen.stage:
            tables += " LEFT JOIN usecases_usecase u ON u.id = i.use_case_id"
        if group_by == GroupBy.SIZE or chosen.size:
            tables += " LEFT JOIN usecases_city c ON c.id = i.city_id"
        sql = f"(SELECT i.*, {_KEYS[group_by]} AS key FROM {tables} WHERE {' AND '.join(where)})"
        return cls(sql, parameters, kpi, group_by, measure, chosen)

    def _rows(self, sql: str, *more: Any) -> list[tuple]:
        with connection.cursor() as cursor:
            cursor.execute(sql, [*self.parameters, *more])
            return cursor.fetchall()

    def cells(self) -> "Cells":
        """The statistics of all together, and by key those of each group; as the worker keeps them where it does.

        At most four queries.
        """
        found = self._cells(self.measure)
        if self.measure == Measure.CHANGE:
            return found
        # Where no result has a value there is no such cell: how many results there are the other measure tells.
        whole, groups = self._cells(Measure.CHANGE)
        empty = {key: _emptied(row) for key, row in groups.items()}
        return found[0] or (_emptied(whole) if whole else None), {**empty, **found[1]}

    def _cells(self, measure: Measure) -> "Cells":
        return self._stored(measure) or self._computed(measure)

    def _stored(self, measure: Measure) -> "Cells | None":
        """The cells that are kept. None where there are none for this question, or some wait to be computed."""
        told = self.chosen.parameters
        if not set(told) <= set(_DIMENSIONS) or self.group_by not in _KEPT or self.chosen.cities is not None:
            return None
        rows = cells_for(self.kpi, measure=measure).select_related(None).order_by()
        rows = rows.filter(~Exists(UncountedInput.objects.filter(kpi_id=self.kpi.pk)), rule=aggregate_sql.RULE)
        for name, (column, everything) in _DIMENSIONS.items():
            if name in told:
                rows = rows.filter(**{column: told[name]})
            elif name != self.group_by:
                rows = rows.filter(**everything)
        whole: dict[str, Any] | None = None
        groups: dict[str, dict[str, Any]] = {}
        dimension = _KEPT[self.group_by]
        found: Iterable[Any] = rows.values()
        for row in found:
            key = "" if dimension is None else row[dimension]
            if not key or self.group_by in told:
                whole = row
            if key or dimension is None:
                groups[str(key)] = row
        return (whole, groups) if whole else None

    def _computed(self, measure: Measure) -> "Cells":
        sql = f"SELECT * FROM ({aggregate_sql.grouped_cells(self.sql, by_key=self.by_key)}) s WHERE measure = %s"
        with connection.cursor() as cursor:
            cursor.execute(sql, [*self.parameters, str(measure)])
            names = [column.name for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        whole = next((row for row in rows if row["region_id"] == 1), None)
        return whole, {row["vertical_id"]: row for row in rows if (row["region_id"] != 1) == self.by_key}

    def points(self, keys: Iterable[str], *, with_names: bool) -> list[tuple]:
        """Key, value and design of each result with a value in these groups, ascending. One query.

        Args:
            with_names: then also its slug, year, use case (slug, title), city (slug, name) and country.
        """
        names, tables = "", ""
        if with_names:
            names = ", r.slug, f.year, u.slug, u.title, c.slug, c.name, o.code"
            tables = (
                "JOIN kpis_result r ON r.id = f.result_id JOIN usecases_usecase u ON u.id = f.use_case_id "
                "JOIN usecases_city c ON c.id = f.city_id JOIN usecases_country o ON o.id = c.country_id"
            )
        return self._rows(
            f"SELECT f.key, f.{self.measure}, f.design{names} FROM {self.sql} f {tables} "
            f"WHERE f.{self.measure} IS NOT NULL AND f.key = ANY(%s) ORDER BY f.{self.measure}, f.result_id",
            list(keys),
        )

    def values(self, key: str | None) -> list[float]:
        """The values of one group; None: of all together. One query."""
        rows = self._rows(
            f"SELECT f.{self.measure} FROM {self.sql} f "
            f"WHERE f.{self.measure} IS NOT NULL AND f.key = coalesce(%s, f.key)",
            key,
        )
        return [value for (value,) in rows]

    def columns(self, keys: Iterable[str], scale: Scale) -> dict[str, list[int]]:
        """How many results lie in each column of the scale; what lies beyond stands in the outermost. One query."""
        place = f"(f.{self.measure} - ({scale.minimum!r}::float8)) / {scale.maximum - scale.minimum!r}::float8"
        found: dict[str, list[int]] = {}
        for key, column, n in self._rows(
            f"SELECT f.key, least({COLUMNS - 1}, greatest(0, floor({place} * {COLUMNS})))::int, count(*) "
            f"FROM {self.sql} f WHERE f.{self.measure} IS NOT NULL AND f.key = ANY(%s) GROUP BY 1, 2",
            list(keys),
        ):
            found.setdefault(key, [0] * COLUMNS)[column] = n
        return found

    def without(self, most: int) -> tuple[int, list[int]]:
        """Results without a value of the measure: how many start from zero or below, and the ids of the first."""
        rows = self._rows(
            f"SELECT count(*) FILTER (WHERE r.baseline_value <= 0), "
            f"(array_agg(f.result_id ORDER BY f.result_id))[1:{int(most)}] "
            f"FROM {self.sql} f JOIN kpis_result r ON r.id = f.result_id WHERE f.{self.measure} IS NULL"
        )
        return rows[0][0], rows[0][1] or []

    def cities(self) -> list[int]:
        """The ids of the cities with a result. One query."""
        return [city for (city,) in self._rows(f"SELECT DISTINCT f.city_id FROM {self.sql} f")]
