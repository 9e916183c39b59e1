"""The cache, and the way to Redis. A portal without Redis is slower, not broken."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

#: After a failure Redis is left alone for so long, or every request would wait for its timeouts.
PAUSE_SECONDS = 5.0
LOG_EVERY_SECONDS = 60.0
#: Answers of Redis that may wait unread.
MOST_UNREAD = 20


class _Outage:
    """What this process knows about a Redis that does not answer; shared by its threads."""

    def __init__(self) -> None:
        self.paused_until = 0.0
        self.silent_until = 0.0

    def is_on(self) -> bool:
        return time.monotonic() < self.paused_until

    def note(self, error: Exception) -> None:
        now = time.monotonic()
        self.paused_until = now + PAUSE_SECONDS
        if now >= self.silent_until:
            self.silent_until = now + LOG_EVERY_SECONDS
            log.warning("Redis does not answer; the portal goes on without its cache: %s", error)

    def over(self) -> None:
        if self.silent_until:
            self.paused_until = self.silent_until = 0.0
            log.warning("Redis answers again.")


outage = _Outage()


def patient_once() -> Retry:
    """One second try at once: the first may meet a connection that a restart of Redis has cut."""
    return Retry(NoBackoff(), 1)


@lru_cache(maxsize=1)
def redis_client() -> redis.Redis:
    """A client of the portal's Redis for what is not a cache: heartbeats and queue lengths. Errors are raised."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2, retry=patient_once(), protocol=2
    )


class _Line(threading.local):
    """A thread's own connection, on which an answer can be waited for later. Errors are raised.

    The client takes a connection from its pool for each command, asks whether it still lives, and gives it back.
    """

    connection: Any = None
    pool: redis.ConnectionPool | None = None
    is_awaited = False
    #: Answers that nobody waits for, which come before the next one.
    unread = 0

    def send(self, *command: Any) -> None:
        self.send_all([command])

    def send_all(self, commands: list[tuple[Any, ...]]) -> None:
        """Send commands together; each answer is to be received."""
        pool = redis_client().connection_pool
        if self.pool is not pool:
            self.connection, self.pool, self.unread = pool.get_connection(), pool, 0
        elif self.is_awaited:  # Nobody took the last answer: it would be taken for that to this command.
            self.hang_up()
        self.is_awaited = True
        packed = self.connection.pack_commands(commands)
        try:
            self.connection.send_packed_command(packed, check_health=False)
        except redis.ConnectionError:
            self.unread = 0
            self.connection.send_packed_command(packed, check_health=False)

    def receive(self) -> Any:
        return self.receive_all(1)[0]

    def receive_all(self, number: int) -> list[Any]:
        try:
            while self.unread:
                self.unread -= 1
                with suppress(redis.ResponseError):
                    self.connection.read_response()
            answers = [self.connection.read_response() for _ in range(number)]
        except (redis.ConnectionError, redis.TimeoutError):
            self.hang_up()
            raise
        self.is_awaited = False
        return answers

    def ask(self, *command: Any) -> Any:
        """Ask, and once more when a restart of Redis has cut the line: for commands that may run twice."""
        try:
            self.send(*command)
            return self.receive()
        except redis.ConnectionError:
            self.send(*command)
            return self.receive()

    def tell(self, *command: Any) -> None:
        """Send a command whose answer nobody waits for."""
        self.send(*command)
        self.is_awaited = False
        self.unread += 1
        if self.unread > MOST_UNREAD:
            self.ask("PING")

    def settle(self) -> None:
        """Wait until all that was told is done: other connections then find it."""
        if self.unread and not self.is_awaited:
            self.ask("PING")

    def hang_up(self) -> None:
        self.is_awaited, self.unread = False, 0
        if self.connection is not None:
            self.connection.disconnect()


_line = _Line()


class ForgivingRedisCache(RedisCache):
    """Django's Redis cache, which acts like an empty one while Redis is gone, and says so once a minute.

    `add` then reports success and `incr` a missing key, so that whoever counts with the cache (rate limits) lets
    requests pass instead of refusing everybody.
    """

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._options = {"retry": patient_once(), **self._options}

    def _forgiving(self, operation: Callable[[], Any], otherwise: Any) -> Any:
        if outage.is_on():
            return otherwise
        try:
            answer = operation()
        except (redis.RedisError, OSError) as error:
            outage.note(error)
            return otherwise
        outage.over()
        return answer

    def _elsewhere(self, operation: Callable[[], Any], otherwise: Any) -> Any:
        """The same over a connection of the pool, after what this thread has set."""

        def settled() -> Any:
            _line.settle()
            return operation()

        return self._forgiving(settled, otherwise)

    def add(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        parent = super()
        return self._elsewhere(lambda: parent.add(key, value, timeout, version), True)

    def get(self, key, default=None, version=None):
        made = self.make_and_validate_key(key, version=version)
        found = self._forgiving(lambda: _line.ask("GET", made), None)
        return default if found is None else self._cache._serializer.loads(found)

    def set(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        """Nobody waits until it is done: what the same thread gets afterwards is what it set."""
        made, seconds = self.make_and_validate_key(key, version=version), self.get_backend_timeout(timeout)
        told = ["SET", made, self._cache._serializer.dumps(value)]
        if seconds is not None:
            told = ["DEL", made] if seconds == 0 else [*told, "EX", seconds]
        self._forgiving(lambda: _line.tell(*told), None)

    def touch(self, key, timeout=DEFAULT_TIMEOUT, version=None):
        parent = super()
        return self._elsewhere(lambda: parent.touch(key, timeout, version), False)

    def delete(self, key, version=None):
        parent = super()
        return self._elsewhere(lambda: parent.delete(key, version), False)

    def get_many(self, keys, version=None):
        parent, keys = super(), list(keys)
        return self._elsewhere(lambda: parent.get_many(keys, version), {}) if keys else {}

    def has_key(self, key, version=None):
        parent = super()
        return self._elsewhere(lambda: parent.has_key(key, version), False)

    def incr(self, key, delta=1, version=None):
        parent = super()
        answer = self._elsewhere(lambda: parent.incr(key, delta, version), None)
        if answer is None:
            raise ValueError(f"Key '{key}' not found.")
        return answer

    def begin_count(self, key: str, timeout: int, also: str = "") -> Callable[[], tuple[int | None, Any]]:
        """Begin to raise a counter that ends after `timeout` seconds, and to get what is kept at `also`.

        Returns: what waits for both, so that something else can be asked meanwhile. None: Redis is gone.
        """
        made = self.make_key(key)
        commands: list[tuple[Any, ...]] = [("INCR", made)]
        if also:
            commands.append(("GET", self.make_key(also)))
        self._forgiving(lambda: _line.send_all(commands), None)

        def raised() -> list[Any]:
            try:
                answers = _line.receive_all(len(commands))
            except redis.ConnectionError:  # a restart of Redis has cut the line
                _line.send_all(commands)
                answers = _line.receive_all(len(commands))
            if int(answers[0]) == 1:
                _line.ask("EXPIRE", made, timeout)
            return answers

        def both() -> tuple[int | None, Any]:
            number, found = (*self._forgiving(raised, [None]), None)[:2]
            return number, None if found is None else self._cache._serializer.loads(found)

        return both

    def count(self, key: str, timeout: int) -> int | None:
        """The same at once: the value of the raised counter."""
        return self.begin_count(key, timeout)()[0]

    def set_many(self, data, timeout=DEFAULT_TIMEOUT, version=None):
        parent = super()
        return self._elsewhere(lambda: parent.set_many(data, timeout, version), list(data))

    def delete_many(self, keys, version=None):
        parent, keys = super(), list(keys)
        self._elsewhere(lambda: parent.delete_many(keys, version), None)

    def clear(self):
        """Delete what this cache has stored, and leave the task queues, which live in the same database, alone."""
        return self._elsewhere(self._clear_own, False)

    def _clear_own(self) -> bool:
        client = self._cache.get_client(None, write=True)
        batch: list[bytes] = []
        for key in client.scan_iter(match=f"{self.key_prefix}:*", count=1_000):
            batch.append(key)
            if len(batch) == 1_000:
                client.unlink(*batch)
                batch.clear()
        if batch:
            client.unlink(*batch)
        return True
