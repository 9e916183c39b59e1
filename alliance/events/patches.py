"""Stale documents, made once for all readers of a process.

While a few documents are stale, what is made in their place is kept until their records change again: each is known by
the entries of the log that affect it (`Staleness.marks`). A reader who sees one more of them makes it anew, so nobody
gets what is older than his own look at the log.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
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
#: Named as often as makes this many ids, for so many PostgreSQL expects where it plans once for all: planned for one,
#: a statement is planned anew each time, which takes longer than running it.
NOBODY, USUAL = 0, 10
#: Costly to make, so left out unless they are read.
HEAVY = frozenset({"body", "csv", "search_vector"})


class Made:
    """What was made of documents of one kind, each kept while its mark is the same; None: there is no record."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Hashable, Any]] = {}

    def known(self, ids: Collection[int], marks: Mapping[int, Hashable]) -> tuple[dict[int, Any], list[int]]:
        """By id, and the ids of what is to be made."""
        found: dict[int, Any] = {}
        missing = []
        for pk in ids:
            mark, value = self._made.get(pk, (None, None))
            if mark is None or mark != marks[pk]:
                missing.append(pk)
            else:
                found[pk] = value
        return found, missing

    def keep(self, made: Mapping[int, Any], marks: Mapping[int, Hashable]) -> None:
        for pk, value in made.items():
            self._made.pop(pk, None)  # what was made last goes last
            self._made[pk] = (marks[pk], value)
        for pk in [*self._made][: max(0, len(self._made) - MOST_KEPT)]:
            self._made.pop(pk, None)


class LiveRows:
    """Documents of one kind, built now: the columns of `names` as the text of a JSON object, as
    `json_populate_recordset` reads it; and, if wanted, the body with whether everybody may see the record."""

    def __init__(self, kind: "Kind", names: Sequence[str], *, with_body: bool) -> None:
        self._kind, self._names, self._with_body = kind, names, with_body
        self._rows = KeyedSQL(self._write)

    def _write(self, keys: object) -> tuple[str, Sequence[Any]]:
        kind, names = self._kind, self._names
        every = (*names, *(name for name in ("is_public", "body") if self._with_body and name not in names))
        sql, parameters = kind.live(every).query.sql_with_params()
        columns = ", ".join(f'"{name}"' for name in every)
        live = f'({sql} WHERE "{kind.model._meta.db_table}".id = ANY(%s)) AS live({columns})'
        # In the types of the table: a text of a record may be longer by its type.
        types = {one.attname: one.db_type(connection) for one in kind.document._meta.concrete_fields}
        typed = ", ".join(f'"{name}"::{types[name]}' for name in names)
        parts = ["id", f"(SELECT to_json(one)::text FROM (SELECT {typed}) AS one)"]
        parts += ["is_public", "body"] if self._with_body else []
        return f"SELECT {', '.join(parts)} FROM {live}", [*parameters, keys]

    def of(self, ids: Sequence[int]) -> dict[int, tuple[Any, ...]]:
        """By id: the columns, and the body."""
        return {row[0]: row[1:] for row in self._rows.of([*ids, *[NOBODY] * (USUAL - len(ids))])}


_narrow: Kept[Made] = Kept(200)
_bodies: Kept[Made] = Kept(50)
_live: Kept[LiveRows] = Kept(400)


def _rows(kind: "Kind", names: Sequence[str], *, with_body: bool) -> LiveRows:
    key = (kind.name, names, with_body)
    return _live.get(key, lambda: LiveRows(kind, names, with_body=with_body))


def narrow_json(kind: "Kind", state: "State", names: Collection[str]) -> str:
    """The rows, as a JSON array, of stale documents whose columns may differ: at least these columns of them."""
    staleness = kind.staleness(state)
    if not staleness.narrow:
        return "[]"
    chosen, marks = kind.set_of(names), staleness.marks
    made = _narrow.get((kind.name, chosen), Made)
    found, missing = made.known(staleness.narrow, marks)
    if missing:
        # Of a few the body comes along: a page may show them, and would have to ask again.
        with_body = len(missing) <= USUAL
        built = _rows(kind, chosen, with_body=with_body).of(missing)
        texts = {pk: built[pk][0] if pk in built else None for pk in missing}
        made.keep(texts, marks)
        found |= texts
        if with_body:
            _bodies.get(kind.name, Made).keep({pk: built[pk][1:] if pk in built else None for pk in missing}, marks)
    return f"[{','.join(text for text in found.values() if text is not None)}]"


def bodies(kind: "Kind", state: "State", ids: Sequence[int]) -> dict[int, tuple[bool, str]]:
    """Of stale documents: whether everybody may see the record, and the body. One without a record is missing."""
    marks, made = kind.staleness(state).marks, _bodies.get(kind.name, Made)
    found, missing = made.known(ids, marks)
    if missing:
        built = _rows(kind, ("id",), with_body=True).of(missing)
        told = {pk: built[pk][1:] if pk in built else None for pk in missing}
        made.keep(told, marks)
        found |= told
    return {pk: one for pk, one in found.items() if one is not None}


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

    def written(self, statement: tuple[str, tuple[Any, ...]]) -> tuple[str, tuple[Any, ...]]:
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
        found = bodies(self.kind, self.state, ids)
        return {pk: body.encode() for pk, (public, body) in found.items() if self.sees_all or public}


def patch_for(kind: "Kind", state: "State", *, sees_all: bool) -> Patch | None:
    """Where a few documents of the kind are stale; else None."""
    staleness = kind.staleness(state)
    return Patch(kind, state, sees_all) if staleness.marks else None
