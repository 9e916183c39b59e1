"""The change log's triggers: one statement-level trigger a table and operation, made from the models.

They catch forms, API, admin, bulk writes and raw SQL alike. A changed row costs one narrow entry; an update that
changes nothing costs none. The functions are made anew after every migration, so they follow the tables.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from django.apps import AppConfig, apps
from django.db import connection, models, transaction

from alliance.core.models import Record
from alliance.events.models import Change

#: Arbitrary, the same for every process: who installs triggers waits for who installs them.
_LOCK = 7_301_001


def logged_models() -> list[type[models.Model]]:
    """Every model whose rows are public: the records, and the links between them."""
    found: dict[str, type[models.Model]] = {}
    for model in apps.get_models():
        if issubclass(model, Record):
            found[model._meta.db_table] = model
            for field in model._meta.local_many_to_many:
                through = cast(type[models.Model], field.remote_field.through)
                if through._meta.auto_created:
                    found[through._meta.db_table] = through
    return [found[table] for table in sorted(found)]


def model_of(table: str) -> type[models.Model] | None:
    """The model of a logged table."""
    return next((model for model in logged_models() if model._meta.db_table == table), None)


_ACTOR = (
    "coalesce(nullif(current_setting('portal.actor', true), ''), 'sql ' || session_user)::varchar(100), "
    "CASE WHEN current_setting('application_name') LIKE 'portal _%' "
    "THEN substr(current_setting('application_name'), 8) ELSE '' END"
)
_COLUMNS = 'transaction, "table", record_id, operation, before, actor, request, at'


@dataclass(frozen=True)
class Trigger:
    """One trigger of one table."""

    table: str
    key: str
    operation: str

    @property
    def name(self) -> str:
        return f"events_log_{self.operation.lower()}"

    @property
    def function(self) -> str:
        return f"{self.name}_{self.table}"[:63]

    def sql(self) -> str:
        """The function and the trigger, as one text."""
        entry = (
            f"INSERT INTO {Change._meta.db_table} ({_COLUMNS}) "
            f"SELECT pg_current_xact_id()::text::bigint, '{self.table}'"
        )
        told = f"{_ACTOR}, now()"
        match self.operation:
            case "INSERT":
                referencing = "REFERENCING NEW TABLE AS fresh"
                body = f"{entry}, fresh.{self.key}, 'I', NULL::jsonb, {told} FROM fresh"
            case "UPDATE":
                # A primary key that changes is a row gone and another one come.
                referencing = "REFERENCING OLD TABLE AS was NEW TABLE AS fresh"
                body = (
                    f"{entry}, coalesce(was.{self.key}, fresh.{self.key}), "
                    f"CASE WHEN was.{self.key} IS NULL THEN 'I' WHEN fresh.{self.key} IS NULL THEN 'D' ELSE 'U' END, "
                    f"CASE WHEN was.{self.key} IS NULL THEN NULL ELSE to_jsonb(was) END, {told} "
                    f"FROM was FULL JOIN fresh ON was.{self.key} = fresh.{self.key} "
                    f"WHERE was IS DISTINCT FROM fresh"
                )
            case "DELETE":
                referencing = "REFERENCING OLD TABLE AS was"
                body = f"{entry}, was.{self.key}, 'D', to_jsonb(was), {told} FROM was"
            case _:
                referencing = ""
                body = f"{entry}, NULL, 'T', NULL::jsonb, {told}"
        moment = "BEFORE" if self.operation == "TRUNCATE" else "AFTER"
        return (
            f"CREATE OR REPLACE FUNCTION {self.function}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$log$ BEGIN {body}; RETURN NULL; END $log$; "
            f"CREATE OR REPLACE TRIGGER {self.name} {moment} {self.operation} ON {self.table} "
            f"{referencing} FOR EACH STATEMENT EXECUTE FUNCTION {self.function}(); "
            f"ALTER TABLE {self.table} ENABLE TRIGGER {self.name};"
        )


def triggers() -> Iterator[Trigger]:
    """Every trigger that there should be."""
    for model in logged_models():
        key = connection.ops.quote_name(cast(str, model._meta.pk.column))
        for operation in ("INSERT", "UPDATE", "DELETE", "TRUNCATE"):
            yield Trigger(model._meta.db_table, key, operation)


def install() -> None:
    """Make or mend every trigger. Tables of models that are not migrated yet are passed over."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        there = {name for (name,) in cursor.fetchall()}
        if Change._meta.db_table not in there:
            return
        for trigger in triggers():
            if trigger.table in there:
                cursor.execute(trigger.sql())


def missing() -> list[str]:
    """Triggers that are gone or switched off, as `table: operation`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE t.tgname LIKE 'events\\_log\\_%%' AND t.tgenabled IN ('O', 'A') "
            "AND c.relnamespace = current_schema()::regnamespace"
        )
        there = set(cursor.fetchall())
    return [
        f"{trigger.table}: {trigger.operation.lower()}"
        for trigger in triggers()
        if (trigger.table, trigger.name) not in there
    ]


def install_after_migrate(sender: AppConfig, using: str = "default", **_: Any) -> None:
    """Run by Django after `migrate`."""
    if using == connection.alias:
        install()
