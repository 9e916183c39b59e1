"""Counts of a filtered list by all its facets, its total and the number of all rows: one statement.

A facet's counts leave its own choice out, so that they say what a click would give. Facets without a choice share one
scan of the matching rows; each one with a choice costs one more. Rows that keep counts of their own (`Precounted`)
give what they can without a scan.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db import connection
from django.db.models import F, QuerySet

from alliance.core.facets import Facet

#: Numbers of what is no facet's.
TOTAL, EVERYTHING, SUM = -1, -2, -3

#: A query of (number, value, n, known), and its parameters.
Part = tuple[str, list[Any]]


@dataclass(frozen=True)
class Counts:
    """What was counted.

    Attributes:
        total: rows that match; everything: rows there are.
        by_value: facet -> value -> rows; known: facet -> how many values have rows at all.
        sum: of a column over the rows that match, where that was asked for and the rows were looked at anyway.
    """

    total: int
    everything: int
    by_value: dict[str, dict[str, int]]
    known: dict[str, int]
    sum: int | None = field(default=None, compare=False)


@dataclass
class Question:
    """What is to be counted.

    Attributes:
        rows: everything there is; `filtered` gives the rows that match, or those that do without one facet's choice.
        chosen: facet -> its choice, where there is one.
        wanted: facets to count.
        limits: facet -> how many of its values, the most frequent first; those chosen come in any case.
        facets_only: nothing but facets narrows the list.
        with_everything: whether to count all rows too.
        summed: a column to add up over the rows that match if they are looked at; empty for none.
    """

    rows: QuerySet
    filtered: Any
    chosen: Mapping[str, list[str]]
    wanted: Mapping[str, Facet]
    facets: Mapping[str, Facet]
    limits: Mapping[str, int] = field(default_factory=dict)
    facets_only: bool = False
    with_everything: bool = False
    summed: str = ""

    def number(self, name: str) -> int:
        """Of a wanted facet, in the statement's answer."""
        return [*self.wanted].index(name)

    def answer(self) -> Counts:
        """Ask the database."""
        return read_counts(ask(*self.statement()), [*self.wanted], with_everything=self.with_everything)

    def statement(self) -> Part:
        """All of it as one query."""
        wanted: set[int] = {TOTAL, *range(len(self.wanted))}
        if self.with_everything:
            wanted.add(EVERYTHING)
        parts: list[Part] = []
        kept: Precounted | None = getattr(self.rows, "precounted", None)
        if kept is not None:
            found, answered = kept.parts(self, frozenset(wanted))
            parts += found
            wanted -= answered
        parts += self._scans(wanted)
        sql = " UNION ALL ".join(f"({part})" for part, _ in parts) if len(parts) > 1 else parts[0][0]
        return sql, [value for _, values in parts for value in values]

    # --- scans -------------------------------------------------------------------------------------------------------
    def _scans(self, wanted: set[int]) -> list[Part]:
        names = [*self.wanted]
        together = [number for number in sorted(wanted) if number >= 0 and names[number] not in self.chosen]
        parts = []
        if together or TOTAL in wanted:
            parts.append(self._scan(self.filtered(), together, with_total=TOTAL in wanted, summed=self.summed))
        for number in sorted(wanted):
            if number >= 0 and names[number] in self.chosen:
                parts.append(self._scan(self.filtered(without=names[number]), [number], with_total=False))
        if EVERYTHING in wanted:
            sql, parameters = self.rows.order_by().values("pk").query.sql_with_params()
            parts.append(
                (f"SELECT {EVERYTHING}, NULL::text, count(*), NULL::bigint FROM ({sql}) AS every", [*parameters])
            )
        return parts

    def _scan(self, rows: QuerySet, numbers: Sequence[int], *, with_total: bool, summed: str = "") -> Part:
        """One scan of these rows for several facets, and for their number and a sum if asked."""
        facets = [self.wanted[name] for name in self.wanted]
        columns = {f"facet_{number}": F(facets[number].value) for number in numbers}
        if summed:
            columns["summed"] = F(summed)
        chosen = rows.order_by().annotate(**columns).values_list(*columns) if columns else rows.order_by().values("pk")
        sql, parameters = chosen.query.sql_with_params()
        listed = ", ".join(columns) or "pk"
        single = [number for number in numbers if not facets[number].is_list]
        several = [number for number in numbers if facets[number].is_list]
        parts = []
        if single or with_total:
            parts.append(self._grouped(single, with_total=with_total))
        parts += [
            # In the select list, where it costs half of what it does beside the table.
            f"SELECT {number}, value, count(*) FROM (SELECT unnest(facet_{number}) AS value FROM matching) AS listed "
            "GROUP BY value"
            for number in several
        ]
        if summed:
            parts.append(f"SELECT {SUM}, NULL::text, coalesce(sum(summed), 0)::bigint FROM matching")
        counted = " UNION ALL ".join(parts)
        names = [*self.wanted]
        limited = {
            number: limit
            for number in numbers
            if (limit := self.limits.get(names[number])) and facets[number].may_exceed(limit)
        }
        once = "MATERIALIZED" if len(parts) > 1 else "NOT MATERIALIZED"
        matching = f"WITH matching({listed}) AS {once} ({sql})"
        if not limited:
            return f"{matching} SELECT *, NULL::bigint FROM ({counted}) AS counted(number, value, n)", [*parameters]
        # A facet with a choice has its scan for itself.
        always = [value for number in limited for value in self.chosen.get(names[number], ())]
        return (
            f"{matching} SELECT number, value, n, known FROM ("
            "SELECT *, row_number() OVER (PARTITION BY number ORDER BY n DESC, value) AS place, "
            "count(*) OVER (PARTITION BY number) AS known "
            f"FROM ({counted}) AS counted(number, value, n) WHERE value IS NOT NULL OR number < 0) AS placed "
            f"WHERE place <= coalesce((%s::int[])[array_position(%s::int[], number)], place) "
            "OR value = ANY(%s::text[])",
            [*parameters, [*limited.values()], [*limited], always],
        )

    @staticmethod
    def _grouped(numbers: Sequence[int], *, with_total: bool) -> str:
        if not numbers:
            return f"SELECT {TOTAL}, NULL::text, count(*) FROM matching"
        columns = [f"facet_{number}" for number in numbers]
        sets = ", ".join([*(f"({column})" for column in columns), *(["()"] if with_total else [])])
        which = " ".join(
            f"WHEN grouping({column}) = 0 THEN {number}" for column, number in zip(columns, numbers, strict=True)
        )
        value = ", ".join(f"{column}::text" for column in columns)
        return (
            f"SELECT CASE {which} ELSE {TOTAL} END, coalesce({value}), count(*) "
            f"FROM matching GROUP BY GROUPING SETS ({sets})"
        )


def ask(sql: str, parameters: Sequence[Any]) -> list[tuple[int, str | None, int, int | None]]:
    """Rows of (number, value, n, known)."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def ask_again(sql: str, parameters: Sequence[Any]) -> list[tuple[int, str | None, int, int | None]]:
    """The same of a statement that is asked often, with other values: the session keeps it prepared."""
    if not parameters or connection.is_listened_to:  # type: ignore[attr-defined]  # our own backend
        return ask(sql, parameters)
    name = connection.prepared_of_many(sql, len(parameters))  # type: ignore[attr-defined]
    return ask(f"EXECUTE {name} ({', '.join(['%s'] * len(parameters))})", parameters)


def read_counts(
    rows: Iterable[tuple[int, str | None, int, int | None]], names: Sequence[str], *, with_everything: bool
) -> Counts:
    """What the answer to a question for these facets says."""
    by_value: dict[str, dict[str, int]] = {name: {} for name in names}
    known: dict[str, int] = {}
    single = {TOTAL: 0, EVERYTHING: 0}
    for number, value, n, of in rows:
        if number < 0:
            single[number] = n
        elif value is not None and n:
            by_value[names[number]][value] = n
            known[names[number]] = of or 0
    for name, counts in by_value.items():
        known[name] = max(known.get(name, 0), len(counts))
    everything = single[EVERYTHING] if with_everything else 0
    return Counts(single[TOTAL], everything, by_value, known, single.get(SUM))


class Precounted(Protocol):
    """Counts that are kept beside the rows."""

    def parts(self, question: Question, wanted: frozenset[int]) -> tuple[list[Part], set[int]]:
        """Parts of the statement, and the numbers that they answer."""
        ...
