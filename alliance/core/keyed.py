"""Rows by their keys, as lists show them page by page: the SQL is written once, as it is the same for all pages."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import Field, Lookup, QuerySet

#: Stands for the keys in a statement that is kept.
_KEYS = object()


@Field.register_lookup
class AnyOf(Lookup):
    """`pk__any_of=keys`: as `in`, but as SQL that does not depend on how many keys there are."""

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler, connection):
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} = ANY(%s)", [*parameters, self.rhs]


class KeyedRows:
    """A query whose rows are plain values.

    Args:
        write: given what stands for the keys, which goes to `any_of`, the query.
    """

    def __init__(self, write: Callable[[object], QuerySet]) -> None:
        self._write = write

    @cached_property
    def _statement(self) -> tuple[str, tuple[Any, ...]]:
        return self._write(_KEYS).query.sql_with_params()

    def of(self, keys: Sequence[int]) -> list[tuple[Any, ...]]:
        """The rows of these keys, in the order of the query."""
        sql, parameters = self._statement
        with connection.cursor() as cursor:
            cursor.execute(sql, [[*keys] if one is _KEYS else one for one in parameters])
            return cursor.fetchall()
