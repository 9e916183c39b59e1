"""Rows by their keys, as lists show them page by page: the SQL is written once, as it is the same for all pages."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import Field, Lookup, QuerySet
from psycopg2.extensions import AsIs

#: Stands for the keys in a statement that is kept.
_KEYS = object()


@Field.register_lookup
class AnyOf(Lookup):
    """`pk__any_of=keys`: as `in`, but as SQL that does not depend on how many keys there are.

    Of a foreign key `AnyOf(F("use_case_id"), keys)`, as the lookup by its name would join the other table.
    """

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler, connection):
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} = ANY(%s)", [*parameters, self.rhs]


class KeyedSQL:
    """A query in SQL whose rows are plain values, prepared once a session.

    Args:
        write: given what stands for the keys, an array of PostgreSQL, gives the SQL and its parameters.
    """

    def __init__(self, write: Callable[[object], tuple[str, Sequence[Any]]]) -> None:
        self._write = write
        self._written: str | None = None

    @cached_property
    def _statement(self) -> tuple[str, Sequence[Any]]:
        return self._write(_KEYS)

    def of(self, keys: Sequence[int]) -> list[tuple[Any, ...]]:
        """The rows of these keys, in the order of the query."""
        sql, parameters = self._statement
        with connection.cursor() as cursor:
            if connection.is_listened_to:  # type: ignore[attr-defined]  # our own backend
                cursor.execute(sql, [[*keys] if one is _KEYS else one for one in parameters])
            else:
                name = connection.prepared(self._to_prepare(cursor), "bigint[]")  # type: ignore[attr-defined]
                cursor.execute(f"EXECUTE {name} (%s)", [[*keys]])
            return cursor.fetchall()

    def _to_prepare(self, cursor: Any) -> str:
        """The statement with all but the keys written out."""
        if self._written is None:
            sql, parameters = self._statement
            given = [AsIs("$1") if one is _KEYS else one for one in parameters]
            self._written = cursor.mogrify(sql, given).decode()
        return self._written


class KeyedRows(KeyedSQL):
    """The same as a queryset. Args: write: given what stands for the keys, which goes to `any_of`, the query."""

    def __init__(self, write: Callable[[object], QuerySet]) -> None:
        super().__init__(lambda keys: write(keys).query.sql_with_params())
