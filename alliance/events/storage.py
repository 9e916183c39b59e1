"""How the tables of documents lie on disk."""

from django.db.migrations import RunSQL


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
