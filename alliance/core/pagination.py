"""Pages by position instead of number: stable while rows come and go, and as fast at the end as at the beginning.

A cursor says after (or before) which position a page starts: the values of the sort keys and the primary key of the row
there. It is signed, and bound to the resource, its filters and its order. Nothing here knows what the rows look like:
it narrows a queryset, and reads the position of a row.
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import BooleanField, Expression, F, Field, Func, GeneratedField, Model, Q, QuerySet, Value
from django.http import QueryDict
from django.utils.encoding import iri_to_uri
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from alliance.core.errors import BadParameters, ParameterError

PAGE_SIZE, LARGEST_PAGE = 50, 200
#: The longest cursor that is looked at: one with the longest sort keys is far below.
LONGEST_CURSOR = 4_000

PARAMETERS = ("page_size", "cursor", "count")


class RowComparison(Func):
    """`(a, b, id) > (x, y, z)`: one comparison that an index over (a, b, id) can serve."""

    output_field = BooleanField()
    conditional = True

    def __init__(self, columns: Sequence[Expression | F], operator: str, values: Sequence[Expression]):
        super().__init__(*columns, *values)
        self.operator = operator

    def as_sql(self, compiler, connection, **extra_context):
        parts, parameters = [], []
        for expression in self.source_expressions:
            sql, given = compiler.compile(expression)
            parts.append(sql)
            parameters.extend(given)
        half = len(parts) // 2
        left, right = ", ".join(parts[:half]), ", ".join(parts[half:])
        return f"(({left}) {self.operator} ({right}))", parameters


@dataclass(frozen=True)
class Position:
    """Where a page starts: right after or before the row with these sort values; without values at the very end."""

    backwards: bool
    values: tuple[Any, ...] | None


def full_order(keys: Sequence[str]) -> list[str]:
    """The keys of an order, then the primary key, which breaks ties: it runs as the last key does.

    So an order in one direction stays one, and a single comparison of rows continues it anywhere by an index.
    """
    return [*keys, "-pk" if keys and keys[-1].startswith("-") else "pk"]


class Keyset:
    """An ordered queryset as positions. The order is `full_order` of `keys` (`-` for descending, none ever null)."""

    def __init__(self, rows: QuerySet, keys: Sequence[str]):
        self.order = full_order(keys)
        self.directions = [(key.removeprefix("-"), key.startswith("-")) for key in self.order]
        # A row itself tells its own columns and annotations; what lies behind a relation is fetched with it.
        self.attributes = [
            f"keyset_{index}" if "__" in name else name for index, (name, _) in enumerate(self.directions)
        ]
        behind = {
            attribute: F(name)
            for attribute, (name, _) in zip(self.attributes, self.directions, strict=True)
            if attribute != name
        }
        self.rows = rows.annotate(**behind) if behind else rows

    def position(self, row: Model) -> tuple[Any, ...]:
        """The values of the row's sort keys and its primary key."""
        return tuple(getattr(row, attribute) for attribute in self.attributes)

    def window(self, start: Position | None, size: int) -> QuerySet:
        """The first `size` rows from a position on, in the direction in which it looks."""
        rows = self.rows
        backwards = start is not None and start.backwards
        if start is not None and start.values is not None:
            rows = rows.filter(self._beyond(start.values, backwards))
        order = [self._turned(key) for key in self.order] if backwards else self.order
        return rows.order_by(*order)[:size]

    @staticmethod
    def _turned(key: str) -> str:
        return key.removeprefix("-") if key.startswith("-") else f"-{key}"

    def _beyond(self, values: tuple[Any, ...], backwards: bool) -> Q | RowComparison:
        names = [name for name, _ in self.directions]
        falling = [descending != backwards for _, descending in self.directions]
        if len(set(falling)) == 1:
            typed = [Value(value, output_field=self._field(name)) for name, value in zip(names, values, strict=True)]
            return RowComparison([F(name) for name in names], "<" if falling[0] else ">", typed)
        # Mixed directions: (a > x) or (a = x and b < y) or ..., with a first condition that an index can use alone.
        beyond = Q()
        for name, value, descending in reversed(list(zip(names, values, falling, strict=True))):
            further = Q(**{f"{name}__{'lt' if descending else 'gt'}": value})
            beyond = further | (Q(**{name: value}) & beyond) if beyond else further
        bound = Q(**{f"{names[0]}__{'lte' if falling[0] else 'gte'}": values[0]})
        return bound & beyond

    def _field(self, name: str) -> Field:
        """The field that knows the type of a sort key."""
        annotation = self.rows.query.annotations.get(name)
        if annotation is not None:
            return annotation.output_field
        model, field = self.rows.model, None
        for step in name.split("__"):
            field = model._meta.pk if step == "pk" else model._meta.get_field(step)
            model = field.related_model or model
        if field is None:
            raise FieldDoesNotExist(name)
        return field.output_field if isinstance(field, GeneratedField) else field

    def read(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Sort values as JSON carries them, in their types. Raises: ValueError when they are of another order."""
        if len(values) != len(self.directions) or None in values:
            raise ValueError("not the sort keys of this order")
        try:
            return tuple(
                self._field(name).to_python(value) for (name, _), value in zip(self.directions, values, strict=True)
            )
        except (ValidationError, TypeError) as error:
            raise ValueError("not the sort keys of this order") from error


def chunks(rows: QuerySet, keys: Sequence[str], *, first: int = 100, size: int = 1_000) -> Iterator[list[Any]]:
    """All rows in order, in pieces of constant size: each is its own short query, so that no timeout ends an export.

    The first piece is small, so that it is there at once.
    """
    keyset = Keyset(rows, keys)
    start, wanted = None, first
    while True:
        piece = list(keyset.window(start, wanted))
        if piece:
            yield piece
        if len(piece) < wanted:
            return
        start, wanted = Position(backwards=False, values=keyset.position(piece[-1])), size


# --- cursors ---------------------------------------------------------------------------------------------------------
def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value


def fingerprint(resource: str, sort: str, filters: Mapping[str, Any]) -> str:
    """What a cursor is bound to, in 12 characters."""
    chosen = sorted(
        (name, sorted(map(str, value)) if isinstance(value, list) else str(value))
        for name, value in filters.items()
        if name != "sort" and value not in (None, "", [])
    )
    text = json.dumps([resource, sort, chosen], ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=9).hexdigest()[:12]


_signer_salt = "alliance.core.pagination"


def write_cursor(bound_to: str, start: Position) -> str:
    """A position as an opaque, signed text."""
    values = None if start.values is None else [_plain(value) for value in start.values]
    body = json.dumps([bound_to, "b" if start.backwards else "a", values], separators=(",", ":"), ensure_ascii=False)
    text = urlsafe_b64encode(body.encode()).decode().rstrip("=")
    return signing.Signer(salt=_signer_salt, sep=".").sign(text)


def read_cursor(cursor: str) -> tuple[str, bool, list[Any] | None]:
    """(what it is bound to, whether it looks backwards, sort values).

    Raises: ValueError when it was not written here.
    """
    if len(cursor) > LONGEST_CURSOR:
        raise ValueError("too long")
    try:
        text = signing.Signer(salt=_signer_salt, sep=".").unsign(cursor)
        bound_to, direction, values = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise ValueError("not a cursor of this portal") from error
    return bound_to, direction == "b", values


# --- pages -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class PageRequest:
    """The parameters of a page, checked as far as they can be without the list."""

    size: int
    cursor: str | None
    with_count: bool
    #: All other parameters, as a link repeats them.
    others: str = ""


def read_page_parameters(query: QueryDict, errors: list[ParameterError]) -> PageRequest:
    """What the query says of the page; what is wrong goes to `errors`."""
    size = PAGE_SIZE
    if asked := query.get("page_size", ""):
        if asked.isascii() and asked.isdigit() and len(asked) <= 9 and 1 <= int(asked) <= LARGEST_PAGE:
            size = int(asked)
        else:
            errors.append(
                ParameterError(
                    "page_size", f"Give a whole number from 1 to {LARGEST_PAGE}, not “{asked[:40]}”.", "out_of_range"
                )
            )
    count = query.get("count", "").lower()
    if count not in ("", "true", "false"):
        errors.append(ParameterError("count", f"Give true or false, not “{count[:40]}”.", "invalid"))
    cursor = query.get("cursor") or None
    if cursor:
        try:
            read_cursor(cursor)
        except ValueError:
            errors.append(
                ParameterError(
                    "cursor",
                    "This is not a cursor of this portal. Use the links “next” and “previous” as they are, "
                    "or start without a cursor.",
                    "invalid",
                )
            )
            cursor = None
    others = urlencode([(name, value) for name, values in query.lists() for value in values if name != "cursor"])
    return PageRequest(size, cursor, count == "true", others)


class KeysetPagination(BasePagination):
    """`{"next", "previous", "results"}`, and `count` when asked for."""

    page: list[Any]
    #: How many matches the list ranks and holds, where a search has too many for all of them.
    ranked_at_most: int | None = None

    def paginate(
        self, rows: QuerySet, keys: Sequence[str], asked: PageRequest, request: Request, *, bound_to: str
    ) -> list[Any]:
        """The rows of one page, in order.

        Args:
            rows: filtered rows; `keys`: their order, without the primary key at its end.
            bound_to: the fingerprint of resource, filters and order.
        Raises: BadParameters when the cursor is that of another list.
        """
        self.begin(rows, keys, asked, bound_to=bound_to)
        return self.finish(request)

    def begin(self, rows: QuerySet, keys: Sequence[str], asked: PageRequest, *, bound_to: str) -> None:
        """All that can be known of a page before its rows are read. Raises: BadParameters."""
        self.rows, self.size, self.with_count, self.others = rows, asked.size, asked.with_count, asked.others
        self.bound_to, self.keyset = bound_to, Keyset(rows, keys)
        self.start = self.start_of(asked.cursor)
        self.window = self.keyset.window(self.start, asked.size + 1)

    def finish(self, request: Request) -> list[Any]:
        """Read the rows."""
        self.request, start = request, self.start
        found = self.fetch()
        more, self.page = len(found) > self.size, found[: self.size]
        backwards = start is not None and start.backwards
        if backwards:
            self.page.reverse()
        # Whoever comes through a cursor came from somewhere: that side has rows, unless they were deleted since.
        self.has_next = (start is not None and start.values is not None) if backwards else more
        self.has_previous = more if backwards else start is not None
        self.count = self.count_rows() if self.with_count else None
        return self.page

    def count_rows(self) -> int:
        """How many rows all pages hold."""
        return self.rows.order_by().count()

    def fetch(self) -> list[Any]:
        """The rows of the page, and one more when there is a next one."""
        return list(self.window)

    def position(self, row: Any) -> tuple[Any, ...]:
        """The position of one of these rows."""
        return self.keyset.position(row)

    def start_of(self, cursor: str | None) -> Position | None:
        """Where the page starts. Raises: BadParameters when the cursor is that of another list."""
        if cursor is None:
            return None
        bound_to, backwards, values = read_cursor(cursor)
        try:
            if bound_to != self.bound_to:
                raise ValueError("the cursor of another list")
            return Position(backwards, None if values is None else self.keyset.read(values))
        except ValueError as error:
            raise BadParameters(
                [
                    ParameterError(
                        "cursor",
                        "This cursor belongs to another list: its filters or its order differ. "
                        "Keep them as they were, or start without a cursor.",
                        "foreign",
                    )
                ]
            ) from error

    def next_link(self) -> str | None:
        """The address of the next page, or None on the last."""
        if not self.has_next:
            return None
        # Rows before this position are gone; what follows is the beginning.
        return self._link(Position(False, self.position(self.page[-1])) if self.page else None)

    def previous_link(self) -> str | None:
        """The address of the page before, or None on the first."""
        if not self.has_previous:
            return None
        # Rows after this position are gone; what precedes is the end.
        return self._link(Position(True, self.position(self.page[0]) if self.page else None))

    def _link(self, start: Position | None) -> str:
        cursor = "" if start is None else f"cursor={write_cursor(self.bound_to, start)}"
        query = "&".join(filter(None, [self.others, cursor]))
        address = f"{self.request.scheme}://{self.request.get_host()}{iri_to_uri(self.request.path)}"
        return f"{address}?{query}" if query else address

    def get_paginated_response(self, data: Any) -> Response:
        following, previous = self.next_link(), self.previous_link()
        body: dict[str, Any] = {"next": following, "previous": previous}
        if self.count is not None:
            body["count"] = self.count
        if self.ranked_at_most is not None:
            body["ranked_at_most"] = self.ranked_at_most
        response = Response(self.envelope(body, data))
        links = [f'<{address}>; rel="{rel}"' for address, rel in ((following, "next"), (previous, "prev")) if address]
        if links:
            response["Link"] = ", ".join(links)
        return response

    def envelope(self, body: dict[str, Any], data: Any) -> Any:
        """The whole answer: what is said of the page, and its rows."""
        return {**body, "results": data}

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The envelope of a list, for the API description."""
        following = "https://portal.example.org/api/v1/use-cases/?page_size=1&cursor=WyJjZDVl.0ALuzyv"
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": {**link, "description": "The next page; null on the last.", "example": following},
                "previous": {**link, "description": "The page before; null on the first.", "example": None},
                "count": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Rows in all; only with count=true.",
                    "example": 90,
                },
                "ranked_at_most": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "Only where a search has so many matches that not all are ranked: the list holds "
                    "this many of them at most, the first in the usual order. Another `sort` lists all.",
                    "example": 1000,
                },
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Described with all other parameters in `alliance.core.schema`."""
        return []

    def paginate_queryset(self, queryset, request, view=None):
        raise NotImplementedError("A list needs its order and its filters: call paginate().")
