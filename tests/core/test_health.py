"""`/healthz` and `/readyz`: what they say of each service, to whom they answer."""

import time

import pytest
from django.db import connection

from alliance.core import health
from alliance.core.cache import redis_client

UNUSED = 9  # the discard port: nothing listens


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    """No test inherits what another one found out."""
    monkeypatch.setattr(health, "_all_migrations_applied", False)
    redis_client.cache_clear()
    yield
    redis_client.cache_clear()


@pytest.fixture
def worker_alive(db):
    health.beat_heart()


def test_healthz_needs_no_service(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert "no-store" in answer["Cache-Control"]


def test_all_well(client, worker_alive):
    answer = client.get("/readyz")
    told = answer.json()
    assert (answer.status_code, told["status"]) == (200, "ready")
    assert set(told["checks"]) == {"database", "redis", "worker", "migrations"}
    assert all(check["ok"] and "cure" not in check for check in told["checks"].values())


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_come_by_address_over_plain_http(client, worker_alive, settings, path):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(path, headers={"host": "10.20.30.40:8000"}).status_code == 200


def test_other_methods_are_refused(client, db):
    answer = client.post("/readyz")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")


def test_a_silent_worker_is_told_and_pages_go_on(client, worker_alive):
    redis_client().set(health.HEARTBEAT_KEY, str(time.time() - health.HEARTBEAT_LIMIT_SECONDS - 1))
    answer = client.get("/readyz")
    told = answer.json()
    assert (answer.status_code, told["status"]) == (503, "degraded")
    assert told["checks"]["worker"]["heartbeat_age_seconds"] > health.HEARTBEAT_LIMIT_SECONDS
    assert "celery" in told["checks"]["worker"]["cure"]
    assert client.get("/readyz?for=pages").status_code == 200


def test_a_worker_that_never_ran(client, db):
    redis_client().delete(health.HEARTBEAT_KEY)
    told = client.get("/readyz").json()
    assert (told["checks"]["worker"]["ok"], told["checks"]["redis"]["ok"]) == (False, True)


def test_redis_gone(client, db, settings):
    settings.REDIS_URL = f"redis://:hunter2@127.0.0.1:{UNUSED}/0"
    answer = client.get("/readyz")
    told = answer.json()
    assert (answer.status_code, told["status"]) == (503, "degraded")
    assert not told["checks"]["redis"]["ok"]
    assert not told["checks"]["worker"]["ok"]
    assert told["checks"]["database"]["ok"]
    assert b"hunter2" not in answer.content
    assert client.get("/readyz?for=pages").status_code == 200


def test_database_gone(client, worker_alive, monkeypatch):
    reachable = connection.get_connection_params()
    monkeypatch.setattr(connection, "get_connection_params", lambda: {**reachable, "host": "127.0.0.1", "port": UNUSED})
    answer = client.get("/readyz")
    told = answer.json()
    assert (answer.status_code, told["status"]) == (503, "unavailable")
    assert not told["checks"]["database"]["ok"]
    assert not told["checks"]["migrations"]["ok"]
    assert told["checks"]["redis"]["ok"]
    assert client.get("/readyz?for=pages").status_code == 503


def test_a_waiting_migration(client, worker_alive):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'kpis'")
    answer = client.get("/readyz")
    told = answer.json()
    assert (answer.status_code, told["status"]) == (503, "unavailable")
    assert told["checks"]["migrations"]["waiting"] >= 1
    assert "migrate" in told["checks"]["migrations"]["cure"]
