"""Exports of texts that are written already: all rows of one moment, piece by piece."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, F, QuerySet
from psycopg2.extensions import BYTES, register_type

from alliance.core.pagination import full_order

#: Rows of the first piece, which is to be there at once, and of the others.
FIRST, SIZE = 50, 200
#: Who takes nothing for so long, or has not taken all after so long, loses the export: meanwhile PostgreSQL keeps every
#: row that it may have to show.
LONGEST_PAUSE_SECONDS, LONGEST_SECONDS = 60, 3_600


def pieces(rows: QuerySet, keys: Sequence[str], text: Expression | F) -> Iterator[list[bytes]]:
    """The texts of all rows in the order of `keys`, as PostgreSQL's bytes: no decoding, no encoding.

    PostgreSQL goes on where it stopped for each piece, so the time limit of a statement is one of a piece.
    """
    texts = rows.annotate(ready_text=text).order_by(*full_order(keys)).values_list("ready_text")
    sql, parameters = texts.query.sql_with_params()
    wanted = FIRST
    with _one_moment() as reading, reading.chunked_cursor() as cursor:
        register_type(BYTES, cursor.cursor)
        cursor.execute(sql, parameters)
        while piece := cursor.fetchmany(wanted):
            yield [text for (text,) in piece]
            if len(piece) < wanted:
                return
            wanted = SIZE


@contextmanager
def _one_moment() -> Iterator[BaseDatabaseWrapper]:
    """A connection in a transaction that lasts as long as the reader takes.

    A connection of its own: what else the request writes must not wait for a slow line.
    """
    if connection.in_atomic_block:
        yield connection
        return
    own = connection.copy()
    try:
        own.set_autocommit(False)
        with own.cursor() as cursor:
            cursor.execute(
                "SET TRANSACTION READ ONLY; SELECT set_config('idle_in_transaction_session_timeout', %s, true), "
                "set_config('transaction_timeout', %s, true)",
                [f"{LONGEST_PAUSE_SECONDS}s", f"{LONGEST_SECONDS}s"],
            )
        yield own
    finally:
        own.close()
