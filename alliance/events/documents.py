"""Ready documents: each record's public JSON, made once when it changes, beside the columns that lists filter by.

A `Kind` says how the documents of one model are made: one query gives all columns, body and CSV line of any rows.
Readers ask `current_state` once, then `Kind.rows(state)`. While the log holds nothing that the documents do not know,
that is their table alone. Else the affected documents are left out and built live in their place (an overlay), so
that whatever was committed before the reader asked is seen: writers wait for nothing. Of a few, what was built is kept
for other readers (`patches.py`).
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import connection, models
from django.db.models import BigIntegerField, Exists, Expression, F, Model, QuerySet, TextField, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast
from django.db.models.sql import Query

from alliance.core.fields import Document
from alliance.core.search import Searchable
from alliance.events import patches
from alliance.events.cube import Cube
from alliance.events.dependencies import NOWHERE, TRUE, Dependency, affected, along
from alliance.events.models import Word
from alliance.events.relations import Relation, RelationQuery, reads_vector
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

    def out_of(self, relation: Relation):
        """The same columns out of another relation in place of the table."""
        rows = self._chain()
        rows.query = rows.query.chain(RelationQuery)
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


#: Stand for a tail's four numbers in a query that is kept.
_NUMBERS = (-7_301_001, -7_301_002, -7_301_003, -7_301_004)
#: In place of an id: all of them.
_EVERY = 0
_NOTHING = "SELECT NULL::bigint, false, NULL::bigint WHERE false"


def _placed(parameters: Iterable[Any], tail: Tail) -> list[Any]:
    """Parameters with a tail's numbers in place of the marks."""
    numbers = dict(zip(_NUMBERS, (*tail[:2], *(tail.until or ())), strict=False))
    return [numbers.get(one, one) if isinstance(one, int) else one for one in parameters]


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
    _templates: dict[tuple[frozenset[str], bool, bool], tuple[str, list[Any]]] = field(default_factory=dict, init=False)
    _written: dict[tuple[str, ...], tuple[str, tuple[Any, ...]]] = field(default_factory=dict, init=False)
    _sets: set[tuple[str, ...]] = field(default_factory=set, init=False)

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
        """A query of (id, narrow, position): the documents that entries of the log may have changed, whether more than
        their body, and the entry where it names the record. An id may come twice."""
        sql, parameters = self._affected_template(tables & self.tables, is_bounded=tail.until is not None)
        return sql, _placed(parameters, tail)

    def _affected_template(
        self, tables: frozenset[str], *, is_bounded: bool, for_readers: bool = False
    ) -> tuple[str, list[Any]]:
        """The same with marks instead of the places in the log: it is written once, and asked often.

        Args:
            for_readers: where a table was emptied, `_EVERY` alone, as naming every document makes PostgreSQL plan for
                reading them; and without an id the entries that reach records by relations.
        """
        key = (tables, is_bounded, for_readers)
        if key not in self._templates:
            tail = Tail(*_NUMBERS[:2], until=_NUMBERS[2:] if is_bounded else None)  # type: ignore[arg-type]
            found = [
                rows
                for one in self.dependencies
                if one.table in tables
                for rows in affected(self.model, one, entries_of(tail).filter(table=one.table))
            ]
            emptied = entries_of(tail).filter(record_id=None, table__in=sorted(tables))
            parts: list[str] = []
            parameters: list[Any] = []
            if found and for_readers:
                reaching = {one.table for one in self.dependencies if one.path} & tables
                named = entries_of(tail).filter(record_id__isnull=False, table__in=sorted(reaching))
                marks = [(emptied, Value(_EVERY, BigIntegerField())), *([(named, NOWHERE)] if reaching else [])]
                for rows, place in marks:
                    found.append(rows.annotate(_id=place, _narrow=TRUE).values_list("_id", "_narrow", "position"))
            elif found:
                # Every record; and every document, for records may have gone with their table.
                for model in (self.model, self.document):
                    rows = model._base_manager.order_by().filter(Exists(emptied))
                    every = rows.annotate(_narrow=TRUE, _position=NOWHERE)
                    found.append(every.values_list("pk", "_narrow", "_position"))
            for rows in found:
                sql, given = rows.query.sql_with_params()
                parts.append(sql)
                parameters += given
            self._templates[key] = " UNION ALL ".join(parts) or _NOTHING, parameters
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
        sql, parameters = self._named_sql(state)
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            found = cursor.fetchall()
        # Without an id: entries that reach records by relations, from whatever record.
        common = next((told for record_id, _, told in found if record_id is None), "")
        named = [row for row in found if row[0] is not None]
        if len(named) > MOST_NAMED:
            return Staleness(many=True)
        if any(record_id == _EVERY for record_id, _, _ in named):
            return Staleness(everything=True)
        return Staleness(
            narrow=tuple(record_id for record_id, narrow, _ in named if narrow),
            in_body=tuple(record_id for record_id, narrow, _ in named if not narrow),
            marks={record_id: (state.tail, common, told) for record_id, _, told in named},
        )

    def is_stale(self, state: State) -> bool:
        """Whether any document is not as its record is."""
        return self.staleness(state) != FRESH

    def _named_sql(self, state: State) -> tuple[str, list[Any]]:
        """A query of (id, narrow, text): the stale documents, one more than can be named at most, and what tells which
        entries of the log affect each; `_EVERY` when a table was emptied.

        Of each entry that names its record the place in the log counts, of all others together. While the cursor
        stands still, entries become more and never less, so who knows the same of them has seen the same.
        """
        template, given = self._affected_template(state.tables & self.tables, is_bounded=False, for_readers=True)
        return (
            "SELECT id, bool_or(narrow), "
            "concat(count(DISTINCT position), '.', sum(DISTINCT hashint8extended(position, 0))) FROM ("
            "SELECT record_id AS id, narrow, NULL::bigint AS position FROM events_staledocument WHERE kind = %s "
            f"UNION ALL SELECT * FROM ({template}) AS found(id, narrow, position)) AS every GROUP BY id LIMIT %s",
            [self.name, *_placed(given, state.tail), MOST_NAMED + 2],
        )

    def _affected_ids(self, state: State) -> tuple[str, list[Any]]:
        """A query of (id, narrow), each id once: what waits to be made anew, and what the tail of the log affects."""
        affected, parameters = self.affected_sql(state.tail, state.tables)
        return (
            "SELECT id, bool_or(narrow) AS narrow FROM ("
            "SELECT record_id AS id, narrow FROM events_staledocument WHERE kind = %s "
            f"UNION ALL SELECT id, narrow FROM ({affected}) AS found(id, narrow)"
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
        left_out = patches.HEAVY - ({"search_vector"} if reads_vector(query) else set())
        return self.overlay_sql(state, [name for name in self.names if name not in left_out])

    def set_of(self, names: Collection[str]) -> tuple[str, ...]:
        """These columns in the order of the table; after many different sets one that holds them."""
        chosen = tuple(name for name in self.names if name in names)
        if chosen in self._sets or len(self._sets) < patches.MOST_SETS:
            self._sets.add(chosen)
            return chosen
        return tuple(name for name in self.names if name not in patches.HEAVY or name in names)

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
                sql += f' UNION ALL SELECT {columns}, true FROM json_populate_recordset(NULL::"{table}", %s)'
                parameters.append(patches.narrow_json(self, state, names))
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
