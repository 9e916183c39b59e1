"""What is set need not be waited for, and no answer of Redis is ever taken for that to another question."""

import pytest
from django.core.cache import cache

from alliance.core import cache as portal_cache


@pytest.fixture(autouse=True)
def empty():
    cache.clear()
    yield
    cache.clear()


@pytest.mark.parametrize("number", [1, portal_cache.MOST_UNREAD, 3 * portal_cache.MOST_UNREAD])
def test_the_same_thread_gets_what_it_set(number):
    for value in range(number):
        cache.set(f"key-{value}", {"value": value})
    assert [cache.get(f"key-{value}") for value in range(number)] == [{"value": value} for value in range(number)]
    assert cache.get("nothing", "otherwise") == "otherwise"


def test_counts_come_between():
    cache.set("key", "value")
    count = cache.begin_count("counter", 60)
    assert count() == (1, None)
    cache.set("key", "other")
    assert cache.begin_count("another", 60, "key")() == (1, "other")
    assert cache.begin_count("counter", 60)()[0] == 2
    assert cache.get("key") == "other"


def test_how_long_something_is_kept():
    cache.set("no-time", 1, 0)
    cache.set("for-ever", 2, None)
    cache.set("a-minute", 3, 60)
    assert [cache.get(key) for key in ("no-time", "for-ever", "a-minute")] == [None, 2, 3]
    client = portal_cache.redis_client()
    assert client.ttl(cache.make_key("for-ever")) == -1
    assert 0 < client.ttl(cache.make_key("a-minute")) <= 60


def test_a_line_that_was_cut_is_taken_up_again():
    cache.set("key", "value")
    assert cache.get("key") == "value"
    cache.set("key", "newer")
    client = portal_cache.redis_client()
    for one in client.client_list():
        if int(one["id"]) != client.client_id():
            client.client_kill_filter(_id=one["id"])
    assert cache.get("key") in ("value", "newer")  # it may have been cut before it was told
    cache.set("key", "newest")
    assert cache.get("key") == "newest"


def test_nothing_overtakes_what_was_set():
    for number in range(100):
        cache.set("key", number)
        cache.delete("key")
        assert cache.get("key") is None
    cache.set("key", "value")
    cache.clear()
    assert cache.get("key") is None
