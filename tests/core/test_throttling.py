"""Quotas: counted for each client, told in headers, and forgotten while Redis is gone."""

import re

import pytest
import redis
import time_machine
from django.core.cache import cache

from alliance.core.cache import _line, outage, redis_client
from alliance.core.throttling import ClientRateThrottle
from alliance.members.models import User

ADDRESS = "/api/v1/verticals/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def three_a_minute(settings):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"client": "3/min"}}
    with time_machine.travel("2026-11-24T12:00:20Z", tick=False) as clock:
        yield clock


def left(response) -> tuple[int, int]:
    match = re.fullmatch(r'"client";r=(\d+);t=(\d+)', response["RateLimit"])
    assert match, response["RateLimit"]
    return int(match[1]), int(match[2])


def test_every_answer_tells_what_is_left(client, three_a_minute):
    for remaining in (2, 1, 0):
        response = client.get(ADDRESS)
        assert response.status_code == 200
        assert response["RateLimit-Policy"] == '"client";q=3;w=60'
        assert left(response) == (remaining, 40)


def test_one_too_many_is_a_problem_that_says_when_to_come_back(client, three_a_minute):
    for _ in range(3):
        client.get(ADDRESS)
    response = client.get(ADDRESS)
    assert response.status_code == 429
    assert response["Content-Type"] == "application/problem+json"
    assert response["Retry-After"] == "40"
    assert left(response) == (0, 40)
    assert response.json()["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert response.json()["violated-policies"] == ["client"]

    three_a_minute.shift(40)
    assert left(client.get(ADDRESS)) == (2, 60)


def test_errors_and_304_are_counted_and_told(client, three_a_minute):
    tag = client.get(ADDRESS)["ETag"]
    assert left(client.get(ADDRESS, headers={"if-none-match": tag})) == (1, 40)
    assert left(client.get(f"{ADDRESS}?nonsense=1")) == (0, 40)


def test_clients_are_counted_apart(client, three_a_minute):
    for _ in range(3):
        client.get(ADDRESS)
    assert client.get(ADDRESS).status_code == 429
    assert client.get(ADDRESS, REMOTE_ADDR="192.0.2.7").status_code == 200

    client.force_login(User.objects.create_user("reader@example.org", "a long password"))
    assert left(client.get(ADDRESS))[0] == 2


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted_together"),
    [
        (0, ["203.0.113.1", "203.0.113.2"], True),  # nobody is believed: all come from one address
        (1, ["203.0.113.1", "203.0.113.2"], False),
        (1, ["9.9.9.9, 203.0.113.1", "8.8.8.8, 203.0.113.1"], True),  # what a client writes itself does not count
        (2, ["203.0.113.1, 10.0.0.1", "203.0.113.1, 10.0.0.2"], True),
    ],
)
def test_as_many_proxies_are_believed_as_there_are(
    client, settings, three_a_minute, proxies, forwarded, counted_together
):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    first, second = (left(client.get(ADDRESS, headers={"x-forwarded-for": text}))[0] for text in forwarded)
    assert first == 2
    assert second == (1 if counted_together else 2)


def test_no_address_of_a_reader_is_stored(rf):
    request = rf.get(ADDRESS, REMOTE_ADDR="192.0.2.7")
    request.user = None
    key = ClientRateThrottle().get_cache_key(request, None)
    assert "192.0.2.7" not in key
    assert len(key) < 60


@pytest.fixture
def redis_gone(monkeypatch):
    def gone(*args, **kwargs):
        raise redis.ConnectionError("gone")

    monkeypatch.setattr("redis.connection.AbstractConnection.send_packed_command", gone)
    yield
    outage.over()


def test_without_redis_everybody_is_let_through(client, three_a_minute, redis_gone):
    for _ in range(5):
        response = client.get(ADDRESS)
        assert response.status_code == 200
        assert "RateLimit" not in response


def test_an_answer_that_nobody_took_is_not_the_next_one():
    for _ in range(4):
        cache.begin_count("test-counted-often", 60)()
    cache.begin_count("test-counted-often", 60)  # an error ends the request before the count is asked for
    assert cache.begin_count("test-counted-once", 60)()[0] == 1
    assert cache.begin_count("test-counted-often", 60)()[0] == 6
    cache.delete_many(["test-counted-often", "test-counted-once"])


def test_a_cut_line_is_made_anew():
    assert cache.begin_count("test-counted", 60)()[0] == 1
    redis_client().client_kill_filter(_id=_line.ask("CLIENT", "ID"))
    assert cache.begin_count("test-counted", 60)()[0] in (2, 3)  # the cut may have come before or after the counting
    cache.delete("test-counted")


def test_a_client_is_counted_once_however_it_is_answered(client, three_a_minute):
    address = "/api/v1/use-cases/"
    tag = client.get(address)["ETag"]
    changed = client.get(address, headers={"if-none-match": f'"{"0" * 32}.{tag.partition(".")[2]}'})
    assert (changed.status_code, left(changed)) == (304, (1, 40))
    assert left(client.get(address, headers={"if-none-match": '"an.other"'})) == (0, 40)
    refused = client.get(address, headers={"if-none-match": tag})
    assert (refused.status_code, left(refused)) == (429, (0, 40))
