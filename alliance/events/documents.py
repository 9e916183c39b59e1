"""Ready documents: each record's public JSON, made once when it changes, beside the columns that lists filter by.

A `Kind` says how the documents of one model are made: one query gives all columns, body and CSV line of any rows.
Readers ask `current_state` once, then `Kind.rows(state)`. While the log holds nothing that the documents do not know,
that is their table alone. Else the affected documents are left out and built live in the same statement (an overlay),
so that whatever was committed before the reader asked is seen: writers wait for nothing.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import connection, models
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    Exists,
    Expression,
    F,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce
from django.db.models.lookups import Exact
from django.db.models.sql import Query
from django.db.models.sql.datastructures import BaseTable

from alliance.core.fields import Document
from alliance.core.pagination import RowComparison
from alliance.core.search import Searchable
from alliance.events.cube import Cube
from alliance.events.models import Change, Operation, Word
from alliance.events.rendering import Compiler

#: The reader of the log that keeps the documents.
READER = "documents"
#: More stale documents than this are not named one by one.
MOST_NAMED = 500


# --- tables ----------------------------------------------------------------------------------------------------------
class DocumentQuerySet(models.QuerySet):
    """Ready documents. Get one from `Kind.rows`: it alone knows which are stale."""

    #: The kind's counts, where they are right for all public rows: none of them is stale. Lost by every narrowing.
    counts: Cube | None = None
    #: The counts of exactly these rows.
    precounted: Cube | None = None

    def public(self):
        """Those that everybody may see."""
        rows = self.filter(is_public=True)
        rows.precounted = self.counts
        return rows

    def vocabulary(self):
        """The words that public documents of this kind use, as written."""
        kind = next(kind for kind in kinds.values() if kind.document is self.model)
        return Word.objects.filter(kind=kind.name).values("word")


class ReadyDocument(models.Model):
    """One record as lists, exports, search and the API give it out. Derived: never edited, always made anew."""

    id = models.BigIntegerField(primary_key=True)
    #: Everybody may see the record.
    is_public = models.BooleanField()
    search_vector = SearchVectorField()
    body = models.TextField()
    csv = models.TextField()

    objects = DocumentQuerySet.as_manager()

    class Meta:
        abstract = True


def listed(rows: QuerySet, name: str) -> Expression:
    """The values of a column of related rows, each once, sorted."""
    # In the type of the documents' column: an array of another type compares with none of that.
    values = ArraySubquery(rows.order_by(name).values_list(name, flat=True).distinct())
    return Cast(values, ArrayField(TextField()))


def search_index(name: str) -> GinIndex:
    """The index for search. Without a list of pending entries, which would make single searches slow."""
    return GinIndex(fields=["search_vector"], name=name, fastupdate=False)


# --- what a document depends on --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Dependency:
    """A table whose rows show in documents, and how to find the documents from an entry of the log.

    Attributes:
        model: of the rows.
        path: from the record to the row, as a query writes it; empty for the record itself.
        owner_column: of a row that points to its record: where the row as it was names the record.
        watched: the columns that filters, order or search read; a change of others leaves the narrow columns right.
            None: all.
    """

    model: type[Model]
    path: str
    owner_column: str = ""
    watched: tuple[str, ...] | None = None
    #: It shows in narrow columns alone: a change of columns that are not watched changes nothing.
    in_body: bool = True

    @property
    def table(self) -> str:
        return self.model._meta.db_table


class Tail(NamedTuple):
    """A part of the log: the entries after (transaction, position), up to another such pair or to the end."""

    transaction: int
    position: int
    until: tuple[int, int] | None = None


@dataclass(frozen=True)
class State:
    """What a reader must know before it reads documents.

    Attributes:
        stamp: names the state of all public data: the same stamp, the same answers.
        tail: the log from here on is not in the documents yet.
        tables: those that the tail tells of.
        queued: kinds with documents that wait to be made anew.
        schemas: kind -> schema of its stored documents.
        is_foreign: the log is of another life of the database (a restored copy): no document can be trusted.
        known: kind -> its staleness, once somebody has asked.
    """

    stamp: str
    tail: Tail
    tables: frozenset[str]
    queued: frozenset[str]
    schemas: Mapping[str, str]
    is_foreign: bool
    known: dict[str, "Staleness"] = field(default_factory=dict, compare=False)

    def is_changed_since(self, stamp: str, tables: Iterable[str]) -> bool:
        """Whether the log tells of these tables, later than at that stamp."""
        # Whatever was not settled then has a later transaction than all that was.
        then, now = _settled_at(stamp), _settled_at(self.stamp)
        return now < then or entries_of(Tail(*then)).filter(table__in=tables).exists()


def _settled_at(stamp: str) -> tuple[int, int]:
    """The place in the log up to which entries were settled."""
    transaction, _, position = stamp.partition("-")[0].partition(".")
    return int(transaction), int(position or 0)


class Staleness(NamedTuple):
    """Which documents of a kind are not as their records are.

    Attributes:
        narrow: ids of those whose columns may differ; `in_body`: of those whose texts alone may.
        many: there are more than can be named; everything: all of them.
    """

    narrow: tuple[int, ...] = ()
    in_body: tuple[int, ...] = ()
    many: bool = False
    everything: bool = False


_FRESH = Staleness()


def current_state() -> State:
    """One query. Ask before reading documents: what is committed before it is in what is read after it."""
    transaction, position, schemas, following, settled, unsettled, total, tables, queued = connection.ask_first(
        "SELECT * FROM events_state()"  # function of migration 0002
    )
    return State(
        stamp=f"{settled}-{unsettled}.{total}" if unsettled else settled,
        tail=Tail(transaction, position),
        tables=frozenset(tables or ()),
        queued=frozenset(queued or ()),
        schemas=json.loads(schemas) if schemas else {},
        is_foreign=transaction >= following,
    )


def entries_of(tail: Tail) -> QuerySet[Change]:
    """The entries of that part of the log."""
    place = [F("transaction"), F("position")]
    after = [Value(tail.transaction), Value(tail.position)]
    entries = Change.objects.order_by().filter(RowComparison(place, ">", after))
    if tail.until is not None:
        entries = entries.filter(RowComparison(place, "<=", [Value(number) for number in tail.until]))
    return entries


#: Stand for a tail's four numbers in a query that is kept.
_NUMBERS = (-7_301_001, -7_301_002, -7_301_003, -7_301_004)


# --- kinds -----------------------------------------------------------------------------------------------------------
kinds: dict[str, "Kind"] = {}


@dataclass
class Kind:
    """How the documents of one model are made.

    Attributes:
        name: as in the address of its resource, such as `use-cases`.
        model, document: the record and its table of documents.
        serializer: of the public JSON.
        columns: document column -> what it holds, in terms of the record. Never null where it is an order.
        is_public: whether everybody may see the record.
        searchable: what of it is searched.
        computed: sources of the serializer that are no columns -> expression.
        watched: path -> the columns of rows there that `columns` and `searchable` read (see `Dependency`).
        more_paths: relations that only `columns` follow.
        cube: the counts that are kept beside the documents.
    """

    name: str
    model: type[Model]
    document: type[ReadyDocument]
    serializer: type[Document]
    columns: dict[str, str | Expression]
    is_public: Expression
    searchable: Searchable
    computed: Mapping[str, Expression] = field(default_factory=dict)
    watched: dict[str, tuple[str, ...]] = field(default_factory=dict)
    more_paths: list[str] = field(default_factory=list)
    cube: Cube | None = None
    _templates: dict[tuple[frozenset[str], bool], tuple[str, list[Any]]] = field(default_factory=dict, init=False)
    _written: dict[tuple[str, ...], tuple[str, tuple[Any, ...]]] = field(default_factory=dict, init=False)

    def register(self) -> "Kind":
        kinds[self.name] = self
        return self

    def extend(
        self,
        columns: Mapping[str, str | Expression],
        paths: Sequence[str],
        watched: Mapping[str, tuple[str, ...]],
    ) -> None:
        """A higher floor fills columns that the table has for it."""
        self.columns |= columns
        self.more_paths += paths
        self.watched |= watched

    # --- how documents are made
    @cached_property
    def _compiled(self) -> tuple[dict[str, Expression], set[str]]:
        compiler = Compiler(self.model, self.computed)
        serializer = self.serializer()
        texts = {"body": compiler.json(serializer), "csv": compiler.csv(serializer)}
        return texts, compiler.paths

    @cached_property
    def names(self) -> list[str]:
        """The columns of the table, in its order."""
        return [one.attname for one in self.document._meta.concrete_fields]

    def expression(self, name: str) -> Expression | F:
        """What a column of the table holds."""
        match name:
            case "id":
                return F("pk")
            case "is_public":
                return self.is_public
            case "search_vector":
                return self.searchable.vector()
            case "body" | "csv":
                return self._compiled[0][name]
        value = self.columns[name]
        return F(value) if isinstance(value, str) else value

    def live(self, names: Sequence[str] | None = None) -> QuerySet:
        """The documents of all records, built now: `ready_<column>` each, as tuples."""
        chosen = {f"ready_{name}": self.expression(name) for name in names or self.names}
        return self.model._base_manager.order_by().annotate(**chosen).values_list(*chosen)

    @cached_property
    def live_sql(self) -> tuple[str, tuple[Any, ...]]:
        return self.live().query.sql_with_params()

    @cached_property
    def schema(self) -> str:
        """Changes whenever the documents of unchanged records would."""
        sql, parameters = self.live_sql
        counts = self.cube.cells_sql("changed") if self.cube else ""
        return hashlib.blake2b(f"{sql} {parameters} {counts}".encode(), digest_size=8).hexdigest()

    # --- what they depend on
    @cached_property
    def dependencies(self) -> list[Dependency]:
        found = [Dependency(self.model, "")]
        for path in sorted({*self._compiled[1], *self.more_paths}):
            found += self._along(path)
        return found

    def _along(self, path: str) -> list[Dependency]:
        *before, last = path.split("__")
        model: type[Model] = self.model
        for step in before:
            model = _relation(model, step).related_model
        relation = _relation(model, last)
        target, watched = relation.related_model, self.watched.get(path)
        in_body = path in self._compiled[1]
        if relation.many_to_many:
            through = relation.remote_field.through if hasattr(relation, "remote_field") else relation.through
            owner = relation.m2m_column_name()
            return [Dependency(through, "", owner), Dependency(target, path, watched=watched)]
        if relation.one_to_many:
            return [Dependency(target, "", relation.field.column, watched, in_body)]
        return [Dependency(target, path, watched=watched, in_body=in_body)]

    @cached_property
    def tables(self) -> frozenset[str]:
        return frozenset(one.table for one in self.dependencies)

    def affected_sql(self, tail: Tail, tables: frozenset[str]) -> tuple[str, list[Any]]:
        """A query of (id, narrow): the documents that entries of the log may have changed, and whether more than
        their body. An id may come twice."""
        sql, parameters = self._affected_template(tables & self.tables, tail.until is not None)
        numbers = dict(zip(_NUMBERS, (*tail[:2], *(tail.until or ())), strict=False))
        return sql, [numbers.get(one, one) if isinstance(one, int) else one for one in parameters]

    def _affected_template(self, tables: frozenset[str], is_bounded: bool) -> tuple[str, list[Any]]:
        """The same with marks instead of the places in the log: it is written once, and asked often."""
        key = (tables, is_bounded)
        if key not in self._templates:
            tail = Tail(*_NUMBERS[:2], until=_NUMBERS[2:] if is_bounded else None)  # type: ignore[arg-type]
            found = [
                rows
                for one in self.dependencies
                if one.table in tables
                for rows in self._affected(one, entries_of(tail).filter(table=one.table))
            ]
            emptied = entries_of(tail).filter(record_id=None, table__in=sorted(tables))
            # Every record; and every document, for records may have gone with their table.
            every = [model._base_manager.order_by().filter(Exists(emptied)) for model in (self.model, self.document)]
            parts: list[str] = []
            parameters: list[Any] = []
            found += [rows.annotate(_narrow=_TRUE).values_list("pk", "_narrow") for rows in every] if found else []
            for rows in found:
                sql, given = rows.query.sql_with_params()
                parts.append(sql)
                parameters += given
            self._templates[key] = " UNION ALL ".join(parts) or "SELECT NULL::bigint, false WHERE false", parameters
        return self._templates[key]

    def _affected(self, one: Dependency, entries: QuerySet[Change]) -> list[QuerySet]:
        rows = self.model._base_manager.order_by()
        entries = entries.filter(record_id__isnull=False).annotate(_narrow=_is_narrow(one))
        if not one.in_body:
            entries = entries.filter(_narrow=True)
        if one.owner_column:
            was = Cast(KeyTextTransform(one.owner_column, "before"), BigIntegerField())
            now = Subquery(one.model._base_manager.filter(pk=OuterRef("record_id")).values(one.owner_column))
            return [
                entries.filter(before__isnull=False).annotate(_id=was).values_list("_id", "_narrow"),
                entries.annotate(_id=now).values_list("_id", "_narrow"),
            ]
        if not one.path:
            return [entries.values_list("record_id", "_narrow")]
        found = []
        # One pass for entries that change narrow columns, one for those that do not.
        for narrow in (True, False) if one.watched is not None and one.in_body else (True,):
            ids = entries.filter(_narrow=narrow).values("record_id")
            value = Value(narrow, BooleanField())
            found.append(rows.filter(**{f"{one.path}__in": ids}).annotate(_narrow=value).values_list("pk", "_narrow"))
        return found

    # --- reading
    def staleness(self, state: State) -> "Staleness":
        """Which documents are not as their records are; asked once a state, and then known."""
        if self.name not in state.known:
            state.known[self.name] = self._staleness(state)
        return state.known[self.name]

    def _staleness(self, state: State) -> "Staleness":
        if state.is_foreign or state.schemas.get(self.name) != self.schema:
            return Staleness(everything=True)
        if self.name not in state.queued and self.tables.isdisjoint(state.tables):
            return _FRESH
        sql, parameters = self._affected_ids(state)
        with connection.cursor() as cursor:
            cursor.execute(f"{sql} LIMIT %s", [*parameters, MOST_NAMED + 1])
            found = cursor.fetchall()
        if len(found) > MOST_NAMED:
            return Staleness(many=True)
        return Staleness(
            narrow=tuple(record_id for record_id, narrow in found if narrow),
            in_body=tuple(record_id for record_id, narrow in found if not narrow),
        )

    def is_stale(self, state: State) -> bool:
        """Whether any document is not as its record is."""
        return self.staleness(state) != _FRESH

    def _affected_ids(self, state: State) -> tuple[str, list[Any]]:
        """A query of (id, narrow), each id once: what waits to be made anew, and what the tail of the log affects."""
        affected, parameters = self.affected_sql(state.tail, state.tables)
        return (
            "SELECT id, bool_or(narrow) AS narrow FROM ("
            "SELECT record_id AS id, narrow FROM events_staledocument WHERE kind = %s "
            f"UNION ALL SELECT * FROM ({affected}) AS found(id, narrow)"
            ") AS every WHERE id IS NOT NULL GROUP BY id",
            [self.name, *parameters],
        )

    def rows(self, state: State) -> DocumentQuerySet:
        """All documents as of now."""
        rows: DocumentQuerySet = DocumentQuerySet(self.document)
        if self.is_stale(state):
            rows.query = rows.query.chain(_OverlaidQuery)
            rows.query.overlay = (self, state)
        else:
            rows.counts = self.cube
        return rows

    def bodies(self, state: State, column: str = "body") -> Expression | F:
        """The expression of a text column: of the table, or live where the document is stale."""
        if not self.is_stale(state):
            return F(column)
        live, parameters = self._live_sql((column,))
        table, alias = self.document._meta.db_table, self.model._meta.db_table
        return RawSQL(  # noqa: S611  (names of our own tables and columns)
            f'(CASE WHEN "{table}".stale THEN ({live} WHERE "{alias}".id = "{table}".id) '
            f'ELSE (SELECT d."{column}" FROM "{table}" d WHERE d.id = "{table}".id) END)',
            parameters,
            output_field=TextField(),
        )

    def _live_sql(self, names: tuple[str, ...]) -> tuple[str, tuple[Any, ...]]:
        if names not in self._written:
            self._written[names] = self.live(names).query.sql_with_params()
        return self._written[names]

    def overlay_sql(self, state: State, names: Sequence[str]) -> tuple[str, list[Any]]:
        """What stands in place of the table while documents are stale: its narrow columns as they are now, and
        `stale`, which says that the body must be made."""
        table, base = self.document._meta.db_table, self.model._meta.db_table
        live, live_parameters = self._live_sql(tuple(names))
        columns, listed = _listed(names), _listed(names, "d.")
        # In the types of the table: a text of a record may be shorter by its type.
        types = {one.attname: one.db_type(connection) for one in self.document._meta.concrete_fields}
        typed = ", ".join(f'"{name}"::{types[name]}' for name in names)
        staleness = self.staleness(state)
        if staleness.everything:
            return f"SELECT {typed}, true AS stale FROM ({live}) AS live({columns})", [*live_parameters]
        if not staleness.many:
            # Few: named one by one, so that the table's indexes serve as ever.
            sql = f'SELECT {listed}, d.id = ANY(%s::bigint[]) AS stale FROM "{table}" d WHERE d.id <> ALL(%s::bigint[])'
            parameters: list[Any] = [[*staleness.in_body], [*staleness.narrow]]
            if staleness.narrow:
                sql += (
                    f" UNION ALL SELECT {typed}, true "
                    f'FROM ({live} WHERE "{base}".id = ANY(%s::bigint[])) AS live({columns})'
                )
                parameters += [*live_parameters, [*staleness.narrow]]
            return sql, parameters
        affected, affected_parameters = self._affected_ids(state)
        sql = f"""
            WITH affected AS MATERIALIZED ({affected})
            SELECT {listed}, a.id IS NOT NULL AS stale FROM "{table}" d
            LEFT JOIN affected a ON a.id = d.id WHERE a.narrow IS NOT TRUE
            UNION ALL
            SELECT {typed}, true FROM ({live} WHERE "{base}".id IN (SELECT id FROM affected WHERE narrow))
              AS live({columns})
        """
        return sql, [*affected_parameters, *live_parameters]


_TRUE = Value(True, BooleanField())


def _text(value: Expression) -> Expression:
    return Coalesce(value, Value(""), output_field=TextField())


def _is_narrow(one: Dependency) -> Expression:
    """Whether an entry changes what lists filter, sort or search by."""
    if one.watched is None:
        return _TRUE
    changed = ~Q(operation=Operation.UPDATE)
    for name in one.watched:
        now = one.model._base_manager.filter(pk=OuterRef("record_id")).values_list(Cast(name, TextField()))
        changed |= ~Q(Exact(_text(KeyTextTransform(name, "before")), _text(Subquery(now))))
    return Case(When(changed, then=_TRUE), default=Value(False), output_field=BooleanField())


def _relation(model: type[Model], name: str) -> Any:
    """A relation by its field's name, its accessor's or its query name."""
    for one in model._meta.related_objects:
        if name in (one.get_accessor_name(), one.name):
            return one
    return model._meta.get_field(name)


def _listed(names: Sequence[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in names)


# --- the overlay in Django's terms -----------------------------------------------------------------------------------
#: Costly to make: left out of an overlay unless the query reads it. Bodies come by `Kind.bodies` alone.
_HEAVY = frozenset({"body", "csv", "search_vector"})


class _OverlaidTable(BaseTable):
    """A table of documents whose stale rows are replaced by live ones."""

    overlay: tuple[Kind, State]

    def as_sql(self, compiler, connection):
        kind, state = self.overlay
        left_out = _HEAVY - ({"search_vector"} if _reads_vector(compiler.query) else set())
        sql, parameters = kind.overlay_sql(state, [name for name in kind.names if name not in left_out])
        return f"({sql}) AS {compiler.quote_name_unless_alias(self.table_alias)}", parameters

    def relabeled_clone(self, change_map):
        clone = super().relabeled_clone(change_map)
        clone.overlay = self.overlay
        return clone


def _reads_vector(query: Query) -> bool:
    return any(
        getattr(getattr(part, "target", None), "name", "") == "search_vector"
        for expression in (*_leaves(query.where), *query.annotations.values())
        for part in (expression.flatten() if hasattr(expression, "flatten") else ())
    )


def _leaves(node: Any) -> Iterator[Any]:
    for child in getattr(node, "children", ()):
        yield from _leaves(child) if hasattr(child, "children") else (child,)


class _OverlaidQuery(Query):
    """A query over documents of which some are stale."""

    overlay: tuple[Kind, State]

    def base_table_class(self, table_name: str, alias: str | None) -> BaseTable:
        table = _OverlaidTable(table_name, alias)
        table.overlay = self.overlay
        return table
