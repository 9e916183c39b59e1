"""Ready documents: each record's public JSON, made once when it changes, beside the columns that lists filter by.

A `Kind` says how the documents of one model are made: one query gives all columns, body and CSV line of any rows.
Readers ask `current_state` once, then `Kind.rows(state)`. While the log holds nothing that the documents do not know,
that is their table alone. Else the affected documents are left out and built live in the same statement (an overlay),
so that whatever was committed before the reader asked is seen: writers wait for nothing.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import connection, models
from django.db.models import Exists, Expression, F, Model, QuerySet, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast
from django.db.models.sql import Query
from django.db.models.sql.datastructures import BaseTable

from alliance.core.fields import Document
from alliance.core.search import Searchable
from alliance.events.cube import Cube
from alliance.events.dependencies import TRUE, Dependency, affected, along
from alliance.events.models import Word
from alliance.events.rendering import Compiler
from alliance.events.states import FRESH, Staleness, State, Tail, entries_of

#: More stale documents than this are not named one by one.
MOST_NAMED = 500


# --- tables ----------------------------------------------------------------------------------------------------------
class DocumentQuerySet(models.QuerySet):
    """Ready documents. Get one from `Kind.rows`: it alone knows which are stale."""

    #: The kind's counts, where they are right for all public rows: none of them is stale. Lost by every narrowing.
    counts: Cube | None = None
    #: The counts of exactly these rows.
    precounted: Cube | None = None
    #: Names exactly these rows where their SQL is the same for every request: none of them is stale.
    source: str | None = None

    def public(self):
        """Those that everybody may see."""
        rows = self.filter(is_public=True)
        rows.precounted = self.counts
        rows.source = self.source and f"{self.source}, public"
        return rows

    def out_of(self, relation: "Relation"):
        """The same columns out of another relation in place of the table."""
        rows = self._chain()
        rows.query = rows.query.chain(_RelationQuery)
        rows.query.relation = relation
        return rows

    def out_of_few(self, rows: QuerySet, columns: Iterable[str], most: int):
        """Out of these columns of `rows`; no row when there are more than `most`.

        They are planned for as if all were read, and read no further than needed: planned for a few, a search would
        read the whole table in the hope to meet them soon.
        """
        sql, parameters = rows.order_by().values_list(*columns).query.sql_with_params()
        few = (
            f"WITH matching AS MATERIALIZED ({sql}) SELECT * FROM (SELECT *, count(*) OVER () AS matches "
            "FROM (SELECT * FROM matching LIMIT %s) AS first) AS counted WHERE matches <= %s"
        )
        return DocumentQuerySet(self.model).out_of(lambda _query: (few, [*parameters, most + 1, most]))

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


#: Gives the SQL and the parameters of what a query reads in place of its table.
Relation = Callable[[Query], tuple[str, Sequence[Any]]]
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
            found += along(self.model, path, self.watched.get(path), in_body=path in self._compiled[1])
        return found

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
                for rows in affected(self.model, one, entries_of(tail).filter(table=one.table))
            ]
            emptied = entries_of(tail).filter(record_id=None, table__in=sorted(tables))
            # Every record; and every document, for records may have gone with their table.
            every = [model._base_manager.order_by().filter(Exists(emptied)) for model in (self.model, self.document)]
            parts: list[str] = []
            parameters: list[Any] = []
            found += [rows.annotate(_narrow=TRUE).values_list("pk", "_narrow") for rows in every] if found else []
            for rows in found:
                sql, given = rows.query.sql_with_params()
                parts.append(sql)
                parameters += given
            self._templates[key] = " UNION ALL ".join(parts) or "SELECT NULL::bigint, false WHERE false", parameters
        return self._templates[key]

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
            return FRESH
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
        return self.staleness(state) != FRESH

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

    def public(self, state: State) -> DocumentQuerySet:
        """Those of `rows` that everybody may see."""
        if self.is_stale(state):
            return self.rows(state).public()
        rows = self._public._chain()
        rows.precounted, rows.source = self._public.precounted, self._public.source
        return rows

    @cached_property
    def _public(self) -> DocumentQuerySet:
        """Made once, and never read itself: every request begins with it."""
        rows: DocumentQuerySet = DocumentQuerySet(self.document)
        rows.counts, rows.source = self.cube, self.name
        return rows.public()

    def rows(self, state: State) -> DocumentQuerySet:
        """All documents as of now."""
        rows: DocumentQuerySet = DocumentQuerySet(self.document)
        if self.is_stale(state):
            rows = rows.out_of(partial(self._overlay, state))
        else:
            rows.counts, rows.source = self.cube, self.name
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

    def _overlay(self, state: State, query: Query) -> tuple[str, list[Any]]:
        left_out = _HEAVY - ({"search_vector"} if _reads_vector(query) else set())
        return self.overlay_sql(state, [name for name in self.names if name not in left_out])

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


def _listed(names: Sequence[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in names)


# --- the overlay in Django's terms -----------------------------------------------------------------------------------
#: Costly to make: left out of an overlay unless the query reads it. Bodies come by `Kind.bodies` alone.
_HEAVY = frozenset({"body", "csv", "search_vector"})


class _Relation(BaseTable):
    """What stands in place of a table."""

    sql: Relation

    def as_sql(self, compiler, connection):
        sql, parameters = self.sql(compiler.query)
        return f"({sql}) AS {compiler.quote_name_unless_alias(self.table_alias)}", parameters

    def relabeled_clone(self, change_map):
        clone = super().relabeled_clone(change_map)
        clone.sql = self.sql
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


class _RelationQuery(Query):
    """A query that reads something else in place of its table."""

    relation: Relation

    def base_table_class(self, table_name: str, alias: str | None) -> BaseTable:
        table = _Relation(table_name, alias)
        table.sql = self.relation
        return table
