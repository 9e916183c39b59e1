"""Does the portal live, and can it work? What `/healthz` and `/readyz` say."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg2
import redis
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from alliance.core.cache import redis_client

log = logging.getLogger(__name__)

PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
HEARTBEAT_KEY = "portal-worker-heartbeat"
#: The heartbeat task runs every ten seconds; a worker that has missed four of them is called gone.
HEARTBEAT_LIMIT_SECONDS = 45.0
#: Without these no page can be answered; without the others pages work, and background work waits.
NEEDED_FOR_PAGES = frozenset({"database", "migrations"})
DATABASE_PATIENCE_SECONDS = 2


@dataclass(frozen=True)
class Check:
    """What one look at a service found; `cure` is empty when all is well."""

    name: str
    ok: bool
    cure: str = ""
    milliseconds: float = 0.0
    details: tuple[tuple[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"ok": self.ok, "milliseconds": round(self.milliseconds, 1), **dict(self.details)}
        return told if self.ok else {**told, "cure": self.cure}


def check_database() -> Check:
    """A fresh connection that answers `SELECT 1` within two seconds; kept connections could hang for longer."""
    parameters = {
        name: value
        for name, value in connection.get_connection_params().items()
        if name not in ("cursor_factory", "application_name", "connect_timeout")
    }
    session = None
    try:
        session = psycopg2.connect(
            **parameters, application_name="portal readyz", connect_timeout=DATABASE_PATIENCE_SECONDS
        )
        session.autocommit = True
        with session.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = {DATABASE_PATIENCE_SECONDS * 1_000}; SELECT 1")
    except psycopg2.Error as error:
        log.warning("The database does not answer: %s", str(error).strip())
        return Check(
            "database", False, "PostgreSQL does not answer. Is it running, and is DATABASE_URL right? See the log."
        )
    finally:
        if session is not None:
            session.close()
    return Check("database", True)


def check_redis() -> Check:
    """`PING`."""
    try:
        redis_client().ping()
    except (redis.RedisError, OSError) as error:
        log.warning("Redis does not answer: %s", error)
        return Check(
            "redis",
            False,
            "Redis does not answer. Is it running, and is REDIS_URL right? Pages work, background work waits.",
        )
    return Check("redis", True)


def beat_heart() -> None:
    """Leave the mark of a living worker. Raises: redis.RedisError when Redis is gone."""
    redis_client().set(HEARTBEAT_KEY, f"{time.time():.3f}")


def heartbeat_age_seconds() -> float | None:
    """Time since a worker last ran the heartbeat task; None when none did since Redis started, or Redis is gone."""
    try:
        stamp = redis_client().get(HEARTBEAT_KEY)
        return None if stamp is None else max(0.0, time.time() - float(stamp))
    except (redis.RedisError, OSError, ValueError):
        return None


def check_worker() -> Check:
    """A worker has run the heartbeat task lately."""
    age = heartbeat_age_seconds()
    cure = "No worker runs tasks. Start `celery -A alliance worker -B`, or read its log. Pages work without it."
    if age is None:
        return Check("worker", False, cure)
    details = (("heartbeat_age_seconds", round(age, 1)),)
    return Check("worker", age <= HEARTBEAT_LIMIT_SECONDS, cure, details=details)


_all_migrations_applied = False


def check_migrations() -> Check:
    """No migration waits. Once that was so it stays so for this process, whose code does not change."""
    global _all_migrations_applied
    if not _all_migrations_applied:
        try:
            executor = MigrationExecutor(connection)
            waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        except DatabaseError as error:
            log.warning("The state of the migrations is unknown: %s", str(error).strip())
            return Check("migrations", False, "The database does not answer.")
        if waiting:
            return Check(
                "migrations",
                False,
                "The database is older than the program. Run `manage.py migrate`.",
                details=(("waiting", waiting),),
            )
        _all_migrations_applied = True
    return Check("migrations", True)


def _timed(check: Callable[[], Check]) -> Check:
    started = time.perf_counter()
    found = check()
    spent = (time.perf_counter() - started) * 1_000
    return Check(found.name, found.ok, found.cure, spent, found.details)


def readiness() -> tuple[dict[str, Any], bool, bool]:
    """Look at every service.

    Returns: what `/readyz` says; whether all is well; whether pages can be answered.
    """
    database = _timed(check_database)
    redis_check = _timed(check_redis)
    worker = _timed(check_worker) if redis_check.ok else Check("worker", False, "Unknown while Redis does not answer.")
    migrations = (
        _timed(check_migrations)
        if database.ok
        else Check("migrations", False, "Unknown while the database does not answer.")
    )
    checks = [database, redis_check, worker, migrations]
    ready = all(check.ok for check in checks)
    pages = all(check.ok for check in checks if check.name in NEEDED_FOR_PAGES)
    status = "ready" if ready else "degraded" if pages else "unavailable"
    return {"status": status, "checks": {check.name: check.as_json() for check in checks}}, ready, pages
