"""Queries that read something else in place of their table, in Django's terms."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db.models.sql import Query
from django.db.models.sql.datastructures import BaseTable

#: Gives the SQL and the parameters of what a query reads in place of its table.
Relation = Callable[[Query], tuple[str, Sequence[Any]]]


class _Relation(BaseTable):
    """What stands in place of a table."""

    sql: Relation

    def as_sql(self, compiler, connection):
        sql, parameters = self.sql(compiler.query)
        return f"({sql}) AS {compiler.quote_name_unless_alias(self.table_alias)}", parameters

    def relabeled_clone(self, change_map):
        clone = super().relabeled_clone(change_map)
        clone.sql = self.sql  # type: ignore[attr-defined]
        return clone


def reads_vector(query: Query) -> bool:
    return any(
        getattr(getattr(part, "target", None), "name", "") == "search_vector"
        for expression in (*_leaves(query.where), *query.annotations.values())
        for part in (expression.flatten() if hasattr(expression, "flatten") else ())
    )


def _leaves(node: Any) -> Iterator[Any]:
    for child in getattr(node, "children", ()):
        yield from _leaves(child) if hasattr(child, "children") else (child,)


class RelationQuery(Query):
    """A query that reads something else in place of its table."""

    relation: Relation

    def base_table_class(self, table_name: str, alias: str | None) -> BaseTable:  # type: ignore[override]
        table = _Relation(table_name, alias)
        table.sql = self.relation
        return table
