"""Pages of texts that are written already: rows stay tuples of sort values and a text."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import Expression, F
from psycopg2.extensions import BYTES, register_type
from rest_framework.renderers import JSONRenderer

from alliance.core import pagination

_TEXT = "ready_text"
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


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

    #: That there are no rows may be wrong: see `alliance.events.planning`.
    is_guess = False

    #: Gives the texts of rows, by primary key, that come without one; a row that has none now is not shown.
    mend: Callable[[Sequence[int]], Mapping[int, bytes]] | None = None

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
            found = cursor.fetchall()
        if self.mend is None:
            return found
        # The key is the last of the sort values.
        missing = [row[-2] for row in found if row[-1] is None]
        texts = self.mend(missing) if missing else {}
        return [(*row[:-1], texts.get(row[-2])) if row[-1] is None else row for row in found]

    def count_rows(self) -> int:
        sql, parameters = self.counting
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ({sql}) AS every", parameters)
            return cursor.fetchone()[0]

    def position(self, row: Any) -> tuple[Any, ...]:
        return _position(row[:-1])

    @property
    def texts(self) -> list[bytes]:
        return [row[-1] for row in self.page if row[-1] is not None]

    def envelope(self, body: dict[str, Any], data: Any) -> Any:
        if data is not self.page:
            return super().envelope(body, data)
        head = _json.encode(body).encode()[:-1]
        return ReadyText(b"".join([head, b',"results":[', b",".join(self.texts), b"]}"]))
