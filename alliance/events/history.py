"""What became of a record and of all that belongs to it, read from the change log.

An entry holds the row as it was; what the row became is what the next entry of that row holds, or the row itself. The
changes of one row follow each other by their position: a writer waits for the one before, whichever began first.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.apps import AppConfig
from django.db import connection, models, transaction

from alliance.core.models import Record
from alliance.events.log import logged_models
from alliance.events.models import Change, Operation

LOG = Change._meta.db_table
#: No row has a larger number.
LARGEST_ID = 2**63 - 1

_STAMP = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9]{1,18})")

#: A row as the database writes it: column -> value as JSON has it; numbers with a point are Decimal.
Image = Mapping[Any, Any]


def record_models() -> dict[str, type[models.Model]]:
    """The models that have a history of their own, by the name that stands in its address."""
    return {str(model._meta.model_name): model for model in logged_models() if issubclass(model, Record)}


@dataclass(frozen=True)
class Part:
    """A kind of row that belongs to a record: it goes when the record goes."""

    model: type[models.Model]
    #: Leads to the record.
    field: models.ForeignKey
    #: Of a link between two records: the other end.
    other: models.ForeignKey | None = None
    #: What such links are called at the record.
    label: Any = ""


def parts_of(model: type[models.Model]) -> list[Part]:
    """The parts of a record of this kind: rows deleted with it, and its links to others.

    Rows that are not brought back have a history of their own alone.
    """
    logged = set(logged_models())
    parts = [
        Part(relation.related_model, relation.field)
        for relation in model._meta.related_objects
        if relation.related_model in logged
        and getattr(relation, "on_delete", None) is models.CASCADE
        and relation.related_model is not model
        and getattr(relation.related_model, "is_restorable", True)
    ]
    for link in model._meta.local_many_to_many:
        through = link.remote_field.through
        if through._meta.auto_created:
            parts.append(
                Part(
                    through,
                    through._meta.get_field(link.m2m_field_name()),
                    through._meta.get_field(link.m2m_reverse_field_name()),
                    link.verbose_name,
                )
            )
    return parts


@dataclass(frozen=True)
class Entry:
    """One entry of the log, with what the row was before it and became by it; None: there was no row."""

    position: int
    transaction: int
    at: datetime
    model: type[models.Model]
    record_id: int
    operation: Operation
    actor: str
    request: str
    before: Image | None
    after: Image | None
    #: The table was emptied afterwards or by this, so that one of the two is not kept.
    is_lost: bool


@dataclass(frozen=True)
class State:
    """A row now and at an earlier moment; None: there is, or was, no row."""

    model: type[models.Model]
    record_id: int
    now: Image | None
    then: Image | None
    #: The table was emptied since: `then` is not known.
    is_lost: bool
    #: The highest that the row ever had; 0 of a link, which has none.
    version: int = 0

    def reversed(self) -> "State":
        """The way from now back to then."""
        return replace(self, now=self.then, then=self.now)


@dataclass(frozen=True)
class Stamp:
    """Tells whether anything was written to the record or its parts: its version, and the entries about them."""

    version: int
    entries: int
    last: int

    def __str__(self) -> str:
        return f"{self.version}-{self.entries}-{self.last}"

    @classmethod
    def read(cls, text: str) -> "Stamp | None":
        """The stamp that a form sends back; None when it is none."""
        numbers = _STAMP.fullmatch(text)
        return cls(*map(int, numbers.groups())) if numbers else None


class Subject:
    """A record, there or deleted, whose history is asked for."""

    def __init__(self, model: type[models.Model], pk: int) -> None:
        self.model, self.pk = model, pk
        self.parts = parts_of(model)

    @cached_property
    def part_of_model(self) -> dict[type[models.Model], Part]:
        return {part.model: part for part in self.parts}

    @property
    def key(self) -> tuple[type[models.Model], int]:
        return self.model, self.pk

    def owns(self, model: type[models.Model], image: Image | None) -> bool:
        """Whether a row, as the image has it, is the record or a part of it."""
        if image is None:
            return False
        if model is self.model:
            return bool(image[model._meta.pk.column] == self.pk)
        return bool(image.get(self.part_of_model[model].field.column) == self.pk)

    # --- SQL
    @cached_property
    def _member(self) -> str:
        """Every row that is, or once was, the record or a part of it: table, id, the row now."""
        quote = connection.ops.quote_name
        table, key = self.model._meta.db_table, quote(self.model._meta.pk.column)
        selects = [
            f"SELECT '{table}', {self.pk}::bigint, (SELECT to_jsonb(t) FROM {table} t WHERE t.{key} = {self.pk})"
        ]
        for part in self.parts:
            table, key, column = part.model._meta.db_table, quote(part.model._meta.pk.column), part.field.column
            selects.append(f"SELECT '{table}', t.{key}, to_jsonb(t) FROM {table} t WHERE t.{quote(column)} = {self.pk}")
            selects.append(
                f"SELECT '{table}', once.record_id, (SELECT to_jsonb(t) FROM {table} t WHERE t.{key} = once.record_id) "
                f"FROM (SELECT DISTINCT record_id FROM {LOG} WHERE \"table\" = '{table}' AND before IS NOT NULL "
                f"AND (before->>'{column}')::bigint = {self.pk}) once WHERE NOT EXISTS "
                f"(SELECT 1 FROM {table} t WHERE t.{key} = once.record_id AND t.{quote(column)} = {self.pk})"
            )
        return f"member(name, id, now) AS ({' UNION ALL '.join(selects)})"

    @cached_property
    def _entry(self) -> str:
        """Every entry about a member with its neighbours. That a table was emptied is an entry of the record if it was
        in it, and one of row 0 for each kind of part: nobody knows any more which rows there were."""
        born = (
            f"SELECT min(position) FROM {LOG} WHERE record_id = {self.pk} AND \"table\" = '{self.model._meta.db_table}'"
        )
        kinds = ", ".join(f"'{part.model._meta.db_table}'" for part in self.parts) or "NULL"
        return (
            f"entry AS (SELECT * FROM (SELECT c.*, member.id, member.now, "
            f"lag(c.operation) OVER of_row AS previous, lead(c.operation) OVER of_row AS next, "
            f"lead(c.before) OVER of_row AS next_before FROM member CROSS JOIN LATERAL ("
            f'SELECT * FROM {LOG} WHERE record_id = member.id AND "table" = member.name UNION ALL '
            f'SELECT * FROM {LOG} WHERE record_id IS NULL AND "table" = member.name) c '
            f"WINDOW of_row AS (PARTITION BY member.name, member.id ORDER BY c.position)) told "
            f"WHERE operation <> 'T' OR (id = {self.pk} AND previous IN ('I', 'U') "
            f"AND \"table\" = '{self.model._meta.db_table}') "
            f"UNION ALL SELECT c.*, 0, NULL, NULL, NULL, NULL FROM {LOG} c "
            f'WHERE record_id IS NULL AND "table" IN ({kinds}) AND position > ({born}))'
        )

    @cached_property
    def _models(self) -> dict[str, type[models.Model]]:
        return {model._meta.db_table: model for model in (self.model, *self.part_of_model)}

    # --- reading
    def count(self) -> int:
        """How many transactions wrote to the record or its parts."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH {self._member}, {self._entry} "
                f"SELECT count(*) FROM (SELECT 1 FROM entry GROUP BY transaction, at) t"
            )
            return int(cursor.fetchone()[0])

    def entries(self, offset: int, limit: int) -> list[list[Entry]]:
        """The entries of some transactions, the newest transaction first; inside one, the oldest entry first.

        Transactions are told apart by their start as well: a restored backup may use their numbers anew.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH {self._member}, {self._entry}, "
                f"chosen AS (SELECT transaction, at, max(position) AS last FROM entry GROUP BY transaction, at "
                f"ORDER BY last DESC OFFSET {int(offset)} LIMIT {int(limit)}) "
                f'SELECT chosen.last, position, entry.transaction, entry.at, "table", id, operation, actor, request, '
                f"before::text, next, next_before::text, now::text "
                f"FROM entry JOIN chosen USING (transaction, at) ORDER BY chosen.last DESC, position"
            )
            rows = cursor.fetchall()
        groups: dict[int, list[Entry]] = {}
        for last, *row in rows:
            groups.setdefault(last, []).append(self._told(*row))
        return list(groups.values())

    def _told(
        self,
        position: int,
        number: int,
        at: datetime,
        table: str,
        record_id: int,
        operation: str,
        actor: str,
        request: str,
        before: str | None,
        following: str | None,
        following_before: str | None,
        now: str | None,
    ) -> Entry:
        gone = operation in (Operation.DELETE, Operation.TRUNCATE)
        after = None if gone else now if following is None else following_before
        return Entry(
            position=position,
            transaction=number,
            at=at,
            model=self._models[table],
            record_id=record_id,
            operation=Operation(operation),
            actor=actor,
            request=request,
            before=_image(before),
            after=_image(after),
            is_lost=operation == Operation.TRUNCATE or (following == Operation.TRUNCATE and not gone),
        )

    def states(self, position: int) -> list[State]:
        """The record and its parts now, and as they were when the entry at `position` had been written; the record
        itself comes first. Rows that were no part at either moment are left out."""
        with connection.cursor() as cursor:
            cursor.execute(
                f'WITH {self._member}, {self._entry}, later AS (SELECT DISTINCT ON ("table", id) "table", id, '
                f'operation, before FROM entry WHERE position > {int(position)} ORDER BY "table", id, position) '
                f"SELECT member.name, member.id, now::text, "
                f"CASE WHEN operation IS NULL THEN now ELSE before END::text, coalesce(operation = 'T', false), "
                f"coalesce(greatest((now->>'version')::bigint, (SELECT max((entry.before->>'version')::bigint) "
                f'FROM entry WHERE entry."table" = member.name AND entry.id = member.id)), 0) '
                f'FROM member LEFT JOIN later ON later."table" = member.name AND later.id = member.id'
            )
            rows = cursor.fetchall()
            cursor.execute(
                f"WITH {self._member}, {self._entry} "
                f"SELECT DISTINCT \"table\", id FROM entry WHERE operation = 'T' AND id = 0 AND position > %s",
                [position],
            )
            rows += [(table, pk, None, None, True, 0) for table, pk in cursor.fetchall()]
        states = [
            State(self._models[name], pk, _image(now), _image(then), is_lost, version)
            for name, pk, now, then, is_lost, version in rows
        ]
        return [one for one in states if one.is_lost or any(self.owns(one.model, row) for row in (one.now, one.then))]

    def has(self, position: int) -> bool:
        """Whether the entry at `position` is about the record or its parts."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH {self._member}, {self._entry} SELECT EXISTS (SELECT 1 FROM entry WHERE position = %s)",
                [position],
            )
            return bool(cursor.fetchone()[0])

    def stamp(self) -> Stamp:
        """What to compare to find out whether somebody wrote in between."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH {self._member}, {self._entry} SELECT coalesce((SELECT (now->>'version')::bigint FROM member "
                f"WHERE name = %s AND id = {self.pk}), 0), count(*), coalesce(max(position), 0) FROM entry",
                [self.model._meta.db_table],
            )
            return Stamp(*cursor.fetchone())

    def lock(self) -> None:
        """Until the transaction ends, nobody else restores the record, and nobody changes it or its parts."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{self.model._meta.label} {self.pk}"]
            )
        list(self.model._base_manager.select_for_update().filter(pk=self.pk).values_list("pk"))
        for part in self.parts:
            list(part.model._base_manager.select_for_update().filter(**{part.field.name: self.pk}).values_list("pk"))


def _image(text: str | None) -> Image | None:
    return None if text is None else json.loads(text, parse_float=Decimal)


# --- finding what is gone --------------------------------------------------------------------------------------------
def install_indexes(sender: AppConfig, using: str = "default", **_: Any) -> None:
    """Make the indexes by which deleted records, and parts that went, are found. Writers of new rows pay nothing.

    Run by Django after `migrate`.
    """
    if using != connection.alias or LOG not in connection.introspection.table_names():
        return
    quote = connection.ops.quote_name
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX IF NOT EXISTS change_deleted ON {LOG} (position) WHERE operation = 'D'")
        for model in record_models().values():
            for part in parts_of(model):
                table, column = part.model._meta.db_table, part.field.column
                cursor.execute(
                    f"CREATE INDEX IF NOT EXISTS {quote(f'change_of_{table}_{column}'[:63])} ON {LOG} "
                    f"(((before->>'{column}')::bigint)) WHERE \"table\" = '{table}' AND before IS NOT NULL"
                )
