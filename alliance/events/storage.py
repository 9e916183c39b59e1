"""How the tables of documents lie on disk."""

from typing import Any

from django.apps import AppConfig
from django.contrib.postgres.fields import ArrayField
from django.db import connection, transaction
from django.db.migrations import RunSQL

from alliance.events.documents import kinds


def keep_texts_aside(table: str) -> RunSQL:
    """Body, CSV line and search vector lie beside the rows, the texts uncompressed.

    So a scan of the narrow columns reads a few megabytes instead of hundreds, and a body is passed on as it is.
    """
    return RunSQL(
        f"""
        ALTER TABLE {table} ALTER body SET STORAGE EXTERNAL;
        ALTER TABLE {table} ALTER csv SET STORAGE EXTERNAL;
        ALTER TABLE {table} SET (toast_tuple_target = 512)
        """,
        RunSQL.noop,
    )


def keep_lists_in_rows(sender: AppConfig, using: str = "default", **_: Any) -> None:
    """Run by Django after `migrate`: the short lists that are counted lie in the rows, whatever the rows' length.

    Otherwise half of them would lie beside, where fetching one costs more than counting it.
    """
    if using != connection.alias:
        return
    for kind in kinds.values():
        table = kind.document._meta.db_table
        lists = [one.column for one in kind.document._meta.concrete_fields if isinstance(one, ArrayField)]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT attname FROM pg_attribute "
                "WHERE attrelid = to_regclass(%s) AND attname = ANY(%s) AND attstorage <> 'm' AND NOT attisdropped",
                [table, lists],
            )
            names = [name for (name,) in cursor.fetchall()]
            if names:
                stored = ", ".join(f"ALTER {name} SET STORAGE MAIN" for name in names)
                cursor.execute(f"ALTER TABLE {table} {stored}")
                # A list that is made anew goes where it belongs.
                remade = ", ".join(f"{name} = {name} || ARRAY[]::text[]" for name in names)
                cursor.execute(f"UPDATE {table} SET {remade}")
