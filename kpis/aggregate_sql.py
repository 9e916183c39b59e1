"""The SQL of aggregates: inputs from records, cells from inputs. Written once for the worker, a rebuild and the past.

Rule 2. Inputs are the accepted results of published use cases, a corrected one once (what stands for it is accepted, it
is not). A cell's statistics are those of `kpis/statistics.py`; below 3 values it has none.
"""

from django.db.models import Model

from kpis.aggregate_models import FEWEST, Aggregate, AggregateInput, Measure, SampleSize, StaleCell
from kpis.measurement import GRADE_OF_DESIGN, Design

#: Raised when the same inputs give other numbers; everything is computed anew then.
RULE = "2"

INPUT = AggregateInput._meta.db_table
CELL = Aggregate._meta.db_table
STALE = StaleCell._meta.db_table
_SIZE = SampleSize._meta.db_table

DIMENSIONS = ("vertical_id", "region_id", "design")


def columns_of(model: type[Model]) -> list[str]:
    """Without the row's own number, of which nothing depends."""
    return [str(field.column) for field in model._meta.concrete_fields if field.column != "id"]


_DESIGN = (
    "CASE r.grade " + " ".join(f"WHEN {int(grade)} THEN '{design}'" for design, grade in GRADE_OF_DESIGN.items())
) + f" ELSE '{Design.STATED.value}' END"


def _sent(name: str) -> str:
    """A number of an input in its fingerprint: 1 and eight bytes, the highest first, as IEEE 754 has it; 0 for none."""
    return f"coalesce('\\x01'::bytea || float8send(j.{name}), '\\x00'::bytea)"


def inputs(where: str = "true", tables: str = "kpis_result", case: str = "usecases_usecase", **others: str) -> str:
    """The inputs as the records have them now, or as other sources of the same columns have them.

    `conversion(unit, kpi_unit, factor, shift)` must be a table in reach: a unit that is not in it cannot be converted.
    """
    city, country = others.get("city", "usecases_city"), others.get("country", "usecases_country")
    kpi = others.get("kpi", "kpis_kpi")
    return f"""
      SELECT i.*, ('x' || left(i.print, 16))::bit(64)::bigint AS print_high,
        ('x' || substr(i.print, 17, 16))::bit(64)::bigint AS print_low
      FROM (SELECT j.*,
        encode(sha256(convert_to(j.slug, 'UTF8') || {_sent("change")} || {_sent("value")}), 'hex') AS print FROM (
      SELECT r.id AS result_id, r.slug, r.kpi_id, u.vertical_id, o.region_id, ({_DESIGN})::varchar AS design,
        r.use_case_id, u.city_id, r.measured_year AS year, k.direction <> 'none' AS is_directed,
        CASE WHEN r.change_percent <> 'NaN' THEN
          CASE k.direction WHEN 'decrease' THEN -r.change_percent ELSE r.change_percent END END::float8 AS change,
        CASE WHEN r.result_value <> 'NaN' THEN r.result_value * v.factor + v.shift END::float8 AS value,
        greatest(r.updated_at, u.updated_at) AS changed_at
      FROM {tables} r JOIN {case} u ON u.id = r.use_case_id JOIN {city} c ON c.id = u.city_id
      JOIN {country} o ON o.id = c.country_id JOIN {kpi} k ON k.id = r.kpi_id
      LEFT JOIN conversion v ON v.unit = r.unit AND v.kpi_unit = k.unit
      WHERE r.state = 'accepted' AND u.status = 'published' AND ({where})) j) i"""


#: Four parameters: units, units of indicators, factors, shifts (arrays of the same length).
CONVERSION = (
    "conversion AS MATERIALIZED (SELECT * FROM "
    "unnest(%s::text[], %s::text[], %s::numeric[], %s::numeric[]) AS c(unit, kpi_unit, factor, shift))"
)

_COMPARED = ", ".join(f"{{0}}.{name}" for name in columns_of(AggregateInput))


def follow_inputs(affected: str, *, everything: bool) -> str:
    """One statement: make the inputs what the records are, note the cells of those that differed, before and after.

    Args:
        affected: a query of result ids; everything: all there are, and it is not looked at.
    Returns: SQL that gives how many inputs differed.
    """
    columns = columns_of(AggregateInput)
    mine = "true" if everything else "result_id IN (SELECT id FROM affected)"
    theirs = "true" if everything else "r.id IN (SELECT id FROM affected)"
    updates = ", ".join(f"{name} = excluded.{name}" for name in columns if name != "result_id")
    leaf = "kpi_id, vertical_id, region_id, design"
    return f"""
    WITH affected(id) AS MATERIALIZED ({affected}), {CONVERSION},
    fresh AS MATERIALIZED ({inputs(theirs)}),
    was AS MATERIALIZED (SELECT * FROM {INPUT} WHERE {mine}),
    differing AS MATERIALIZED (
      SELECT result_id, fresh.result_id IS NULL AS is_gone FROM fresh FULL JOIN was USING (result_id)
      WHERE ({_COMPARED.format("fresh")}) IS DISTINCT FROM ({_COMPARED.format("was")})
    ),
    gone AS (DELETE FROM {INPUT} i USING differing d WHERE d.is_gone AND i.result_id = d.result_id),
    made AS (
      INSERT INTO {INPUT} ({", ".join(columns)}) SELECT {", ".join(f"fresh.{name}" for name in columns)}
      FROM fresh JOIN differing USING (result_id) ON CONFLICT (result_id) DO UPDATE SET {updates}
    ),
    noted AS (
      INSERT INTO {STALE} ({leaf})
      SELECT {leaf} FROM fresh JOIN differing USING (result_id)
      UNION SELECT {leaf} FROM was JOIN differing USING (result_id)
      ORDER BY {leaf} ON CONFLICT ({leaf}) DO UPDATE SET id = DEFAULT
    )
    SELECT count(*) FROM differing"""


def differing_inputs() -> str:
    """The results whose input is not what their records say. Parameters: those of `CONVERSION`."""
    return f"""
    WITH {CONVERSION}, fresh AS ({inputs()})
    SELECT result_id FROM fresh FULL JOIN {INPUT} was USING (result_id)
    WHERE ({_COMPARED.format("fresh")}) IS DISTINCT FROM ({_COMPARED.format("was")})"""


# --- cells -----------------------------------------------------------------------------------------------------------
_GROUPED = """count(*)::int AS results, count(DISTINCT f.use_case_id)::int AS use_cases,
  count(DISTINCT f.city_id)::int AS cities, min(f.year) AS oldest_year, max(f.year) AS newest_year,
  bool_and(f.is_directed) AS is_directed, max(f.changed_at) AS as_of,
  sum(f.print_high) AS print_high, sum(f.print_low) AS print_low,
  array_sort(array_agg(f.change) FILTER (WHERE f.change IS NOT NULL)) AS changes,
  array_sort(array_agg(f.value) FILTER (WHERE f.value IS NOT NULL)) AS amounts"""


def every_cell(source: str, where: str = "true") -> str:
    """All cells of the inputs in `source`, by one GROUP BY."""
    return _summaries(
        f"SELECT f.kpi_id, f.vertical_id, f.region_id, coalesce(f.design, '') AS design, {_GROUPED} FROM {source} f "
        f"WHERE {where} GROUP BY f.kpi_id, CUBE (f.vertical_id, f.region_id, f.design)"
    )


def cells_in(touched: str, source: str = INPUT) -> str:
    """The cells that `touched` names: kpi_id, vertical_id, region_id, design (null, or empty for the design: all)."""

    def found(of_vertical: str) -> str:
        return (
            f"SELECT t.kpi_id, t.vertical_id, t.region_id, t.design, {_GROUPED} FROM {touched} t "
            f"JOIN {source} f ON f.kpi_id = t.kpi_id AND {of_vertical} "
            f"AND (t.region_id IS NULL OR f.region_id = t.region_id) AND (t.design = '' OR f.design = t.design) "
            f"GROUP BY t.kpi_id, t.vertical_id, t.region_id, t.design"
        )

    # Apart, so that the index finds those of one field by it.
    return _summaries(f"{found('f.vertical_id = t.vertical_id')} UNION ALL {found('t.vertical_id IS NULL')}")


def _quantile(share: float) -> str:
    """Type 7, as `kpis.statistics.quantile` and `percentile_cont` have it."""
    place = f"((m.n - 1) * {share}::float8)"
    below, above = f"m.v[floor({place})::int + 1]", f"m.v[ceil({place})::int + 1]"
    return f"{below} + ({place} - floor({place})) * ({above} - {below})"


def _summaries(grouped: str) -> str:
    many = f"m.n >= {FEWEST}"
    counted = f"{many} AND m.measure = '{Measure.CHANGE.value}' AND g.is_directed"
    half = "s.t_quantile * t.deviation / sqrt(m.n)"
    told = {
        "kpi_id": "g.kpi_id",
        "vertical_id": "g.vertical_id",
        "region_id": "g.region_id",
        "design": "g.design::varchar",
        "measure": "m.measure::varchar",
        "results": "g.results",
        "use_cases": "g.use_cases",
        "cities": "g.cities",
        "n": "m.n",
        "points": f"CASE WHEN {many} THEN ARRAY[]::float8[] ELSE coalesce(m.v, ARRAY[]::float8[]) END",
        "mean": f"CASE WHEN {many} THEN t.mean END",
        "mean_low": f"CASE WHEN {many} THEN t.mean - {half} END",
        "mean_high": f"CASE WHEN {many} THEN t.mean + {half} END",
        "median": f"CASE WHEN {many} THEN {_quantile(0.5)} END",
        "median_low": "CASE WHEN s.low > 0 THEN m.v[s.low] END",
        "median_high": "CASE WHEN s.low > 0 THEN m.v[s.high] END",
        "median_coverage": "CASE WHEN s.low > 0 THEN s.coverage END",
        "lower_quartile": f"CASE WHEN {many} THEN {_quantile(0.25)} END",
        "upper_quartile": f"CASE WHEN {many} THEN {_quantile(0.75)} END",
        "minimum": f"CASE WHEN {many} THEN m.v[1] END",
        "maximum": f"CASE WHEN {many} THEN m.v[m.n] END",
        "improved": f"CASE WHEN {counted} THEN t.improved END",
        "unchanged": f"CASE WHEN {counted} THEN m.n - t.improved - t.worsened END",
        "worsened": f"CASE WHEN {counted} THEN t.worsened END",
        "oldest_year": "g.oldest_year",
        "newest_year": "g.newest_year",
        "inputs_hash": "g.hash::varchar",
        "rule": f"'{RULE}'::varchar",
        "as_of": "g.as_of",
    }
    columns = ", ".join(f"{told[name]} AS {name}" for name in columns_of(Aggregate))
    return f"""
    SELECT {columns}
    FROM (SELECT grouped.*,
        encode(sha256(convert_to(concat_ws(' ', results, print_high, print_low), 'UTF8')), 'hex') AS hash
      FROM ({grouped}) grouped) g
    CROSS JOIN LATERAL (VALUES ('{Measure.CHANGE.value}', g.changes, coalesce(cardinality(g.changes), 0)),
      ('{Measure.VALUE.value}', g.amounts, coalesce(cardinality(g.amounts), 0))) AS m(measure, v, n)
    LEFT JOIN {_SIZE} s ON s.n = m.n
    LEFT JOIN LATERAL (
      SELECT avg(x) AS mean, stddev_samp(x) AS deviation, (count(*) FILTER (WHERE x > 0))::int AS improved,
        (count(*) FILTER (WHERE x < 0))::int AS worsened
      FROM unnest(m.v) AS x
    ) t ON {many}
    WHERE m.n > 0 OR m.measure = '{Measure.CHANGE.value}'"""


def touched_by(leaves: str) -> str:
    """All cells that the finest cells in `leaves` lie in, each once."""
    return f"""SELECT DISTINCT l.kpi_id, CASE WHEN w.v THEN l.vertical_id END AS vertical_id,
      CASE WHEN w.r THEN l.region_id END AS region_id, CASE WHEN w.d THEN l.design ELSE '' END AS design
      FROM {leaves} l CROSS JOIN (SELECT v, r, d FROM unnest(ARRAY[true, false]) AS v,
        unnest(ARRAY[true, false]) AS r, unnest(ARRAY[true, false]) AS d) w"""


def _same_cell(one: str, other: str, *, measure: bool) -> str:
    same = (
        f"{one}.kpi_id = {other}.kpi_id AND coalesce({one}.vertical_id, 0) = coalesce({other}.vertical_id, 0) AND "
        f"coalesce({one}.region_id, 0) = coalesce({other}.region_id, 0) AND {one}.design = {other}.design"
    )
    return f"{same} AND {one}.measure = {other}.measure" if measure else same


def differing_cells(fresh: str, stored: str) -> str:
    """The body of a query of the cells that are not what they should be; `f.kpi_id` is null of those too many."""
    told = columns_of(Aggregate)
    one, other = (f"({', '.join(f'{table}.{name}' for name in told)})" for table in ("f", "a"))
    same = _same_cell("f", "a", measure=True)
    return f"FROM {fresh} f FULL JOIN {stored} a ON {same} WHERE {one} IS DISTINCT FROM {other}"


def store_cells(fresh: str, stored: str, *, prepared: str = "") -> str:
    """One statement: make the cells of the query `stored` what the query `fresh` says. Gives how many differed."""
    names = columns_of(Aggregate)
    key = ("kpi_id", "vertical_id", "region_id", "design", "measure")
    updates = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    told = ", ".join(f"f.{name}" for name in names)
    return f"""
    WITH {prepared} fresh AS MATERIALIZED ({fresh}), was AS MATERIALIZED ({stored}),
    differing AS MATERIALIZED (
      SELECT {told}, f.kpi_id IS NULL AS is_gone, a.id AS was_id {differing_cells("fresh", "was")}
    ),
    gone AS (DELETE FROM {CELL} c USING differing d WHERE d.is_gone AND c.id = d.was_id),
    made AS (
      INSERT INTO {CELL} ({", ".join(names)}) SELECT {told} FROM differing f WHERE NOT f.is_gone
      ON CONFLICT ({", ".join(key)}) DO UPDATE SET {updates}
    )
    SELECT count(*) FROM differing"""


def stored_cells_in(touched: str) -> str:
    """The cells that are stored of those that `touched` names."""
    return f"SELECT a.* FROM {CELL} a JOIN {touched} t ON {_same_cell('a', 't', measure=False)}"


def grouped_cells(source: str, *, by_key: bool) -> str:
    """Cells by another grouping: `source` has the columns of inputs and a `key`.

    Args:
        by_key: a cell each key beside that of all together.
    Returns: SQL of both measures; `vertical_id` is the key, `region_id` 1 for all together and else 0.
    """
    place = "f.key AS vertical_id, GROUPING(f.key)" if by_key else "'' AS vertical_id, 1"
    sets = "f.kpi_id, GROUPING SETS ((), (f.key))" if by_key else "f.kpi_id"
    return _summaries(
        f"SELECT f.kpi_id, {place} AS region_id, '' AS design, {_GROUPED} FROM {source} f GROUP BY {sets}"
    )
