"""`/metrics`: who may read it, and what it counts."""

import pytest

from alliance.core import health
from alliance.core.cache import redis_client


def value_of(text: str, line_start: str) -> float:
    """The value of the first sample whose line starts so; 0 when there is none."""
    return next((float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(line_start)), 0.0)


def read(client, **headers: str) -> str:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    return answer.content.decode()


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 403),
        ("192.0.2.7", {}, 403),
        ("", {}, 403),
        ("192.0.2.7", {"Authorization": "Bearer right-token"}, 200),
        ("192.0.2.7", {"Authorization": "Bearer wrong-token"}, 403),
        ("192.0.2.7", {"Authorization": "Bearer "}, 403),
        ("192.0.2.7", {"Authorization": "Bearer ü"}, 403),
    ],
)
def test_who_may_read(client, db, settings, address, headers, status):
    settings.METRICS_TOKEN = "right-token"
    assert client.get("/metrics", headers=headers, REMOTE_ADDR=address).status_code == status


def test_without_a_token_in_the_settings_no_token_opens(client, db, settings):
    settings.METRICS_TOKEN = ""
    answer = client.get("/metrics", headers={"Authorization": "Bearer "}, REMOTE_ADDR="192.0.2.7")
    assert answer.status_code == 403
    assert b"METRICS_TOKEN" in answer.content


def test_requests_are_counted_by_route_and_not_by_address(client, db):
    sample = 'portal_http_requests_total{method="GET",route="/accounts/link/<str:token>/",status="410"}'
    before = value_of(read(client), sample)
    client.get("/accounts/link/one/")
    client.get("/accounts/link/two/")
    text = read(client)
    assert value_of(text, sample) == before + 2
    assert "/accounts/link/one" not in text
    timed = 'portal_http_request_seconds_count{method="GET",route="/accounts/link/<str:token>/"}'
    assert value_of(text, timed) >= 2


def test_unknown_addresses_and_methods_do_not_make_series(client, db):
    client.get("/no-such-page-1/")
    client.generic("BREW", "/no-such-page-2/")
    text = read(client)
    assert "no-such-page" not in text
    assert "BREW" not in text
    assert value_of(text, 'portal_http_requests_total{method="other",route="unmatched"') >= 1


def test_services_are_looked_up(client, db, settings):
    # A queue of the test's own: a worker may be running on the portal's.
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": "test-metrics-"}
    redis_client().delete("test-metrics-celery")
    redis_client().rpush("test-metrics-celery", "one", "two")
    health.beat_heart()
    try:
        text = read(client)
    finally:
        redis_client().delete("test-metrics-celery")
    assert value_of(text, "portal_database_up") == 1
    assert value_of(text, "portal_redis_up") == 1
    assert value_of(text, "portal_queue_length") == 2
    assert 0 <= value_of(text, "portal_worker_heartbeat_age_seconds") < 30
