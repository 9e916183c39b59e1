"""Pages and exports of texts that are written already: rows stay tuples of sort values and a text."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import Expression, F, QuerySet
from psycopg2.extensions import BYTES, register_type
from rest_framework.renderers import JSONRenderer

from alliance.core import pagination
from alliance.core.pagination import Keyset, Position

_TEXT = "ready_text"
#: Rows of the first piece of an export, which is to be there at once, and of the others.
FIRST, SIZE = 100, 1_000


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
        head = JSONRenderer().render(body)[:-1]
        return ReadyText(b"".join([head, b',"results":[', b",".join(self.texts), b"]}"]))


def chunks(rows: QuerySet, keys: Sequence[str], text: Expression | F) -> Iterator[list[str]]:
    """The texts of all rows in order, in pieces: each is its own short query, so that no timeout ends an export."""
    keyset = Keyset(rows, keys)
    start, wanted = None, FIRST
    while True:
        window = keyset.window(start, wanted).annotate(**{_TEXT: text})
        piece = list(window.values_list(*keyset.attributes, _TEXT))
        if piece:
            yield [row[-1] for row in piece]
        if len(piece) < wanted:
            return
        start, wanted = Position(backwards=False, values=piece[-1][:-1]), SIZE


def joined_chunks(rows: QuerySet, keys: Sequence[str], text: Expression | F, between: str) -> Iterator[bytes]:
    """The same, each piece as one text that ends with `between`: PostgreSQL joins them, so that one value comes."""
    keyset = Keyset(rows, keys)
    names = [f"k{index}" for index in range(len(keyset.attributes))]
    last = ", ".join(f"(array_agg({name}))[count(*)]" for name in names)
    start, wanted, ending = None, FIRST, between.encode()
    while True:
        window = keyset.window(start, wanted).annotate(**{_TEXT: text}).values_list(*keyset.attributes, _TEXT)
        sql, parameters = window.query.sql_with_params()
        with _texts_as_bytes() as cursor:
            cursor.execute(
                f"SELECT count(*), string_agg(piece, %s), {last} FROM ({sql}) AS page({', '.join(names)}, piece)",
                [between, *parameters],
            )
            count, piece, *values = cursor.fetchone()
        if count:
            yield piece + ending
        if count < wanted:
            return
        start, wanted = Position(backwards=False, values=_position(values)), SIZE
