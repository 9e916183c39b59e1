"""Pages and exports of texts that are written already: rows stay tuples of sort values and a text."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, F, QuerySet
from psycopg2.extensions import BYTES, register_type
from rest_framework.renderers import JSONRenderer

from alliance.core import pagination
from alliance.core.pagination import full_order

_TEXT = "ready_text"
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
#: Rows of the first piece of an export, which is to be there at once, and of the others.
FIRST, SIZE = 50, 200
#: A reader of an export who takes nothing for so long, or has not taken all after so long, loses it: meanwhile
#: PostgreSQL keeps every row that it may have to show.
LONGEST_PAUSE_SECONDS, LONGEST_SECONDS = 60, 3_600


class ReadyText(bytes):
    """JSON that is written already."""


class ReadyRenderer(JSONRenderer):
    """JSON; what is written already passes as it is."""

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> Any:
        return data if isinstance(data, ReadyText) else super().render(data, accepted_media_type, renderer_context)


@contextmanager
def _texts_as_bytes() -> Iterator[Any]:
    """A cursor whose texts are bytes as they came: what is passed on needs no decoding and encoding."""
    with connection.cursor() as cursor:
        register_type(BYTES, cursor.cursor)
        yield cursor


def _position(values: Sequence[Any]) -> tuple[Any, ...]:
    """Sort values of such a cursor."""
    return tuple(value.decode() if isinstance(value, bytes) else value for value in values)


class TextPagination(pagination.KeysetPagination):
    """Pages of ready texts."""

    def __init__(self, text: Expression | F) -> None:
        self.text = text

    def write(self) -> None:
        """The page as SQL: sort values, then the text. Plain types only, so that rows need no conversion.

        From here on the page needs no queryset: one that is kept takes little memory.
        """
        rows = self.window.annotate(**{_TEXT: self.text}).values_list(*self.keyset.attributes, _TEXT)
        self.statement = rows.query.sql_with_params()
        if self.with_count:
            self.counting = self.rows.order_by().values("pk").query.sql_with_params()
        del self.window, self.rows, self.keyset, self.text

    def fetch(self) -> list[Any]:
        with _texts_as_bytes() as cursor:
            cursor.execute(*self.statement)
            return cursor.fetchall()

    def count_rows(self) -> int:
        sql, parameters = self.counting
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ({sql}) AS every", parameters)
            return cursor.fetchone()[0]

    def position(self, row: Any) -> tuple[Any, ...]:
        return _position(row[:-1])

    @property
    def texts(self) -> list[bytes]:
        return [row[-1] for row in self.page]

    def envelope(self, body: dict[str, Any], data: Any) -> Any:
        if data is not self.page:
            return super().envelope(body, data)
        head = _json.encode(body).encode()[:-1]
        return ReadyText(b"".join([head, b',"results":[', b",".join(self.texts), b"]}"]))


@contextmanager
def _one_snapshot() -> Iterator[BaseDatabaseWrapper]:
    """A connection in a transaction that lasts as long as the reader takes.

    A connection of its own: what the rest of the request writes must not wait for a slow line.
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


def chunks(rows: QuerySet, keys: Sequence[str], text: Expression | F) -> Iterator[list[bytes]]:
    """The texts of all rows in order, piece by piece, as they were at one moment.

    PostgreSQL goes on where it was for each piece, so the time limit of a statement is one of a piece.
    """
    texts = rows.annotate(**{_TEXT: text}).order_by(*full_order(keys)).values_list(_TEXT)
    sql, parameters = texts.query.sql_with_params()
    wanted = FIRST
    with _one_snapshot() as snapshot, snapshot.chunked_cursor() as cursor:
        register_type(BYTES, cursor.cursor)
        cursor.execute(sql, parameters)
        while piece := cursor.fetchmany(wanted):
            yield [text for (text,) in piece]
            if len(piece) < wanted:
                return
            wanted = SIZE
