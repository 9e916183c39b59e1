"""PostgreSQL, Redis and the worker go and come back: clear answers in between, and nobody has to restart anything."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import psycopg2
import pytest
from django.conf import settings
from django.db import connection

from alliance.core import health, request_id
from alliance.core.cache import ForgivingRedisCache, outage, redis_client
from alliance.members.models import User
from alliance.members.sign_in_links import link_for
from alliance.members.tasks import clear_expired_sessions
from tests.core.servers import Portal, wait_for

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

PAGE = "/standards/"
RESOURCE = "/api/v1/standards/"


@pytest.fixture(scope="module")
def portal(django_db_setup, tmp_path_factory):
    portal = Portal(tmp_path_factory.mktemp("portal"))
    try:
        portal.start_web()
        yield portal
    finally:
        portal.stop_all()


@pytest.fixture
def worker(portal):
    portal.start_worker()
    yield portal
    portal.stop("worker")


@pytest.fixture
def table_locked():
    """Locks a table against everybody until the block ends."""

    @contextlib.contextmanager
    def lock(table: str):
        parameters = {k: v for k, v in connection.get_connection_params().items() if k != "cursor_factory"}
        session = psycopg2.connect(**parameters)
        try:
            with session.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield session
        finally:
            session.close()

    return lock


def sessions_named(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [name])
        return cursor.fetchone()[0]


def sign_in(portal: Portal) -> str:
    """The cookie header of an administrator who has just signed in over HTTP."""
    user, _created = User.objects.get_or_create(
        email="chair@example.org", defaults={"is_staff": True, "is_superuser": True}
    )
    path = link_for(user).removeprefix(settings.PORTAL_ORIGIN)
    page = portal.get(path)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token, page.text
    cookies = SimpleCookie(page.headers["Set-Cookie"])
    data = urlencode({"csrfmiddlewaretoken": token[1]}).encode()
    request = NoRedirect.request(portal, path, data, f"csrftoken={cookies['csrftoken'].value}")
    return f"sessionid={SimpleCookie(request)['sessionid'].value}"


class NoRedirect:
    """A form sent without following the redirect, for the sake of its cookies."""

    @staticmethod
    def request(portal: Portal, path: str, data: bytes, cookie: str) -> str:
        import http.client

        client = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=10)
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        client.request("POST", path, data, headers)
        answer = client.getresponse()
        answer.read()
        assert answer.status == 302
        cookies = "; ".join(value.split(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie")
        client.close()
        return cookies


# --- PostgreSQL ------------------------------------------------------------------------------------------------------
def test_postgresql_gone_and_back(portal):
    cookie = sign_in(portal)
    for path in (PAGE, RESOURCE, PAGE, RESOURCE):
        assert portal.get(path, Cookie=cookie).status == 200
    portal.database.cut()
    try:
        for cookies in ({}, {"Cookie": cookie}):
            for path in (PAGE, "/admin/", "/", "/use-cases/no-such-case/")[: 4 if cookies else 1]:
                page = portal.get(path, **cookies)
                assert (page.status, page.headers["Retry-After"]) == (503, "10"), path
                assert page.headers["Content-Type"].startswith("text/html")
                assert "not ready just now" in page.text
                assert page.headers["Content-Security-Policy"]
                assert "no-store" in page.headers["Cache-Control"]
        problem = portal.get(RESOURCE)
        assert (problem.status, problem.json()["status"]) == (503, 503)
        assert problem.headers["Content-Type"] == "application/problem+json"
        assert problem.headers["Retry-After"] == "10"
        assert "database" in problem.json()["detail"]
        assert portal.get("/healthz").status == 200
        ready = portal.get("/readyz")
        assert (ready.status, ready.json()["checks"]["database"]["ok"]) == (503, False)
        assert "portal_database_up 0.0" in portal.get("/metrics").text
    finally:
        portal.database.mend()
    # Every thread of both processes has a broken connection; each must find out without a 500.
    after = [portal.get(path, Cookie=cookie).status for path in (PAGE, RESOURCE) for _ in range(12)]
    assert set(after) <= {200, 503}
    assert after[-4:] == [200] * 4
    assert not [line for line in portal.lines("web") if line.get("status") == 500]


def test_a_backend_that_is_killed_costs_at_most_one_answer(portal):
    assert portal.get(PAGE).status == 200
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'portal%'"
        )
    assert {portal.get(PAGE).status for _ in range(16)} == {200}


def test_a_statement_that_takes_too_long_is_stopped_and_explained(portal, table_locked):
    with table_locked("standards_standard"):
        page, problem = portal.get(PAGE), portal.get(RESOURCE)
    assert page.status == problem.status == 503
    assert 1.3 < page.seconds < 6
    assert "took too long" in page.text
    assert "took too long" in problem.json()["detail"]
    assert portal.get(PAGE).status == portal.get(RESOURCE).status == 200


def test_the_request_id_is_the_name_of_the_database_session(portal, table_locked):
    with table_locked("standards_standard"):
        asking = threading.Thread(target=portal.get, args=(PAGE,), kwargs={"X_Request_ID": "who-holds-the-lock"})
        asking.start()
        wait_for(lambda: sessions_named("portal who-holds-the-lock"), 5, "the session's name")
        asking.join()


# --- Redis -----------------------------------------------------------------------------------------------------------
def test_redis_gone_and_back(portal):
    health.beat_heart()
    cookie = sign_in(portal)
    assert portal.get("/readyz").status == 200
    portal.redis.cut()
    try:
        for path in (PAGE, RESOURCE, "/", "/accounts/login/", "/admin/"):
            answer = portal.get(path, Cookie=cookie)
            assert answer.status == 200, path
            assert answer.seconds < 5, path
        # Rate limits count in Redis: without it, signing in still works, and a wrong password is still wrong.
        page = portal.get("/accounts/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token
        csrf = SimpleCookie(page.headers["Set-Cookie"])["csrftoken"].value
        form = {"csrfmiddlewaretoken": token[1], "login": "chair@example.org", "password": "not-the-password"}
        refused = portal.request("POST", "/accounts/login/", urlencode(form).encode(), Cookie=f"csrftoken={csrf}")
        assert refused.status == 200
        assert "not correct" in refused.text
        ready = portal.get("/readyz")
        assert (ready.status, ready.json()["status"]) == (503, "degraded")
        assert not ready.json()["checks"]["redis"]["ok"]
        assert portal.get("/readyz?for=pages").status == 200
        assert "portal_redis_up 0.0" in portal.get("/metrics").text
    finally:
        portal.redis.mend()
    wait_for(lambda: portal.get("/readyz").status == 200, 10, "readiness after Redis came back")
    said = [
        line for line in portal.lines("web") if line["logger"] == "alliance.core.cache" and "goes on" in line["message"]
    ]
    assert 1 <= len(said) <= 2 * 2, "once a minute and process, or the log drowns"


def test_a_cache_without_redis_is_an_empty_cache(caplog):
    outage.over()
    cache = ForgivingRedisCache("redis://127.0.0.1:9/0", {"OPTIONS": {"socket_connect_timeout": 1}})
    try:
        started = time.monotonic()
        for _ in range(50):
            assert cache.get("key", "nothing") == "nothing"
            cache.set("key", 1)
            assert cache.add("key", 1) is True
            assert cache.get_or_set("key", lambda: 7) == 7
            assert cache.get_many(["a", "b"]) == {}
            assert cache.set_many({"a": 1}) == ["a"]
            assert cache.has_key("key") is False
            assert cache.touch("key") is False
            assert cache.delete("key") is False
            cache.delete_many(["a"])
            cache.clear()
            with pytest.raises(ValueError, match="not found"):
                cache.incr("key")
        assert time.monotonic() - started < 2
        assert len([record for record in caplog.records if "goes on without" in record.message]) == 1
    finally:
        outage.over()


def test_clearing_the_cache_leaves_other_keys_alone():
    from django.core.cache import cache

    cache.set("mine", 1)
    redis_client().set("test-not-a-cache-key", "1")
    try:
        cache.clear()
        assert cache.get("mine") is None
        assert redis_client().get("test-not-a-cache-key") == b"1"
    finally:
        redis_client().delete("test-not-a-cache-key")


def test_a_task_that_cannot_be_queued_does_not_break_who_starts_it():
    code = """
import time
import django; django.setup()
from alliance.core import metrics
from alliance.members.tasks import clear_expired_sessions
for _ in range(2):
    started = time.monotonic()
    assert clear_expired_sessions.delay().id
    print(round(time.monotonic() - started, 2))
print(metrics.TASKS_NOT_QUEUED.labels(clear_expired_sessions.name)._value.get())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env=os.environ | {"REDIS_URL": "redis://127.0.0.1:9/0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second, counted = (float(line) for line in done.stdout.split())
    assert first < 3
    assert second < 0.1, "a Redis known to be gone is not asked again at once"
    assert counted == 2
    assert done.stderr.count("could not be queued") == 2


# --- the worker ------------------------------------------------------------------------------------------------------
def test_the_request_id_reaches_the_worker_its_log_and_its_database_session(worker, table_locked):
    with table_locked("django_session"):
        with request_id.working_for("asked-by-request-7", is_web=True):
            task = clear_expired_sessions.delay()
        wait_for(lambda: sessions_named("portal asked-by-request-7"), 10, "the session's name")

    def line():
        return [line for line in worker.lines("worker") if line.get("task_id") == task.id]

    (told,) = wait_for(line, 10, "the task's line in the log")
    assert (told["state"], told["request_id"]) == ("SUCCESS", "asked-by-request-7")
    assert told["task"] == "alliance.members.tasks.clear_expired_sessions"


def test_worker_gone_and_back(worker):
    wait_for(lambda: worker.get("/readyz").json()["checks"]["worker"]["ok"], 10, "the first heartbeat")
    worker.stop("worker", signal.SIGKILL)
    # As much later as it takes to miss the heartbeats.
    redis_client().set(health.HEARTBEAT_KEY, str(time.time() - health.HEARTBEAT_LIMIT_SECONDS - 1))
    ready = worker.get("/readyz")
    assert (ready.status, ready.json()["status"]) == (503, "degraded")
    assert worker.get(PAGE).status == 200
    task = clear_expired_sessions.delay()  # while nobody is there to do it
    worker.start_worker()
    wait_for(lambda: worker.get("/readyz").status == 200, 10, "readiness with a new worker")
    wait_for(lambda: task.id in worker.log("worker"), 10, "the task that waited")


def test_the_worker_survives_redis_going_and_coming(worker):
    seen = len(worker.log("worker"))
    worker.redis.cut()
    wait_for(lambda: "onnection" in worker.log("worker")[seen:], 10, "the worker notices")
    worker.redis.mend()
    task = clear_expired_sessions.delay()

    def done():
        return [
            line for line in worker.lines("worker") if line.get("task_id") == task.id and line.get("state") == "SUCCESS"
        ]

    wait_for(done, 14, "the task after Redis came back")


# --- counters of several processes -----------------------------------------------------------------------------------
def test_metrics_add_up_over_the_processes(portal):
    def count() -> float:
        found = re.search(
            r'portal_http_requests_total\{method="GET",route="/accounts/signup/",status="200"\} (\S+)',
            portal.get("/metrics").text,
        )
        return float(found[1]) if found else 0.0

    before = count()
    for _ in range(20):
        assert portal.get("/accounts/signup/").status == 200
    assert count() == before + 20


def test_an_address_of_10_kb_is_explained_by_the_portal_itself(portal):
    answer = portal.get("/use-cases/?q=" + "a" * 10_000)
    assert answer.status == 400
    assert "longer than 8192 bytes" in answer.text


def test_no_log_line_holds_a_sign_in_link(portal):
    sign_in(portal)
    log = portal.log("web")
    assert "/accounts/link/[hidden]/" in log
    assert not re.search(r"/accounts/link/(?!\[hidden\]|<str:token>)", log)
