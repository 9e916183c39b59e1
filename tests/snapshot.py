"""The test database as it was with the reference data, copied aside once: putting it back takes a tenth of loading."""

from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction

_ASIDE = "reference"
_KEPT = "django_migrations"
#: Each table with the columns that PostgreSQL does not compute itself.
_TABLES = """
SELECT format('%%I', c.relname), string_agg(format('%%I', a.attname), ', ' ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> %s AND a.attgenerated = ''
GROUP BY 1"""


def _may_restore() -> bool:
    """Rows are put back without firing the triggers that checked them at first: for a superuser alone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return cursor.fetchone()[0]


def keep_plans() -> None:
    """Let PostgreSQL know the tables as they are with the reference data, and keep it so.

    Left to itself it would look at any moment of the run, also at tables that a test has emptied, and plan for empty
    ones from then on: a request then takes seconds, or milliseconds, as it happens. Its look holds locks, too.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I', relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE public.{table} SET (autovacuum_enabled = off)")
        cursor.execute("ANALYZE")


def take() -> None:
    """Copy every table aside."""
    if not _may_restore():
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL client_min_messages = warning")
        cursor.execute(f"DROP SCHEMA IF EXISTS {_ASIDE} CASCADE")
        cursor.execute(f"CREATE SCHEMA {_ASIDE}")
        cursor.execute(_TABLES, [_KEPT])
        for table, columns in cursor.fetchall():
            cursor.execute(f"CREATE UNLOGGED TABLE {_ASIDE}.{table} AS SELECT {columns} FROM public.{table}")
        cursor.execute(
            f"CREATE UNLOGGED TABLE {_ASIDE}.sequence_values AS "
            "SELECT sequencename AS name, last_value AS value FROM pg_sequences WHERE schemaname = 'public'"
        )


def restore() -> bool:
    """Make every table and sequence what it was. Returns: False when nothing was copied."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [_ASIDE])
        if not cursor.fetchone()[0]:
            return False
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_TABLES, [_KEPT])
        tables = dict(cursor.fetchall())
        cursor.execute(f"TRUNCATE {', '.join(f'public.{table}' for table in tables)} RESTART IDENTITY CASCADE")
        for table, columns in tables.items():
            cursor.execute(f"INSERT INTO public.{table} ({columns}) SELECT {columns} FROM {_ASIDE}.{table}")
        cursor.execute(
            f"SELECT setval(format('public.%I', name), value) FROM {_ASIDE}.sequence_values WHERE value IS NOT NULL"
        )
    ContentType.objects.clear_cache()
    return True
