"""Counts of public documents, kept beside them: what a list without a search and with few choices shows costs no scan.

A cube has a few short dimensions (field of city life, region, stage). For every combination of up to `DEEPEST` of them
there is one row with its count; of the combinations with few members there are also the counts by longer lists (city,
technologies). Counts move in the statement that stores documents, so that a reader sees both or neither.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from django.db import connection, transaction

from alliance.core.counting import EVERYTHING, TOTAL, Part, Question
from alliance.events.models import Cell

#: Dimensions that a row names at most: three choices, and the values of one more facet.
DEEPEST = 4
#: Columns of the table for dimensions.
WIDTH = 7
#: In place of a dimension that a row does not name.
ANY = "*"

_PLACES = [f"d{number}" for number in range(1, WIDTH + 1)]
_TABLE = Cell._meta.db_table
_KEY = ", ".join(["kind", "facet", "extent", *_PLACES, "value"])
_LISTED = ", ".join(["kind", "facet", "value", "extent", *_PLACES, "n"])


@dataclass(frozen=True)
class Cube:
    """The counts of one kind of documents.

    Attributes:
        kind: its name.
        dimensions: columns with few values each, none of them null; those chosen most often first.
        listed: columns with many values, or several in one document -> how many dimensions may be chosen with them.
        arrays: those of them that hold several.
    """

    kind: str
    dimensions: tuple[str, ...]
    listed: Mapping[str, int]
    arrays: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if len(self.dimensions) > WIDTH:
            raise ValueError(f"A cube has at most {WIDTH} dimensions.")

    @property
    def columns(self) -> list[str]:
        """Of a document, all that its counts depend on."""
        return [*self.dimensions, *self.listed]

    # --- counting ----------------------------------------------------------------------------------------------------
    def _sets(self, deepest: int) -> str:
        """The combinations of dimensions, as grouping sets."""
        return ", ".join(
            f"({', '.join(_quoted(chosen))})"
            for size in range(deepest + 1)
            for chosen in combinations(self.dimensions, size)
        )

    def _place(self, deepest: int) -> str:
        """A group's dimensions as columns of the table, after how many it names."""
        if deepest == 0:
            return ", ".join(["0", *(f"'{ANY}'" for _ in _PLACES)])
        given = [f"CASE WHEN grouping({name}) = 0 THEN {name} ELSE '{ANY}' END" for name in _quoted(self.dimensions)]
        rest = [f"'{ANY}'"] * (WIDTH - len(given))
        extent = " - ".join([str(len(given)), *(f"grouping({name})" for name in _quoted(self.dimensions))])
        return f"{extent}, {', '.join([*given, *rest])}"

    def cells_sql(self, changed: str) -> str:
        """The rows of the table that documents make; the parameter is the kind.

        Args: changed: a relation of the columns, and `n`: how many documents have these values more than before.
        """
        dimensions = ", ".join(_quoted(self.dimensions))
        parts = [
            f"SELECT '' AS facet, '' AS value, {self._place(DEEPEST)}, sum(n) AS n "
            f"FROM (SELECT {dimensions}, sum(n) AS n FROM {changed} GROUP BY {dimensions}) AS narrow "
            f"GROUP BY GROUPING SETS ({self._sets(DEEPEST)})"
        ]
        for name, deepest in self.listed.items():
            each = f', unnest("{name}") AS one' if name in self.arrays else ""
            value = "one" if name in self.arrays else f'"{name}"'
            sets = self._sets(deepest).replace("(", f"({value}, ").replace(", )", ")")
            parts.append(
                f"SELECT '{name}', {value}, {self._place(deepest)}, sum(n) FROM {changed}{each} "
                f"GROUP BY GROUPING SETS ({sets})"
            )
        listed = ", ".join(["facet", "value", "extent", *_PLACES, "n"])
        return (
            f"SELECT %s::text AS kind, * FROM ({' UNION ALL '.join(parts)}) AS cells({listed}) "
            "WHERE n <> 0 AND value IS NOT NULL"
        )

    def moving_sql(self, made: str, before: str) -> tuple[str, str]:
        """What documents count more or less than before, and a statement that adds it; its parameter is the kind.

        Args: made, before: relations of documents, as they are now and as they were.
        Returns: the query of a relation that must be called `changed`, and the statement that reads it.
        """
        columns = ", ".join(_quoted(self.columns))
        changed = (
            f"SELECT {columns}, sum(n) AS n FROM (SELECT {columns}, 1 AS n FROM {made} WHERE is_public "
            f"UNION ALL SELECT {columns}, -1 FROM {before} WHERE is_public) AS more_and_less "
            f"GROUP BY {columns} HAVING sum(n) <> 0"
        )
        return changed, (
            f"INSERT INTO {_TABLE} AS c ({_LISTED}) SELECT * FROM ({self.cells_sql('changed')}) AS counted "
            f"ORDER BY {_KEY} ON CONFLICT ({_KEY}) DO UPDATE SET n = c.n + excluded.n"
        )

    # --- answering ---------------------------------------------------------------------------------------------------
    def parts(self, question: Question, wanted: frozenset[int]) -> tuple[list[Part], set[int]]:
        """What of the question the cube can answer."""
        parts: list[Part] = []
        answered: set[int] = set()
        if EVERYTHING in wanted:
            parts.append(
                (f"SELECT {EVERYTHING}, NULL::text, n, NULL::bigint FROM {self._cells({}, 0)}", [self.kind, ""])
            )
            answered.add(EVERYTHING)
        if not question.facets_only:
            return parts, answered
        chosen = {question.facets[name].value: values for name, values in question.chosen.items()}
        together: dict[str, int] = {}
        for number, (name, facet) in enumerate(question.wanted.items()):
            if number not in wanted:
                continue
            others = {column: values for column, values in chosen.items() if column != facet.value}
            if not self._holds(others):
                continue
            if facet.value in self.dimensions and len(others) < DEEPEST:
                if facet.value in chosen:
                    parts.append(self._dimensions(others, {facet.value: number}))
                else:
                    together[facet.value] = number
                answered.add(number)
            elif len(others) <= self.listed.get(facet.value, -1):
                always = question.chosen.get(name, [])
                parts.append(self._list(others, facet.value, number, question.limits.get(name), always))
                answered.add(number)
        if self._holds(chosen) and len(chosen) <= DEEPEST and TOTAL in wanted:
            cells = self._cells(chosen, len(chosen))
            sql = f"SELECT {TOTAL}, NULL::text, coalesce(sum(n), 0)::bigint, NULL::bigint FROM {cells}"
            parts.append((sql, [self.kind, "", *chosen.values()]))
            answered.add(TOTAL)
        if together:
            parts.append(self._dimensions(chosen, together))
        return parts, answered

    def _holds(self, chosen: Iterable[str]) -> bool:
        return all(column in self.dimensions for column in chosen)

    def _column(self, dimension: str) -> str:
        return _PLACES[self.dimensions.index(dimension)]

    def _cells(self, chosen: Mapping[str, list[str]], extent: int, free: Iterable[str] = ()) -> str:
        """The cells of a choice: all its dimensions named, of `free` ones any, of others none.

        Parameters: the kind, the listed column or nothing, the choices in their order.
        """
        conditions = ["kind = %s", "facet = %s", f"extent = {extent}"]
        conditions += [f"{self._column(name)} = ANY(%s)" for name in chosen]
        named = {self._column(name) for name in (*chosen, *free)}
        conditions += [f"{column} = '{ANY}'" for column in _PLACES if column not in named]
        return f"{_TABLE} WHERE {' AND '.join(conditions)}"

    def _dimensions(self, chosen: Mapping[str, list[str]], numbers: Mapping[str, int]) -> Part:
        """The counts by dimensions that are not chosen: each cell of the choice that names exactly one more."""
        columns = {self._column(name): number for name, number in numbers.items()}
        number = " ".join(f"WHEN {column} <> '{ANY}' THEN {number}" for column, number in columns.items())
        value = " ".join(f"WHEN {column} <> '{ANY}' THEN {column}" for column in columns)
        cells = self._cells(chosen, len(chosen) + 1, numbers)
        return (
            f"SELECT CASE {number} END, CASE {value} END, sum(n)::bigint, NULL::bigint "
            f"FROM {cells} AND n > 0 GROUP BY 1, 2",
            [self.kind, "", *chosen.values()],
        )

    def _list(
        self, chosen: Mapping[str, list[str]], column: str, number: int, limit: int | None, always: Sequence[str]
    ) -> Part:
        """The counts by a longer list: its most frequent values, and those of `always`."""
        cells = self._cells(chosen, len(chosen))
        counted = (
            "SELECT value, n, row_number() OVER (ORDER BY n DESC, value) AS place, count(*) OVER () AS known "
            f"FROM (SELECT value, sum(n)::bigint AS n FROM {cells} AND n > 0 GROUP BY value) AS each"
        )
        return (
            f"SELECT {number}, value, n, known FROM ({counted}) AS placed WHERE place <= %s OR value = ANY(%s)",
            [self.kind, column, *chosen.values(), 2**31 - 1 if limit is None else limit, list(always)],
        )


# --- proof and repair ------------------------------------------------------------------------------------------------
def recount(cube: Cube, table: str) -> None:
    """Count the documents of a table anew."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {_TABLE} WHERE kind = %s", [cube.kind])
        cursor.execute(f"{_counted(cube, table)} INSERT INTO {_TABLE} ({_LISTED}) SELECT * FROM counted", [cube.kind])


def differing(cube: Cube, table: str) -> int:
    """How many counts are not those of the documents of a table."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_counted(cube, table)} SELECT count(*) FROM counted "
            f"FULL JOIN (SELECT * FROM {_TABLE} WHERE kind = %s AND n <> 0) AS kept USING ({_KEY}) "
            "WHERE counted.n IS DISTINCT FROM kept.n",
            [cube.kind, cube.kind],
        )
        return cursor.fetchone()[0]


def _counted(cube: Cube, table: str) -> str:
    columns = ", ".join(_quoted(cube.columns))
    return (
        f'WITH changed AS MATERIALIZED (SELECT {columns}, 1 AS n FROM "{table}" WHERE is_public), '
        f"counted AS MATERIALIZED ({cube.cells_sql('changed')})"
    )


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]
