"""An export is the list as it was at one moment, however long it takes, and is never taken for whole when it is not."""

import http.client
import json
from contextlib import closing

import pytest
from django.db import OperationalError, connection, transaction

from alliance.events import exporting
from tests.core.servers import Portal, wait_for
from tests.events.documents_cases import followed, second_session
from tests.usecases import recipes
from usecases.models import UseCase

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "/api/v1/use-cases.ndjson?technology=marker&sort=title"
CASES = 12


@pytest.fixture
def cases(transactional_db, monkeypatch) -> list[str]:
    """Titles in the order of the list; an export of them takes seven pieces."""
    monkeypatch.setattr(exporting, "FIRST", 1)
    monkeypatch.setattr(exporting, "SIZE", 2)
    titles = [f"Case {number:02}" for number in range(CASES)]
    for title in titles:
        recipes.use_case(title=title, technologies=["Marker"])
    followed()
    return titles


def titles(pieces) -> list[str]:
    return [json.loads(line)["title"] for piece in pieces for line in piece.splitlines()]


def reading_sessions() -> list[int]:
    """Process ids of other sessions that are in the middle of a transaction over the use cases."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT l.pid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
            "WHERE l.relation = 'usecases_usecasedocument'::regclass AND a.datname = current_database() "
            "AND a.backend_type = 'client backend' AND l.pid <> pg_backend_pid()"
        )
        return [pid for (pid,) in cursor.fetchall()]


@pytest.mark.parametrize("worker_followed", [False, True])
@pytest.mark.parametrize("stale_before", [False, True])
def test_what_is_committed_meanwhile_is_not_in_it(client, cases, stale_before, worker_followed):
    if stale_before:
        UseCase.objects.update(problem="Another problem.")
    answer = client.get(ADDRESS)
    pieces = iter(answer)
    first = [next(pieces)]
    UseCase.objects.filter(title="Case 03").delete()
    UseCase.objects.filter(title="Case 05").update(title="Case 99")
    recipes.use_case(title="Case 07 and more", technologies=["Marker"])
    if worker_followed:
        followed()
    assert titles([*first, *pieces]) == cases
    answer.close()
    now = [title for title in cases if title not in ("Case 03", "Case 05")]
    assert titles(client.get(ADDRESS)) == sorted([*now, "Case 07 and more", "Case 99"])


def test_an_export_that_runs_holds_back_neither_writers_nor_the_log(client, cases):
    """What the rest of a request writes is committed as ever, and the worker reads it."""
    answer = client.get(ADDRESS)
    pieces = iter(answer)
    next(pieces)
    with transaction.atomic():
        UseCase.objects.filter(title="Case 03").update(problem="Another problem.")
    with second_session() as other, other.cursor() as cursor:
        cursor.execute("SELECT problem FROM usecases_usecase WHERE title = 'Case 03'")
        assert cursor.fetchone() == ("Another problem.",)
    assert followed() >= 1
    assert len(titles(pieces)) == CASES - 1
    answer.close()


def test_a_reader_who_leaves_ends_it(client, cases):
    answer = client.get(ADDRESS)
    next(iter(answer))
    assert len(reading_sessions()) == 1
    answer.close()
    wait_for(lambda: not reading_sessions(), 10, "the session of the export ends")


def test_a_reader_who_takes_nothing_for_long_loses_it(client, cases, monkeypatch):
    monkeypatch.setattr(exporting, "LONGEST_PAUSE_SECONDS", 1)
    answer = client.get(ADDRESS)
    pieces = iter(answer)
    next(pieces)
    wait_for(lambda: not reading_sessions(), 10, "PostgreSQL ends the session")
    with pytest.raises(OperationalError):
        next(pieces)
    answer.close()


def test_an_export_has_its_time(client, cases, monkeypatch):
    monkeypatch.setattr(exporting, "LONGEST_SECONDS", 1)
    answer = client.get(ADDRESS)
    wait_for(lambda: not reading_sessions(), 10, "PostgreSQL ends the transaction")
    with pytest.raises(OperationalError):
        list(answer)
    answer.close()


@pytest.mark.services
@pytest.mark.parametrize("ending", ["ndjson", "csv"])
def test_an_export_that_breaks_off_does_not_look_whole(transactional_db, tmp_path, ending):
    """Its first piece is more than the buffers of a connection hold; PostgreSQL goes away before the second."""
    for _ in range(exporting.FIRST + 1):
        recipes.use_case(problem="x" * 300_000)
    portal = Portal(tmp_path)
    try:
        portal.start_web()
        with closing(http.client.HTTPConnection("127.0.0.1", portal.port, timeout=60)) as line:
            line.request("GET", f"/api/v1/use-cases.{ending}")
            with line.getresponse() as answer:
                assert answer.status == 200
                answer.read(1)
                portal.database.cut()
                with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
                    answer.read()
    finally:
        portal.stop_all()


def export_session(client) -> int:
    """The process id of the session of an export that is read to its end."""
    answer = client.get(ADDRESS)
    [session] = reading_sessions()
    assert len(titles(answer)) == CASES
    answer.close()
    return session


def test_the_next_export_takes_the_session_of_the_one_before(client, cases):
    first = export_session(client)
    assert reading_sessions() == []
    UseCase.objects.filter(title="Case 03").update(problem="Another problem.")
    assert export_session(client) == first


def test_a_session_that_has_died_is_replaced(client, cases):
    first = export_session(client)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    assert export_session(client) != first


def test_a_session_that_is_too_old_is_closed(client, cases):
    first = export_session(client)
    [spare] = exporting._spare
    spare.close_at = 0.0
    assert export_session(client) != first


def test_exports_at_once_have_sessions_of_their_own(client, cases):
    export_session(client)
    answers = [client.get(ADDRESS) for _ in range(4)]
    assert len(reading_sessions()) == 4
    for answer in answers:
        assert len(titles(answer)) == CASES
        answer.close()
    # PostgreSQL ends the sessions that are too many to keep a moment after they are closed.
    wait_for(lambda: not reading_sessions(), 10, "no session reads any more")
    assert len(exporting._spare) == exporting._spare.maxlen
