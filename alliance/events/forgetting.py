"""Taking what is personal out of the change log, when a person asks for it. The entries stay: who, when, which row."""

import json
import re
from collections.abc import Collection, Mapping

from django.db import connection

from alliance.events.models import Change


def overwrite(table: str, ids: Collection[int], values: Mapping[str, object]) -> int:
    """Put other values into the earlier states of rows. Call it after the rows themselves have been written, in the
    same transaction: that writing has logged them once more.

    Args: values: column -> what stands there instead; columns that an earlier state did not have stay away.
    Returns: how many entries were changed.
    """
    if not ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {Change._meta.db_table} SET before = before || ("
            "  SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(%s::jsonb) WHERE before ? key"
            ') WHERE "table" = %s AND record_id = ANY(%s) AND before IS NOT NULL',
            [json.dumps(values), table, list(ids)],
        )
        return cursor.rowcount


def replace(text: str, other: str) -> int:
    """Put another text for a text, such as an address, wherever earlier states hold it; capitals do not matter.

    Both must be plain: letters, digits, spaces and signs that JSON writes as they are. Reads the whole log once.
    Returns: how many entries were changed. Raises: ValueError.
    """
    if not text or any(json.dumps(one, ensure_ascii=False) != f'"{one}"' for one in (text, other)):
        raise ValueError("Not plain text.")
    pattern = re.sub(r"([^\w\s@])", r"\\\1", text)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {Change._meta.db_table} SET before = regexp_replace(before::text, %s, %s, 'gi')::jsonb "
            "WHERE before::text ~* %s",
            [pattern, other.replace("\\", "\\\\"), pattern],
        )
        return cursor.rowcount
