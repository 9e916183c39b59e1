"""What `/metrics` tells, in Prometheus' text format.

Requests are counted in each process; under gunicorn the processes share their counts through the files of
PROMETHEUS_MULTIPROC_DIR (see `gunicorn.conf.py`). The state of the services is looked up when it is asked for.
"""

import os
from collections.abc import Iterable
from hmac import compare_digest

from django.conf import settings
from django.http import HttpRequest
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from alliance.core import health
from alliance.core.cache import redis_client

CONTENT_TYPE = CONTENT_TYPE_LATEST
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REQUESTS = Counter("portal_http_requests", "Answered requests.", ["method", "route", "status"])
SECONDS = Histogram(
    "portal_http_request_seconds",
    "Time from receiving a request to the start of its answer.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
TASKS_NOT_QUEUED = Counter("portal_tasks_not_queued", "Tasks that Redis could not take.", ["task"])
SERVICE_FAILURES = Counter("portal_service_failures", "Requests that failed with a service.", ["service"])
#: What higher floors look up when they are asked.
LOOKED_UP: list[Collector] = []


def route_of(request: HttpRequest) -> str:
    """The pattern that the request's address matched: few values, and never a secret inside."""
    if request.resolver_match is not None:
        return f"/{request.resolver_match.route}"
    if request.path_info.startswith(settings.STATIC_URL):
        return settings.STATIC_URL
    return request.path_info if request.path_info in health.PATHS else "unmatched"


def count_request(request: HttpRequest, status: int, seconds: float) -> None:
    """Count one answered request."""
    method = request.method if request.method in _METHODS else "other"
    route = route_of(request)
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(method, route).observe(seconds)


class ServicesCollector(Collector):
    """The services as they are at the moment of asking."""

    def collect(self) -> Iterable[Metric]:
        database, redis = health.check_database(), health.check_redis()
        yield GaugeMetricFamily("portal_database_up", "1: the database answers.", value=float(database.ok))
        yield GaugeMetricFamily("portal_redis_up", "1: Redis answers.", value=float(redis.ok))
        if not redis.ok:
            return
        age = health.heartbeat_age_seconds()
        if age is not None:
            yield GaugeMetricFamily(
                "portal_worker_heartbeat_age_seconds", "Time since a worker last ran the heartbeat task.", value=age
            )
        yield GaugeMetricFamily("portal_queue_length", "Tasks that wait for a worker.", value=float(queue_length()))


def queue_length() -> int:
    """How many tasks wait. Raises: redis.RedisError when Redis is gone."""
    key = f"{settings.CELERY_BROKER_TRANSPORT_OPTIONS['global_keyprefix']}celery"
    return int(redis_client().llen(key))


def render() -> bytes:
    """All metrics of all processes of this server."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        counted = CollectorRegistry()
        MultiProcessCollector(counted)
    else:
        counted = REGISTRY
    looked_up = CollectorRegistry()
    for collector in (ServicesCollector(), *LOOKED_UP):
        looked_up.register(collector)
    return generate_latest(counted) + generate_latest(looked_up)


def may_read(request: HttpRequest) -> bool:
    """Programs on this machine, unless a proxy passes on somebody else's request; and who knows the token."""
    offered = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    token = settings.METRICS_TOKEN
    if token and offered and compare_digest(offered.encode(), token.encode()):
        return True
    forwarded = any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"))
    return request.META.get("REMOTE_ADDR") in ("127.0.0.1", "::1") and not forwarded
