"""The worker follows the log: complete under concurrent writers, safe to be killed, one at a time, seen at work."""

import signal
import threading
from contextlib import contextmanager

import psycopg2
import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Sum

from alliance.events import runs, tasks, upkeep
from alliance.events.documents import kinds
from alliance.events.models import Change, Cursor, Run, RunState, StaleDocument
from alliance.events.states import READER, current_state
from tests.core.servers import Portal, wait_for
from tests.events.documents_cases import (
    assert_right,
    assert_stored,
    followed,
    meanwhile,
    second_session,
    settle,
    small_world,
)
from usecases.models import City, UseCase

pytestmark = pytest.mark.django_db(transaction=True)

WAIT_SECONDS = 30


@pytest.fixture
def world(transactional_db):
    """A few records, all documents ready."""
    small_world()
    followed()


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(upkeep, "DOCUMENTS_AT_ONCE", 2)
    monkeypatch.setattr(upkeep, "ENTRIES_AT_ONCE", 3)


def place() -> tuple[int, int]:
    reader = Cursor.objects.get(reader=READER)
    return reader.transaction, reader.position


def assert_ledger_is_right() -> None:
    reader = Cursor.objects.get(reader=READER)
    assert (reader.rows, reader.total) == (Change.objects.count(), Change.objects.aggregate(n=Sum("position"))["n"])


def titles() -> list[str]:
    return list(kinds["use-cases"].rows(current_state()).order_by("pk").values_list("title", flat=True))


# --- order -----------------------------------------------------------------------------------------------------------
def test_what_commits_late_is_neither_missed_nor_read_twice(world):
    """The first transaction to write is the last to commit, with entries on both sides of the other one's."""
    first, second, third = UseCase.objects.order_by("pk")[:3]
    before = place()
    with second_session() as late:
        with late.cursor() as cursor:
            cursor.execute("UPDATE usecases_usecase SET title = 'late 1' WHERE id = %s", [first.pk])
            UseCase.objects.filter(pk=second.pk).update(title="early")
            cursor.execute("UPDATE usecases_usecase SET title = 'late 3' WHERE id = %s", [third.pk])
        upkeep.follow()
        assert place() == before, "the reader passed an entry while an older transaction was running"
        assert titles()[:3] == [first.title, "early", third.title]
        late.commit()
    assert titles()[:3] == ["late 1", "early", "late 3"], "seen at once, before the worker has looked"
    last = list(Change.objects.order_by("-position").values_list("transaction", flat=True)[:3])
    assert last[0] == last[2] < last[1], "the order of positions is not that of transactions"
    assert followed() > 0
    assert_ledger_is_right()
    assert_stored()
    assert followed() == 0
    assert upkeep.examine().is_clean


def test_what_is_rolled_back_leaves_nothing(world):
    before = titles()
    with second_session() as other:
        with other.cursor() as cursor:
            cursor.execute("UPDATE usecases_usecase SET title = 'never'")
        other.rollback()
    assert titles() == before
    assert followed() == 0


def test_writers_and_a_follower_together_lose_nothing(world, small_batches):
    """Four writers, a worker that looks again and again; at the end all documents are right and each entry was read
    once."""
    keys = list(UseCase.objects.values_list("pk", flat=True))
    stop = threading.Event()

    def keep_following() -> None:
        while not stop.is_set():
            upkeep.follow()

    def write(number: int) -> None:
        for turn in range(15):
            UseCase.objects.filter(pk=keys[(turn + number) % len(keys)]).update(title=f"Writer {number}, turn {turn}")
            City.objects.filter(use_cases__in=keys[:1]).update(name=f"City {number} {turn}")

    with meanwhile(keep_following):
        try:
            writers = [meanwhile(lambda number=number: write(number)) for number in range(4)]
            ended = [writer.__enter__() for writer in writers]
            for writer in writers:
                writer.__exit__(None, None, None)
        finally:
            stop.set()
    assert ended == [[None]] * 4
    followed()
    assert_ledger_is_right()
    assert_stored()


# --- may die at any moment -------------------------------------------------------------------------------------------
def test_a_follower_that_dies_in_the_middle_loses_nothing_and_repeats_nothing(world, small_batches, monkeypatch):
    """It dies after its third batch is made and before that is committed."""
    make, committed, redone = upkeep.make, [], []

    def dying(kind, ids):
        make(kind, ids)
        if len(committed) == 4:
            raise SystemExit("killed")
        committed.extend((kind.name, pk) for pk in ids)

    def counting(kind, ids):
        make(kind, ids)
        redone.extend((kind.name, pk) for pk in ids)

    monkeypatch.setattr(upkeep, "ENTRIES_AT_ONCE", 1_000)
    UseCase.objects.update(problem="Other")
    City.objects.update(source="https://example.org/other")
    settle()
    monkeypatch.setattr(upkeep, "make", dying)
    with pytest.raises(SystemExit):
        upkeep.follow()
    waiting = set(StaleDocument.objects.values_list("kind", "record_id"))
    assert waiting
    assert waiting.isdisjoint(committed)
    assert_right()
    monkeypatch.setattr(upkeep, "make", counting)
    followed()
    assert sorted(redone) == sorted(waiting)
    assert_stored()
    assert_ledger_is_right()


def test_a_follower_that_dies_while_it_takes_entries_has_moved_nothing(world, monkeypatch):
    UseCase.objects.update(title="Other")
    settle()
    before = place()
    monkeypatch.setattr(Cursor, "save", lambda self: (_ for _ in ()).throw(SystemExit("killed")))
    with pytest.raises(SystemExit):
        upkeep.follow()
    monkeypatch.undo()
    assert place() == before
    assert not StaleDocument.objects.exists()
    assert_right()
    followed()
    assert_stored()


def test_a_change_while_the_document_is_being_made_is_not_lost(world, monkeypatch):
    """The record changes after its document was made and before that is committed."""
    case = UseCase.objects.first()
    make = upkeep.make

    def overtaken(kind, ids):
        make(kind, ids)
        with second_session() as other:
            with other.cursor() as cursor:
                cursor.execute("UPDATE usecases_usecase SET title = 'newest' WHERE id = %s", [case.pk])
            other.commit()

    UseCase.objects.filter(pk=case.pk).update(title="newer")
    settle()
    monkeypatch.setattr(upkeep, "make", overtaken)
    upkeep.follow()
    monkeypatch.undo()
    assert "newest" in titles()
    assert_right()
    followed()
    assert_stored()


def test_only_one_follows_at_a_time(world, monkeypatch):
    make, at_work, go_on = upkeep.make, threading.Event(), threading.Event()

    def held(kind, ids):
        at_work.set()
        assert go_on.wait(WAIT_SECONDS)
        make(kind, ids)

    UseCase.objects.update(title="Other")
    settle()
    monkeypatch.setattr(upkeep, "make", held)
    with meanwhile(upkeep.follow) as ended:
        assert at_work.wait(WAIT_SECONDS)
        assert upkeep.follow() is None
        assert_right()
        go_on.set()
    assert ended[0] >= UseCase.objects.count()
    monkeypatch.undo()
    assert followed() == 0
    assert_stored()


def test_progress_is_seen_while_a_batch_is_made(world, small_batches, monkeypatch):
    monkeypatch.setattr(runs, "PROGRESS_EVERY_SECONDS", 0)
    make, third, go_on = upkeep.make, threading.Event(), threading.Event()
    batches: list[int] = []

    def held(kind, ids):
        batches.append(len(ids))
        if len(batches) == 3:
            third.set()
            assert go_on.wait(WAIT_SECONDS)
        make(kind, ids)

    monkeypatch.setattr(upkeep, "ENTRIES_AT_ONCE", 1_000)
    UseCase.objects.update(title="Other")
    settle()
    monkeypatch.setattr(upkeep, "make", held)
    with meanwhile(tasks.follow_changes) as ended:
        assert third.wait(WAIT_SECONDS)
        run = runs.with_life().get()
        assert (run.task, run.state, run.is_alive) == (runs.FOLLOW, RunState.RUNNING, True)
        assert run.done == sum(batches[:2])
        assert run.expected > run.done
        assert StaleDocument.objects.count() == run.expected - run.done
        go_on.set()
    assert ended == [None]
    run.refresh_from_db()
    assert (run.state, run.done, run.error) == (RunState.DONE, run.expected, "")
    assert run.ended_at is not None


# --- a new software, an old database ---------------------------------------------------------------------------------
def test_an_old_database_without_documents_becomes_right_by_itself(world):
    """As after an update from a version that had no documents: their tables are empty and nobody has read the log."""
    with connection.cursor() as cursor:
        for kind in kinds.values():
            cursor.execute(f"TRUNCATE {kind.document._meta.db_table}")
        cursor.execute("TRUNCATE events_cursor")
    assert_right()
    settle()
    assert upkeep.follow() > 0
    assert_stored()
    assert followed() == 0
    assert_ledger_is_right()


def test_documents_of_another_software_are_not_read_and_are_made_anew(world):
    kind = kinds["use-cases"]
    reader = Cursor.objects.get(reader=READER)
    reader.schemas[kind.name] = "yesterday"
    reader.save()
    kind.document.objects.update(body="{}", csv="", title="yesterday's")
    assert_right()
    assert followed() == kind.model.objects.count()
    assert_stored()
    assert Cursor.objects.get(reader=READER).schemas[kind.name] == kind.schema


def test_half_made_documents_are_trusted_by_neither_software(world, small_batches, monkeypatch):
    kind = kinds["use-cases"]
    reader = Cursor.objects.get(reader=READER)
    reader.schemas[kind.name] = "yesterday"
    reader.save()
    make_span, spans = upkeep.make_span, []

    def dying(*arguments):
        if spans:
            raise SystemExit("killed")
        spans.append(arguments)
        make_span(*arguments)

    monkeypatch.setattr(upkeep, "make_span", dying)
    with pytest.raises(SystemExit):
        upkeep.follow()
    monkeypatch.undo()
    assert Cursor.objects.get(reader=READER).schemas[kind.name] not in ("yesterday", kind.schema)
    assert_right()
    followed()
    assert_stored()


# --- real processes --------------------------------------------------------------------------------------------------
@pytest.fixture
def portal(world, tmp_path):
    """A real worker, behind lines to PostgreSQL and Redis that can be cut."""
    portal = Portal(tmp_path)
    portal.environment["PORTAL_ORIGIN"] = settings.PORTAL_ORIGIN  # addresses stand in the documents
    try:
        portal.start_worker()
        yield portal
    finally:
        portal.stop_all()


@contextmanager
def fan_out_held_in_the_middle():
    """Many documents are to be made anew; inside the block the worker is held by a lock in the middle of its work."""
    parameters = {k: v for k, v in connection.get_connection_params().items() if k != "cursor_factory"}
    holder = psycopg2.connect(**parameters)
    try:
        with holder.cursor() as cursor:
            # Reading goes on; storing a use case waits.
            cursor.execute("LOCK TABLE usecases_usecasedocument IN SHARE MODE")
        City.objects.update(source="https://example.org/other", population=1_234)
        UseCase.objects.update(title="Other")
        settle()
        tasks.follow_changes.delay()
        wait_for(_waits_for_lock, WAIT_SECONDS, "the worker makes use cases")
        yield
    finally:
        holder.close()  # PostgreSQL ends the statement that waited, and only then sees that nobody is there


def assert_nothing_was_lost() -> None:
    wait_for(lambda: not runs.with_life().filter(is_alive=True).exists(), WAIT_SECONDS, "the cut-off session ends")
    assert StaleDocument.objects.filter(kind="use-cases").count() == UseCase.objects.count()
    assert_right()


def assert_the_next_one_ends_the_work() -> None:
    wait_for(_swept, WAIT_SECONDS, "all is made")
    wait_for(lambda: not Run.objects.filter(state=RunState.RUNNING).exists(), WAIT_SECONDS, "it says so")
    assert_stored()
    assert_right()
    assert_ledger_is_right()
    assert Run.objects.filter(task=runs.FOLLOW, state=RunState.FAILED).count() == 1
    assert Run.objects.filter(task=runs.FOLLOW, state=RunState.DONE).exists()


@pytest.mark.services
def test_a_killed_worker_loses_nothing(portal):
    with fan_out_held_in_the_middle():
        portal.stop("worker", signal.SIGKILL)
        assert_right()
    assert_nothing_was_lost()
    portal.start_worker()
    assert_the_next_one_ends_the_work()
    assert Run.objects.filter(error=runs.CUT_OFF).count() == 1


@pytest.mark.services
def test_a_lost_database_loses_nothing(portal):
    with fan_out_held_in_the_middle():
        portal.database.cut()
        assert_right()
    assert_nothing_was_lost()
    portal.database.mend()
    assert_the_next_one_ends_the_work()


@pytest.mark.services
def test_a_lost_redis_loses_nothing(portal):
    with fan_out_held_in_the_middle():
        portal.redis.cut()
        assert_right()
    portal.redis.mend()
    wait_for(_swept, WAIT_SECONDS, "all is made")
    assert_stored()
    assert_right()
    assert_ledger_is_right()


def _swept() -> bool:
    """Whether all is made; if not, the worker is woken again, as by its schedule: a message may have been lost."""
    tasks.wake()
    return not StaleDocument.objects.exists()


def _waits_for_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'usecases_usecasedocument'::regclass "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        return cursor.fetchone()[0]
