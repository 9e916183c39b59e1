"""Ready documents beside what the serializers say, and waiting for the log to settle."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from rest_framework.renderers import JSONRenderer

from alliance.core.exports import csv_record
from alliance.events import upkeep
from alliance.events.documents import Kind, kinds
from alliance.events.states import current_state
from alliance.members.models import Organisation
from standards.models import Body
from tests.core.servers import wait_for
from tests.kpis import recipes as kpi_recipes
from tests.standards import recipes as standard_recipes
from tests.usecases import recipes
from usecases.models import Country, Region, StandardUse

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


def small_world() -> None:
    """A few records of every kind, each tied to others."""
    body = Body.objects.create(slug="other-body", name="Other body")
    standards = [standard_recipes.standard(editions=((2020, "published"), (2010, "superseded"))) for _ in range(3)]
    standards.append(standard_recipes.standard(body=body, editions=()))
    other = Region.objects.create(slug="other-region", name="Other region")
    Country.objects.create(code="XB", name="Elsewhere", region=other)
    kpis = [kpi_recipes.kpi(), kpi_recipes.kpi(direction="none"), kpi_recipes.kpi(direction="increase")]
    cases = [
        recipes.use_case(
            vertical=vertical, technologies=["Sensor", "Radio"], organisations=["Works", "Lab"], lessons=["Ask first."]
        )
        for vertical in ("mobility", "water", "energy", "mobility")
    ]
    for number, case in enumerate(cases):
        StandardUse.objects.create(
            use_case=case, standard=standards[number], edition=standards[number].editions.first(), state="used"
        )
        for kpi in kpis[: number + 1]:
            kpi_recipes.result(use_case=case, kpi=kpi)
    Organisation.objects.create(slug="lonely", name="Lonely")
    Organisation.objects.create(
        slug="joined", name="Joined", country="PT", place="Água", about='"We"\nbuild.', member_since=date(2026, 2, 3)
    )


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


@contextmanager
def second_session() -> Iterator[Any]:
    """Another session of the database, as another process has it: `with second_session() as session: session.cursor()`.

    It commits only when told to.
    """
    session = connection.copy()
    try:
        session.set_autocommit(False)
        yield session
    finally:
        # Its locks go now, and not whenever the server has noticed that nobody is there any more.
        if not session.closed_in_transaction and session.connection is not None:
            session.rollback()
        session.close()


def settings_url() -> str:
    """The address of the test's own database, for another process."""
    told = connection.settings_dict
    return f"postgresql://{told['USER']}:{told['PASSWORD']}@{told['HOST']}:{told['PORT']}/{told['NAME']}"


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[list[object]]:
    """Do the work in a thread with a session of its own; the block runs beside it, and ends when both have.

    Yields: a list that holds what the work returned, or the error that it raised, once it has ended.
    """
    ended: list[object] = []

    def run() -> None:
        try:
            ended.append(work())
        except Exception as error:
            ended.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ended
    finally:
        thread.join(60)
