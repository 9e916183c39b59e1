"""Ready documents beside what the serializers say, and waiting for the log to settle."""

from typing import Any

from django.db import connection, transaction
from django.db.models import F
from rest_framework.renderers import JSONRenderer

from alliance.core.exports import csv_record
from alliance.events import upkeep
from alliance.events.documents import Kind, current_state, kinds
from tests.core.servers import wait_for

Row = dict[str, Any]


def serialized(kind: Kind) -> dict[int, tuple[str, str]]:
    """Every record as the serializer and the renderer give it: id -> (JSON, CSV line)."""
    found = {}
    for record in kind.model._base_manager.all():
        data = kind.serializer(record).data
        found[record.pk] = (JSONRenderer().render(data).decode(), csv_record(kind.serializer.columns, data))
    return found


def as_read(kind: Kind) -> dict[int, tuple[str, str]]:
    """The same as readers of lists and exports get it now."""
    state = current_state()
    rows = kind.rows(state).annotate(read_body=kind.bodies(state), read_csv=kind.bodies(state, "csv"))
    return {pk: (body, csv) for pk, body, csv in rows.values_list("pk", "read_body", "read_csv")}


def narrow_columns(kind: Kind) -> list[str]:
    return [name for name in kind.names if name not in ("body", "csv", "search_vector")]


def narrow_as_read(kind: Kind) -> dict[int, Row]:
    """What lists filter and sort by, as they read it now."""
    rows = kind.rows(current_state()).values(*narrow_columns(kind))
    return {row["id"]: row for row in rows}


def narrow_live(kind: Kind) -> dict[int, Row]:
    """The same, computed from the records."""
    names = narrow_columns(kind)
    return {row[0]: dict(zip(names, row, strict=True)) for row in kind.live(names)}


def vectors_as_read(kind: Kind) -> dict[int, str]:
    return dict(kind.rows(current_state()).annotate(read=F("search_vector")).values_list("pk", "read"))


def vectors_live(kind: Kind) -> dict[int, str]:
    return dict(kind.live(["id", "search_vector"]))


def stored(kind: Kind) -> dict[int, tuple[str, str]]:
    """What lies in the table of documents, whatever the log says."""
    return {pk: (body, csv) for pk, body, csv in kind.document._base_manager.values_list("pk", "body", "csv")}


def assert_right(*only: Kind) -> None:
    """Readers get what the records are, all columns of all documents."""
    for kind in only or kinds.values():
        assert as_read(kind) == serialized(kind), kind.name
        assert narrow_as_read(kind) == narrow_live(kind), kind.name
        assert vectors_as_read(kind) == vectors_live(kind), kind.name


def assert_stored(*only: Kind) -> None:
    """The tables of documents hold what the records are."""
    for kind in only or kinds.values():
        assert stored(kind) == serialized(kind), kind.name


def settle() -> None:
    """Wait until everything committed so far is settled: other tests' transactions on the same server hold it back."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        own = cursor.fetchone()[0]
    wait_for(lambda: oldest_running() > own, 120, "the log settles")


def oldest_running() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return cursor.fetchone()[0]


def followed() -> int:
    """Let the worker do all that there is to do. Returns: how many documents it made."""
    settle()
    made = upkeep.follow()
    assert made is not None
    state = current_state()
    assert not any(kind.is_stale(state) for kind in kinds.values())
    return made
