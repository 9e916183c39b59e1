"""The SQL of running aggregates: sums and sorted values follow what changed among the inputs, and cells follow both.

What a cell says comes from what it said and from what came and went, not from all its inputs: the cost is that of the
change. `whole_state` makes the same of all inputs; that both agree is what an examination proves.
"""

from collections.abc import Iterator
from itertools import product

from kpis import aggregate_sql as sql
from kpis.aggregate_models import AggregateInput, CellSums, Measure, SortedValues

SORTED = SortedValues._meta.db_table
#: Values of a piece that is made; it is cut when it has grown to twice as many.
PIECE = 480

_PLACE = sql.PLACE
_SUMS = sql.columns_of(CellSums)
_CUBE = "f.kpi_id, CUBE (f.vertical_id, f.region_id, f.design)"
_KEYS = (
    "f.kpi_id, coalesce(f.vertical_id, 0) AS vertical_id, coalesce(f.region_id, 0) AS region_id, "
    "coalesce(f.design, '') AS design"
)
_CHANGE, _VALUE = Measure.CHANGE.value, Measure.VALUE.value
_INPUT = sql.columns_of(AggregateInput)
_PARTIES = {"use_cases": "use_case_id", "cities": "city_id"}
_WHEN = ("now", "was")


def _difference() -> str:
    """What came (sign 1) and went (-1) since the cells counted it, of some indicators (one parameter, twice)."""
    was = ", ".join(f"u.{name}" for name in _INPUT)
    now = ", ".join(f"i.{name}" for name in _INPUT)
    return f"""difference AS MATERIALIZED (
      SELECT -1 AS sign, {was} FROM {sql.UNCOUNTED} u WHERE u.kpi_id = ANY(%s) AND u.is_counted
      UNION ALL
      SELECT 1, {now} FROM {sql.UNCOUNTED} u JOIN {sql.INPUT} i ON i.result_id = u.result_id AND i.kpi_id = u.kpi_id
      WHERE u.kpi_id = ANY(%s))"""


def _pieces(values: str) -> str:
    """A table of `first` and `last` (from 1) of each piece of ascending values; equal ones stay in one."""
    return f"""(
      SELECT first, coalesce(lead(first) OVER (ORDER BY first) - 1, cardinality({values})) AS last FROM (
        SELECT DISTINCT CASE WHEN place > 1 AND {values}[place] = {values}[place - 1]
          THEN array_position({values}, {values}[place]) ELSE place END AS first
        FROM generate_series(1, cardinality({values}), {PIECE}) AS place) places)"""


# --- values ----------------------------------------------------------------------------------------------------------
def count_values() -> str:
    """One statement: put the values that came into their pieces, take those that went out.

    Parameters: indicators, twice. Gives those whose pieces do not hold what went: they are not what was counted.
    """
    mine = sql.same_cell("p", "s", measure=True)
    fits = f"cardinality(m.sorted) BETWEEN 1 AND {2 * PIECE}"
    return f"""
    WITH {_difference()},
    spread AS MATERIALIZED (
      SELECT {_KEYS}, m.measure, m.x, sum(f.sign)::int AS times FROM difference f
      CROSS JOIN LATERAL (VALUES ('{_CHANGE}', f.change), ('{_VALUE}', f.value)) AS m(measure, x)
      WHERE m.x IS NOT NULL GROUP BY {_CUBE}, m.measure, m.x HAVING sum(f.sign) <> 0
    ),
    located AS MATERIALIZED (
      SELECT s.*, coalesce(below.id, lowest.id) AS id FROM spread s
      LEFT JOIN LATERAL (
        SELECT p.id FROM {SORTED} p WHERE {mine} AND p.bound <= s.x ORDER BY p.bound DESC LIMIT 1) below ON true
      LEFT JOIN LATERAL (
        SELECT p.id FROM {SORTED} p WHERE {mine} AND below.id IS NULL ORDER BY p.bound LIMIT 1) lowest ON true
    ),
    changed AS MATERIALIZED (
      SELECT l.id, l.kpi_id, l.vertical_id, l.region_id, l.design, l.measure,
        array_agg(l.x) FILTER (WHERE l.times > 0) AS came, array_agg(l.x) FILTER (WHERE l.times < 0) AS went
      FROM located l CROSS JOIN LATERAL generate_series(1, abs(l.times)) GROUP BY 1, 2, 3, 4, 5, 6
    ),
    merged AS MATERIALIZED (
      SELECT c.*, p.n AS was, CASE WHEN c.went IS NULL THEN array_sort(p.sorted || c.came) ELSE array_sort(ARRAY(
        SELECT unnest(p.sorted || c.came) EXCEPT ALL SELECT unnest(c.went))) END AS sorted
      FROM changed c LEFT JOIN {SORTED} p ON p.id = c.id
    ),
    gone AS (DELETE FROM {SORTED} p USING merged m WHERE p.id = m.id AND NOT {fits}),
    kept AS (
      UPDATE {SORTED} p SET sorted = m.sorted, n = cardinality(m.sorted), bound = m.sorted[1]
      FROM merged m WHERE p.id = m.id AND {fits}
    ),
    made AS ({_insert_pieces("merged m", "m", "m.sorted")} WHERE m.id IS NULL OR NOT {fits})
    SELECT coalesce(array_agg(DISTINCT kpi_id), '{{}}') FROM merged
    WHERE cardinality(sorted) <> coalesce(was, 0) + coalesce(cardinality(came), 0) - coalesce(cardinality(went), 0)"""


def _insert_pieces(source: str, place: str, values: str) -> str:
    told = ", ".join(f"{place}.{name}" for name in (*_PLACE, "measure"))
    return f"""INSERT INTO {SORTED} ({", ".join(_PLACE)}, measure, bound, n, sorted)
      SELECT {told}, {values}[c.first], c.last - c.first + 1, {values}[c.first:c.last]
      FROM {source} CROSS JOIN LATERAL {_pieces(values)} c"""


# --- sums ------------------------------------------------------------------------------------------------------------
def _parties(column: str) -> str:
    """How many use cases, or cities, a cell has more than before: those without another result in it."""
    return f"""
      SELECT c.kpi_id, c.vertical_id, c.region_id, c.design, sum(c.came::int - c.went::int)::int AS more FROM (
        SELECT {_KEYS}, f.{column}, bool_or(f.sign > 0) AS came, bool_or(f.sign < 0) AS went
        FROM difference f GROUP BY {_CUBE}, f.{column}) c
      LEFT JOIN LATERAL (
        SELECT true AS is_there FROM {sql.INPUT} i
        WHERE i.kpi_id = c.kpi_id AND i.{column} = c.{column} AND {_inside("i", "c")}
        AND NOT EXISTS (SELECT FROM {sql.UNCOUNTED} u WHERE u.kpi_id = i.kpi_id AND u.result_id = i.result_id)
        LIMIT 1) other ON true
      WHERE c.came <> c.went AND other.is_there IS NULL GROUP BY 1, 2, 3, 4"""


def _inside(one: str, cell: str) -> str:
    """Whether an input lies in a cell of its indicator."""
    return (
        f"({cell}.vertical_id = 0 OR {one}.vertical_id = {cell}.vertical_id) AND "
        f"({cell}.region_id = 0 OR {one}.region_id = {cell}.region_id) AND "
        f"({cell}.design = '' OR {one}.design = {cell}.design)"
    )


def _sums_of(cell: str) -> str:
    """The sums of one cell, by the index: PostgreSQL does not know how few are touched, and would read them all."""
    return f"(SELECT * FROM {sql.SUMS} own WHERE {sql.same_cell('own', cell)} LIMIT 1)"


def count_sums() -> str:
    """One statement: bring the sums of the touched cells up to date. Parameters: indicators, twice.

    The finest cells are added up anew, wider ones by how these differ.
    """
    more = ", ".join(f"coalesce(n.{name}, 0) - coalesce(w.{name}, 0) AS {name}" for name in (*sql.COUNTS, *sql.TOTALS))
    ends = ", ".join(f"n.{name} AS {name}_now, w.{name} AS {name}_was" for name in sql.EXTREMES)
    sums = ", ".join(
        [
            *(f"sum(f.{name})::int AS {name}" for name in sql.COUNTS),
            *(f"sum(f.{name}) AS {name}" for name in sql.TOTALS),
            *(f"{end}(f.{name}_{when}) AS {name}_{when}" for name, end in sql.EXTREMES.items() for when in _WHEN),
        ]
    )
    added = ", ".join(f"coalesce(w.{name}, 0) + d.{name} AS {name}" for name in (*sql.COUNTS, *sql.TOTALS))
    parties = ", ".join(f"coalesce(w.{name}, 0) + coalesce({name}.more, 0) AS {name}" for name in _PARTIES)
    found = ", ".join(f"{end}(f.{name}) AS {name}" for name, end in sql.EXTREMES.items())
    updates = ", ".join(f"{name} = excluded.{name}" for name in _SUMS if name not in _PLACE)
    return f"""
    WITH {_difference()},
    leaves AS MATERIALIZED (SELECT DISTINCT {", ".join(_PLACE)} FROM difference),
    now AS MATERIALIZED (
      SELECT l.*, n.* FROM leaves l CROSS JOIN LATERAL (
        SELECT {sql.SUMMED} FROM {sql.INPUT} f WHERE {sql.same_cell("f", "l")} HAVING count(*) > 0) n
    ),
    changed AS MATERIALIZED (
      SELECT l.*, {more}, {ends} FROM leaves l
      LEFT JOIN now n ON {sql.same_cell("n", "l")} LEFT JOIN LATERAL {_sums_of("l")} w ON true
    ),
    added AS MATERIALIZED (SELECT {_KEYS}, {sums} FROM changed f GROUP BY {_CUBE}),
    {", ".join(f"{name} AS MATERIALIZED ({_parties(column)})" for name, column in _PARTIES.items())},
    summed AS MATERIALIZED (
      SELECT d.kpi_id, d.vertical_id, d.region_id, d.design, {added}, {parties},
        {", ".join(f"{_extreme(name)} AS {name}" for name in sql.EXTREMES)}
      FROM added d LEFT JOIN LATERAL {_sums_of("d")} w ON true
      {" ".join(f"LEFT JOIN {name} ON {sql.same_cell(name, 'd')}" for name in _PARTIES)}
      CROSS JOIN LATERAL (SELECT {" OR ".join(map(_is_open, sql.EXTREMES))} AS is_open) o
      LEFT JOIN LATERAL (
        SELECT {found} FROM (
          SELECT i.year AS oldest_year, i.year AS newest_year, i.changed_at AS as_of FROM {sql.INPUT} i
          WHERE o.is_open AND i.kpi_id = d.kpi_id AND {_inside("i", "d")}) f) x ON true
    ),
    gone AS (DELETE FROM {sql.SUMS} s USING summed n WHERE n.results <= 0 AND {sql.same_cell("s", "n")})
    INSERT INTO {sql.SUMS} ({", ".join(_SUMS)}) SELECT {", ".join(_SUMS)} FROM summed WHERE results > 0
    ON CONFLICT ({", ".join(_PLACE)}) DO UPDATE SET {updates}"""


def _extreme(name: str) -> str:
    """The oldest, or newest, after the change."""
    better = {"min": "least", "max": "greatest"}[sql.EXTREMES[name]]
    return f"CASE WHEN o.is_open THEN x.{name} ELSE {better}(w.{name}, d.{name}_now) END"


def _is_open(name: str) -> str:
    """Whether the old extreme may have gone: then it is looked up among all inputs."""
    worse = {"min": ">", "max": "<"}[sql.EXTREMES[name]]
    return f"coalesce(d.{name}_was = w.{name} AND (d.{name}_now {worse} w.{name}) IS NOT FALSE, false)"


# --- cells -----------------------------------------------------------------------------------------------------------
def count_cells() -> str:
    """One statement: store the touched cells as their sums and values say. Parameters: indicators, twice.

    Gives how many differed.
    """
    prepared = f"{_difference()}, touched AS MATERIALIZED (SELECT {_KEYS} FROM difference f GROUP BY {_CUBE}),"
    stored = f"SELECT a.* FROM touched t CROSS JOIN LATERAL ({' UNION ALL '.join(_stored())}) a"
    cells = sql.stored(sql.summaries(_picked(), are_picked=True), stored)
    return f"WITH {prepared} {cells} SELECT count(*) FROM differing"


def _stored() -> Iterator[str]:
    """The rows of a touched cell (t) by the index of cells, which has null for nought: one query for each case."""
    for nulls in product((False, True), repeat=2):
        same = ["a.kpi_id = t.kpi_id", "a.design = t.design"]
        for name, is_null in zip(("vertical_id", "region_id"), nulls, strict=True):
            same += [f"t.{name} = 0", f"a.{name} IS NULL"] if is_null else [f"t.{name} <> 0", f"a.{name} = t.{name}"]
        yield f"SELECT a.* FROM {sql.CELL} a WHERE {' AND '.join(same)}"


def _picked() -> str:
    """The touched cells with the values that a summary needs of them."""
    told = ", ".join(
        f"nullif(g.{name}, 0) AS {name}" if name in ("vertical_id", "region_id") else f"g.{name}" for name in _SUMS
    )
    counted = {_CHANGE: "g.changes", _VALUE: "g.amounts"}
    values = ", ".join(f"{_values_at('g', measure, n)} AS {measure}_values" for measure, n in counted.items())
    return f"SELECT {told}, {values} FROM touched t CROSS JOIN LATERAL {_sums_of('t')} g"


def _values_at(cell: str, measure: str, n: str) -> str:
    """The values of `sql.RANKS`: the piece by how many come before it, the value by its place in there."""
    ranks = ", ".join(f"({rank})" for rank in sql.RANKS.values())
    mine = " AND ".join(f"p.{name} = {cell}.{name}" for name in _PLACE)
    return f"""(
      SELECT ARRAY(
        SELECT (SELECT p.sorted[r.rank - coalesce(d.upto[k.piece - 1], 0)] FROM {SORTED} p WHERE p.id = d.ids[k.piece])
        FROM unnest(ARRAY[{ranks}]::int[]) WITH ORDINALITY AS r(rank, place)
        CROSS JOIN LATERAL (SELECT width_bucket(r.rank - 1, d.upto) + 1 AS piece) k ORDER BY r.place)
      FROM (SELECT {n} AS n) m {sql.SIZES} CROSS JOIN LATERAL (
        SELECT array_agg(q.id ORDER BY q.bound) AS ids, array_agg(q.upto ORDER BY q.bound) AS upto FROM (
          SELECT p.id, p.bound, (sum(p.n) OVER (ORDER BY p.bound))::int AS upto FROM {SORTED} p
          WHERE {mine} AND p.measure = '{measure}') q) d
      WHERE m.n > 0)"""


# --- everything of some indicators -----------------------------------------------------------------------------------
def whole_state(chosen: str, *, repair: bool) -> str:
    """One statement: sums, values and cells of the indicators that `chosen` (a condition on kpi_id) names, from all
    their inputs.

    Args:
        repair: make them so; else only look.
    Returns: SQL that gives how many cells there should be, and of how many something differed.
    """
    own = [name for name in _SUMS if name not in _PLACE]
    numbered = "g.kpi_id, coalesce(g.vertical_id, 0) AS vertical_id, coalesce(g.region_id, 0) AS region_id, g.design"
    either = ", ".join(f"coalesce(n.{name}, w.{name}) AS {name}" for name in _PLACE)
    should, are = (f"({', '.join(f'{table}.{name}' for name in own)})" for table in ("n", "w"))
    mine = "p.kpi_id, p.vertical_id, p.region_id, p.design, p.measure"
    parts = f"""
    gathered AS MATERIALIZED ({sql.every_gathered(sql.INPUT, f"f.{chosen}")}),
    summed AS MATERIALIZED (SELECT {numbered}, {", ".join(f"g.{name}" for name in own)} FROM gathered g),
    measured AS MATERIALIZED (
      SELECT {numbered}, m.measure, m.n, m.v FROM gathered g CROSS JOIN LATERAL {sql.MEASURED} WHERE m.n > 0),
    sums_off AS MATERIALIZED (
      SELECT {either}, n.kpi_id IS NULL AS is_gone
      FROM summed n FULL JOIN (SELECT * FROM {sql.SUMS} WHERE {chosen}) w ON {sql.same_cell("n", "w")}
      WHERE {should} IS DISTINCT FROM {are}),
    held AS MATERIALIZED (
      SELECT {mine}, max(p.upto) AS n, bool_and(p.sorted = m.v[p.upto - p.n + 1:p.upto]) AS is_right
      FROM (SELECT *, (sum(n) OVER (PARTITION BY {", ".join(_PLACE)}, measure ORDER BY bound))::int AS upto
        FROM {SORTED} WHERE {chosen}) p
      LEFT JOIN measured m ON {sql.same_cell("m", "p", measure=True)} GROUP BY {mine}),
    values_off AS MATERIALIZED (
      SELECT {either}, coalesce(n.measure, w.measure) AS measure
      FROM measured n FULL JOIN held w ON {sql.same_cell("n", "w", measure=True)}
      WHERE n.n IS DISTINCT FROM w.n OR w.is_right IS NOT TRUE),
    {sql.stored(sql.summaries("SELECT * FROM gathered"), f"SELECT * FROM {sql.CELL} WHERE {chosen}", repair=repair)}"""
    if repair:
        updates = ", ".join(f"{name} = excluded.{name}" for name in own)
        parts += f""",
    sums_gone AS (DELETE FROM {sql.SUMS} s USING sums_off o WHERE o.is_gone AND {sql.same_cell("s", "o")}),
    sums_made AS (
      INSERT INTO {sql.SUMS} ({", ".join(_SUMS)})
      SELECT {", ".join(f"n.{name}" for name in _SUMS)} FROM summed n JOIN sums_off o ON {sql.same_cell("n", "o")}
      ON CONFLICT ({", ".join(_PLACE)}) DO UPDATE SET {updates}),
    values_gone AS (DELETE FROM {SORTED} p USING values_off o WHERE {sql.same_cell("p", "o", measure=True)}),
    values_made AS ({
            _insert_pieces(
                f"(SELECT m.* FROM measured m JOIN values_off o ON {sql.same_cell('m', 'o', measure=True)}) m",
                "m",
                "m.v",
            )
        })"""
    off = f"SELECT {', '.join(_PLACE)}, '{_CHANGE}' AS measure FROM sums_off UNION "
    off += f"SELECT {', '.join(_PLACE)}, measure FROM values_off UNION "
    off += "SELECT kpi_id, coalesce(vertical_id, 0), coalesce(region_id, 0), design, measure FROM differing"
    return f"WITH {parts} SELECT (SELECT count(*) FROM fresh), (SELECT count(*) FROM ({off}) o)"
