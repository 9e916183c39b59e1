"""Stale documents, made once for all readers of a process.

While a few documents are stale, what is made in their place is kept until their records change again: each is known by
the entries of the log that affect it (`Staleness.marks`). A reader who sees one more of them makes it anew, so nobody
gets what is older than his own look at the log.
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models.sql import Query

from alliance.core.keyed import KeyedSQL
from alliance.core.plain import Kept

if TYPE_CHECKING:
    from alliance.events.documents import DocumentQuerySet, Kind
    from alliance.events.states import State

#: Rows of one set of columns that a process keeps, and sets of columns of one kind: each is prepared by its sessions.
MOST_KEPT, MOST_SETS = 500, 20
#: Costly to make, so left out unless they are read.
HEAVY = frozenset({"body", "csv", "search_vector"})


class LiveRows:
    """Some columns of the documents of one kind, made now: `value` of each, kept while its mark is the same.

    Args:
        write: gives the SQL, of (id, value), and its parameters, for what stands for the ids.
    """

    def __init__(self, write: Callable[[object], tuple[str, Sequence[Any]]]) -> None:
        self._rows = KeyedSQL(write)
        self._made: dict[int, tuple[Hashable, Any]] = {}

    def of(self, ids: Collection[int], marks: Mapping[int, Hashable]) -> dict[int, Any]:
        """By id; an id without a record is missing."""
        found: dict[int, Any] = {}
        missing = []
        for pk in ids:
            mark, value = self._made.get(pk, (None, None))
            if mark is not None and mark == marks[pk]:
                found[pk] = value
            else:
                missing.append(pk)
        if missing:
            made = dict(self._rows.of(missing))
            for pk in missing:
                self._made.pop(pk, None)  # what was made last goes last
                found[pk] = made.get(pk)
                self._made[pk] = (marks[pk], found[pk])
            for pk in [*self._made][: max(0, len(self._made) - MOST_KEPT)]:
                self._made.pop(pk, None)
        return {pk: value for pk, value in found.items() if value is not None}


def narrow_rows(kind: "Kind", names: Sequence[str]) -> LiveRows:
    """Columns as the text of a JSON object, as `json_populate_recordset` reads it."""

    def write(keys: object) -> tuple[str, Sequence[Any]]:
        live, parameters = _live(kind, names)
        # In the types of the table: a text of a record may be longer by its type.
        types = {one.attname: one.db_type(connection) for one in kind.document._meta.concrete_fields}
        typed = ", ".join(f'"{name}"::{types[name]}' for name in names)
        columns = ", ".join(f'"{name}"' for name in names)
        sql = f"SELECT id, to_json(one)::text FROM (SELECT {typed} FROM ({live}) AS live({columns})) AS one"
        return sql, [*parameters, keys]

    return LiveRows(write)


def text_rows(kind: "Kind") -> LiveRows:
    """Bodies, as pairs: whether everybody may see the record, and the text."""

    def write(keys: object) -> tuple[str, Sequence[Any]]:
        names = ("id", "is_public", "body")
        live, parameters = _live(kind, names)
        columns = ", ".join(f'"{name}"' for name in names)
        return f"SELECT id, ARRAY[is_public::text, body] FROM ({live}) AS live({columns})", [*parameters, keys]

    return LiveRows(write)


def _live(kind: "Kind", names: Sequence[str]) -> tuple[str, Sequence[Any]]:
    sql, parameters = kind.live(names).query.sql_with_params()
    return f'{sql} WHERE "{kind.model._meta.db_table}".id = ANY(%s)', parameters


_narrow: Kept[LiveRows] = Kept(200)
_texts: Kept[LiveRows] = Kept(50)


def narrow_json(kind: "Kind", state: "State", names: Collection[str]) -> str:
    """The rows, as a JSON array, of stale documents whose columns may differ: at least these columns of them."""
    staleness = kind.staleness(state)
    if not staleness.narrow:
        return "[]"
    chosen = kind.set_of(names)
    rows = _narrow.get((kind.name, chosen), lambda: narrow_rows(kind, chosen))
    return f"[{','.join(rows.of(staleness.narrow, staleness.marks).values())}]"


# --- a page over them ------------------------------------------------------------------------------------------------
class _Given:
    """Stands for a parameter that each request gives itself."""

    def __init__(self, name: str) -> None:
        self.name = name


_STALE, _NARROW, _ROWS = _Given("stale"), _Given("narrow"), _Given("rows")
#: Stands for the relation until it is known which columns of it are read.
_RELATION = "SELECT patched"


@dataclass(frozen=True)
class Patch:
    """The documents of a kind while a few of them are stale, for SQL that is written once: bodies of stale ones are
    null there, and fetched when it is known which ones a page shows.

    Attributes:
        kind, state: of the reader; `sees_all`: whether also what is not public.
    """

    kind: "Kind"
    state: "State"
    sees_all: bool

    @property
    def source(self) -> str:
        return f"{self.kind.name}, patched{'' if self.sees_all else ', public'}"

    def rows(self) -> "DocumentQuerySet":
        """To write SQL with; never read itself."""

        def relation(_query: Query) -> tuple[str, Sequence[Any]]:
            return _RELATION, [_STALE, _NARROW, _ROWS]

        rows = self.kind.document.objects.all().out_of(relation)
        return rows if self.sees_all else rows.filter(is_public=True)

    def written(self, statement: tuple[str, Sequence[Any]]) -> tuple[str, Sequence[Any]]:
        """The statement with the relation in it. Raises: TypeError when it reads what a patch does not hold."""
        sql, parameters = statement
        names = {name for name in self.kind.names if f'"{name}"' in sql} | {"id"}
        if names & (HEAVY - {"body"}):
            raise TypeError("a column that patches do not hold")
        chosen = self.kind.set_of(names - HEAVY)
        listed = ", ".join(f'd."{name}"' for name in chosen)
        patched = ", ".join(f'"{name}"' for name in chosen)
        table = self.kind.document._meta.db_table
        relation = (
            f"SELECT {listed}, CASE WHEN d.id = ANY(%s::bigint[]) THEN NULL ELSE d.body END AS body "
            f'FROM "{table}" d WHERE d.id <> ALL(%s::bigint[]) '
            f'UNION ALL SELECT {patched}, NULL FROM json_populate_recordset(NULL::"{table}", %s)'
        )
        return sql.replace(_RELATION, relation), parameters

    def filled(self, statement: tuple[str, Sequence[Any]]) -> tuple[str, tuple[Any, ...]]:
        """The statement with the parameters of this request."""
        sql, parameters = statement
        staleness = self.kind.staleness(self.state)
        names = [name for name in self.kind.names if f'd."{name}"' in sql and name not in HEAVY]
        given = {
            _STALE.name: [*staleness.in_body],
            _NARROW.name: [*staleness.narrow],
            _ROWS.name: narrow_json(self.kind, self.state, names),
        }
        return sql, tuple(given[one.name] if isinstance(one, _Given) else one for one in parameters)

    def texts(self, ids: Sequence[int]) -> dict[int, bytes]:
        """The bodies of stale documents. One is missing when its record is gone, or not public any more."""
        rows = _texts.get(self.kind.name, lambda: text_rows(self.kind))
        found = rows.of(ids, self.kind.staleness(self.state).marks)
        return {pk: body.encode() for pk, (public, body) in found.items() if self.sees_all or public == "true"}


def patch_for(kind: "Kind", state: "State", *, sees_all: bool) -> Patch | None:
    """Where a few documents of the kind are stale; else None."""
    staleness = kind.staleness(state)
    return Patch(kind, state, sees_all) if staleness.marks else None
