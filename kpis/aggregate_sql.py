"""The SQL of aggregates: inputs from records, cells from inputs. Written once for the worker, a rebuild and the past.

Rule 3. Inputs are the accepted results of published use cases, a corrected one once (what stands for it is accepted, it
is not). A cell's statistics are those of `kpis/statistics.py`; below 3 values it has none.
"""

from django.db.models import Model

from kpis.aggregate_models import FEWEST, Aggregate, AggregateInput, CellSums, Measure, SampleSize, UncountedInput
from kpis.measurement import GRADE_OF_DESIGN, Design

#: Raised when the same inputs give other numbers; everything is computed anew then.
RULE = "3"

INPUT = AggregateInput._meta.db_table
CELL = Aggregate._meta.db_table
SUMS = CellSums._meta.db_table
UNCOUNTED = UncountedInput._meta.db_table
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

#: What the cells know of an input, and what they know of none.
WAS = {
    name: "''" if name == "design" else "NULL"
    for name in columns_of(AggregateInput)
    if name not in ("result_id", "kpi_id")
}

_COMPARED = ", ".join(f"{{0}}.{name}" for name in columns_of(AggregateInput))


def follow_inputs(affected: str, *, everything: bool) -> str:
    """One statement: make the inputs what the records are, note those that differed, as they were.

    Args:
        affected: a query of result ids; everything: all there are, and it is not looked at.
    Returns: SQL that gives how many inputs differed.
    """
    columns = columns_of(AggregateInput)
    mine = "true" if everything else "result_id IN (SELECT id FROM affected)"
    theirs = "true" if everything else "r.id IN (SELECT id FROM affected)"
    updates = ", ".join(f"{name} = excluded.{name}" for name in columns if name != "result_id")
    was = ", ".join(WAS)
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
      INSERT INTO {UNCOUNTED} (kpi_id, result_id, is_counted, {was})
      SELECT kpi_id, result_id, true, {was} FROM was JOIN differing USING (result_id)
      UNION ALL
      SELECT kpi_id, result_id, false, {", ".join(f"{empty} AS {name}" for name, empty in WAS.items())}
      FROM fresh JOIN differing USING (result_id)
      WHERE NOT EXISTS (SELECT FROM was WHERE was.result_id = fresh.result_id AND was.kpi_id = fresh.kpi_id)
      ORDER BY kpi_id, result_id ON CONFLICT (kpi_id, result_id) DO UPDATE SET id = DEFAULT
    )
    SELECT count(*) FROM differing"""


def differing_inputs() -> str:
    """The results whose input is not what their records say. Parameters: those of `CONVERSION`."""
    return f"""
    WITH {CONVERSION}, fresh AS ({inputs()})
    SELECT result_id FROM fresh FULL JOIN {INPUT} was USING (result_id)
    WHERE ({_COMPARED.format("fresh")}) IS DISTINCT FROM ({_COMPARED.format("was")})"""


# --- cells -----------------------------------------------------------------------------------------------------------
#: What adds up, of finer cells to wider ones: whole numbers, and exact ones. Names of `CellSums`.
COUNTS = ("results", "directed", "changes", "above", "below", "amounts")
TOTALS = ("print_high", "print_low", "change_total", "change_squares", "value_total", "value_squares")
#: The extremes of finer cells give that of wider ones.
EXTREMES = {"oldest_year": "min", "newest_year": "max", "as_of": "max"}
_VALUES = """array_sort(array_agg(f.change) FILTER (WHERE f.change IS NOT NULL)) AS change_values,
  array_sort(array_agg(f.value) FILTER (WHERE f.value IS NOT NULL)) AS value_values"""
#: The same use case, or city, can be in several finer cells.
_PARTIES = "count(DISTINCT f.use_case_id)::int AS use_cases, count(DISTINCT f.city_id)::int AS cities"


def _total(of: str) -> str:
    return f"coalesce(sum({of} ORDER BY f.result_id), 0)::numeric"


def _squares(of: str) -> str:
    """Exact as to the total: a variance loses nothing, however close to each other large values are."""
    variance = f"(var_pop({of} ORDER BY f.result_id) * count({of}))::numeric"
    return f"coalesce({variance} + {_total(of)} * {_total(of)} / nullif(count({of}), 0), 0)"


#: Sums of the inputs (f) of a cell. Of floating numbers they hang on the order, and so have one.
SUMMED = ", ".join(
    f"{how} AS {name}"
    for name, how in {
        "results": "count(*)::int",
        "directed": "(count(*) FILTER (WHERE f.is_directed))::int",
        "print_high": "sum(f.print_high)",
        "print_low": "sum(f.print_low)",
        "oldest_year": "min(f.year)",
        "newest_year": "max(f.year)",
        "as_of": "max(f.changed_at)",
        "changes": "count(f.change)::int",
        "above": "(count(*) FILTER (WHERE f.change > 0))::int",
        "below": "(count(*) FILTER (WHERE f.change < 0))::int",
        "change_total": _total("f.change"),
        "change_squares": _squares("f.change"),
        "amounts": "count(f.value)::int",
        "value_total": _total("f.value"),
        "value_squares": _squares("f.value"),
    }.items()
)
PLACE = ("kpi_id", "vertical_id", "region_id", "design")


def finest(source: str, where: str = "true") -> str:
    """The finest cells of the inputs in `source`, with their sums."""
    leaf = ", ".join(f"f.{name}" for name in PLACE)
    return f"SELECT {leaf}, {SUMMED} FROM {source} f WHERE {where} GROUP BY {leaf}"


def every_gathered(source: str, where: str = "true") -> str:
    """All cells of the inputs in `source` before they are summarised: their sums and their ascending values."""
    sums = ", ".join(
        [
            *(f"sum(s.{name})::int AS {name}" for name in COUNTS),
            *(f"sum(s.{name}) AS {name}" for name in TOTALS),
            *(f"{way}(s.{name}) AS {name}" for name, way in EXTREMES.items()),
        ]
    )
    names = (*COUNTS, *TOTALS, *EXTREMES)
    place = "{0}.kpi_id, coalesce({0}.vertical_id, 0) AS vertical_id, coalesce({0}.region_id, 0) AS region_id"
    design = "coalesce({0}.design, '') AS design"
    by_two = "GROUPING SETS ((s.vertical_id, s.region_id), (s.vertical_id, s.design), (s.region_id, s.design))"
    return f"""
    WITH finest AS MATERIALIZED ({finest(source, where)}),
    by_two AS MATERIALIZED (
      SELECT {place.format("s")}, {design.format("s")}, {sums} FROM finest s GROUP BY s.kpi_id, {by_two}),
    summed AS MATERIALIZED (
      SELECT {", ".join((*PLACE, *names))} FROM finest UNION ALL SELECT * FROM by_two
      UNION ALL SELECT {place.format("s")}, '', {sums} FROM (SELECT * FROM by_two WHERE design = '') s
      GROUP BY s.kpi_id, GROUPING SETS ((s.vertical_id), (s.region_id), ())
      UNION ALL SELECT s.kpi_id, 0, 0, s.design, {sums} FROM (SELECT * FROM by_two WHERE region_id = 0) s
      GROUP BY s.kpi_id, s.design),
    gathered AS (
      SELECT {place.format("c")}, {design.format("c")}, c.use_cases, c.cities, c.change_values, c.value_values
      FROM (SELECT f.kpi_id, f.vertical_id, f.region_id, f.design, {_PARTIES}, {_VALUES}
        FROM {source} f WHERE {where} GROUP BY f.kpi_id, CUBE (f.vertical_id, f.region_id, f.design)) c)
    SELECT s.kpi_id, nullif(s.vertical_id, 0) AS vertical_id, nullif(s.region_id, 0) AS region_id, s.design,
      {", ".join(f"s.{name}" for name in names)}, g.use_cases, g.cities, g.change_values, g.value_values
    FROM gathered g JOIN summed s ON {same_cell("s", "g")}"""


def every_cell(source: str, where: str = "true") -> str:
    """All cells of the inputs in `source`."""
    return summaries(every_gathered(source, where))


def grouped_cells(source: str, *, by_key: bool) -> str:
    """Cells by another grouping: `source` has the columns of inputs and a `key`.

    Args:
        by_key: a cell each key beside that of all together.
    Returns: SQL of both measures; `vertical_id` is the key, `region_id` 1 for all together and else 0.
    """
    place = "f.key AS vertical_id, GROUPING(f.key)" if by_key else "'' AS vertical_id, 1"
    sets = "f.kpi_id, GROUPING SETS ((), (f.key))" if by_key else "f.kpi_id"
    return summaries(
        f"SELECT f.kpi_id, {place} AS region_id, '' AS design, {SUMMED}, {_PARTIES}, {_VALUES} "
        f"FROM {source} f GROUP BY {sets}"
    )


def _place(share: float) -> str:
    """Of a quantile among n ascending values, from 0: type 7, as `kpis.statistics.quantile`, `percentile_cont`."""
    return f"((m.n - 1) * {share}::float8)"


#: The ranks, from 1, of the values that a summary needs of n (m.n) ascending ones; null: there is none.
RANKS = {
    "minimum": "1",
    "maximum": "m.n",
    "interval_low": "nullif(s.low, 0)",
    "interval_high": "CASE WHEN s.low > 0 THEN s.high END",
    **{
        f"{name}_{way}": f"{way}({_place(share)})::int + 1"
        for name, share in (("lower", 0.25), ("median", 0.5), ("upper", 0.75))
        for way in ("floor", "ceil")
    },
}
MEASURED = f"""(VALUES
      ('{Measure.CHANGE.value}', g.changes, g.change_total, g.change_squares, g.change_values),
      ('{Measure.VALUE.value}', g.amounts, g.value_total, g.value_squares, g.value_values)
    ) AS m(measure, n, total, squares, v)"""
SIZES = f"LEFT JOIN {_SIZE} s ON s.n = m.n"


def summaries(gathered: str, *, are_picked: bool = False) -> str:
    """The rows of `Aggregate` of cells that the query `gathered` gives: place, sums, extremes, counts, values.

    Args:
        are_picked: values are those of `RANKS` alone, in that order, instead of all, ascending.
    """
    many = f"m.n >= {FEWEST}"
    counted = f"{many} AND m.measure = '{Measure.CHANGE.value}' AND g.directed = g.results"

    def value(name: str) -> str:
        return f"m.v[{list(RANKS).index(name) + 1 if are_picked else RANKS[name]}]"

    def quantile(name: str, share: float) -> str:
        low, high = value(f"{name}_floor"), value(f"{name}_ceil")
        return f"{low} + ({_place(share)} - floor({_place(share)})) * ({high} - {low})"

    half = "s.t_quantile * t.deviation / sqrt(m.n)"
    smallest, largest = value("minimum"), value("maximum")
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
        "points": f"CASE m.n WHEN 1 THEN ARRAY[{smallest}] WHEN 2 THEN ARRAY[{smallest}, {largest}] "
        "ELSE ARRAY[]::float8[] END",
        "mean": "t.mean",
        "mean_low": f"t.mean - {half}",
        "mean_high": f"t.mean + {half}",
        "median": f"CASE WHEN {many} THEN {quantile('median', 0.5)} END",
        "median_low": value("interval_low"),
        "median_high": value("interval_high"),
        "median_coverage": "CASE WHEN s.low > 0 THEN s.coverage END",
        "lower_quartile": f"CASE WHEN {many} THEN {quantile('lower', 0.25)} END",
        "upper_quartile": f"CASE WHEN {many} THEN {quantile('upper', 0.75)} END",
        "minimum": f"CASE WHEN {many} THEN {smallest} END",
        "maximum": f"CASE WHEN {many} THEN {largest} END",
        "improved": f"CASE WHEN {counted} THEN g.above END",
        "unchanged": f"CASE WHEN {counted} THEN m.n - g.above - g.below END",
        "worsened": f"CASE WHEN {counted} THEN g.below END",
        "oldest_year": "g.oldest_year",
        "newest_year": "g.newest_year",
        "inputs_hash": "g.hash::varchar",
        "rule": f"'{RULE}'::varchar",
        "as_of": "g.as_of",
    }
    columns = ", ".join(f"{told[name]} AS {name}" for name in columns_of(Aggregate))
    # Whole numbers until the last division: nothing is lost where values are large and close to each other.
    variance = "(m.n * m.squares - m.total * m.total)::float8 / (m.n::float8 * (m.n - 1))"
    return f"""
    SELECT {columns}
    FROM (SELECT gathered.*,
        encode(sha256(convert_to(concat_ws(' ', results, print_high, print_low), 'UTF8')), 'hex') AS hash
      FROM ({gathered}) gathered) g
    CROSS JOIN LATERAL {MEASURED}
    {SIZES}
    CROSS JOIN LATERAL (
      SELECT CASE WHEN {many} THEN m.total::float8 / m.n END AS mean,
        CASE WHEN {many} THEN sqrt({variance}) END AS deviation) t
    WHERE m.n > 0 OR m.measure = '{Measure.CHANGE.value}'"""


def same_cell(one: str, other: str, *, nulls: bool = False, measure: bool = False) -> str:
    """Whether the rows of two tables are of one cell. nulls: all fields, or all regions, may be null beside nought."""
    told = "coalesce({}.{}, 0)" if nulls else "{}.{}"
    same = [f"{told.format(one, key)} = {told.format(other, key)}" for key in ("vertical_id", "region_id")]
    same += [f"{one}.{key} = {other}.{key}" for key in ("kpi_id", "design", *(["measure"] if measure else []))]
    return " AND ".join(same)


def stored(fresh: str, was: str, *, repair: bool = True) -> str:
    """Parts of one statement (`WITH`): make the cells of the query `was` what the query `fresh` says, or only look.

    `fresh` are the cells as they should be, `differing` those that were not, `is_gone` those too many.
    """
    names = columns_of(Aggregate)
    key = ("kpi_id", "vertical_id", "region_id", "design", "measure")
    updates = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    told = ", ".join(f"coalesce(f.{name}, a.{name}) AS {name}" if name in key else f"f.{name}" for name in names)
    one, other = (f"({', '.join(f'{table}.{name}' for name in names)})" for table in ("f", "a"))
    looked = f"""
    fresh AS MATERIALIZED ({fresh}), was AS MATERIALIZED ({was}),
    differing AS MATERIALIZED (
      SELECT {told}, f.kpi_id IS NULL AS is_gone, a.id AS was_id
      FROM fresh f FULL JOIN was a ON {same_cell("f", "a", nulls=True, measure=True)}
      WHERE {one} IS DISTINCT FROM {other}
    )"""
    if not repair:
        return looked
    return f"""{looked},
    gone AS (DELETE FROM {CELL} c USING differing d WHERE d.is_gone AND c.id = d.was_id),
    made AS (
      INSERT INTO {CELL} ({", ".join(names)}) SELECT {", ".join(names)} FROM differing WHERE NOT is_gone
      ON CONFLICT ({", ".join(key)}) DO UPDATE SET {updates}
    )"""
